"""Define the flows that show the invariants: what is there before, what a person then does.

Each round of a flow has a slot and a patient of its own, so that many rounds fit into one clinic.
`calls` are the calls of a round by docs/costs.md, as (remote, method, path); `mails` what the
patient gets, whatever goes wrong on the way.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tests.support.clinic import ZONE, Clinic, utc
from tests.support.group_clinic import GROUP, make_groups

Call = tuple[str, str, str]
Mail = tuple[str, str]

GET_HERE: Call = ("drchrono", "GET", r"^/api/appointments/\d+$")
POST_HERE: Call = ("drchrono", "POST", r"^/api/appointments$")
PATCH_HERE: Call = ("drchrono", "PATCH", r"^/api/appointments/\d+$")
GET_PATIENT: Call = ("drchrono", "GET", r"^/api/patients/\d+$")
FIND_PATIENT: Call = ("drchrono", "GET", r"^/api/patients$")
POST_PATIENT: Call = ("drchrono", "POST", r"^/api/patients$")
PATCH_PATIENT: Call = ("drchrono", "PATCH", r"^/api/patients/\d+$")
GET_THERE: Call = ("oncall", "GET", r"^/appointments/\d+/$")
POST_THERE: Call = ("oncall", "POST", r"^/appointments/$")
PATCH_THERE: Call = ("oncall", "PATCH", r"^/appointments/\d+/$")
PATCH_WHO: Call = ("oncall", "PATCH", r"^/participants/\d+/$")
FIND_CONTACT: Call = ("oncall", "GET", r"^/contacts/$")
POST_CONTACT: Call = ("oncall", "POST", r"^/contacts/$")
PATCH_CONTACT: Call = ("oncall", "PATCH", r"^/contacts/\d+/$")


@dataclass(frozen=True)
class Round:
    """One round: its number, its patient, and the ids of what stood before."""

    number: int
    patient: int
    appointment: str = ""
    visit: str = ""
    second: int = 0  # of a group: the other member's patient


@dataclass(frozen=True)
class Flow:
    """What stands before (`prepare`), and the change that is to arrive (`act`)."""

    name: str
    prepare: Callable[[Clinic, int], Round]
    act: Callable[[Clinic, Round], object]
    calls: tuple[Call, ...]
    mails: tuple[Mail, ...]

    def __str__(self) -> str:
        return self.name


# --- times and people -----------------------------------------------------------------------------


def slot(number: int, *, minute: int = 0) -> datetime:
    """The slot of a round (aware UTC): full hours, nine a day, from ten days ahead."""
    return utc(days=10 + number // 9, hour=13 + number % 9) + timedelta(minutes=minute)


def here(at: datetime) -> str:
    """A time as DrChrono is told it: the doctor's wall clock."""
    return f"{at.astimezone(ZONE):%Y-%m-%dT%H:%M:%S}"


def there(at: datetime) -> str:
    """A time as OnCall is told it."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def name_of(number: int) -> dict[str, str]:
    """Who comes in a round."""
    return {
        "first_name": "Vera",
        "last_name": f"Lindqvist{chr(65 + number // 26)}{chr(97 + number % 26)}",
        "email": f"vera{number}@mail.example",
    }


# --- what stands before ---------------------------------------------------------------------------


def a_patient(clinic: Clinic, number: int) -> Round:
    """A chart that has been edited once (so that a stale read shows it older), and no visit yet."""
    patient = clinic.new_patient(**name_of(number))
    clinic.edit_patient(patient, home_phone="(212) 555-0100")
    return Round(number, patient)


def a_visit(clinic: Clinic, number: int) -> Round:
    """A visit that stands on both sides, booked in DrChrono and made shorter since."""
    patient = a_patient(clinic, number).patient
    appointment = clinic.book(patient=patient, scheduled_time=here(slot(number)))
    clinic.settle()
    clinic.edit(appointment, duration=20)
    clinic.settle()
    (visit,) = [v for v in clinic.visits() if v["participants"][0]["email"] == _email(number)]
    return Round(number, patient, appointment, visit["id"])


def a_known_person(clinic: Clinic, number: int) -> Round:
    """A patient whom the service knows from an earlier visit, cancelled since."""
    stands = a_visit(clinic, number)
    clinic.edit(stands.appointment, status="Cancelled")
    clinic.settle()
    return Round(number, stands.patient)


def nobody(clinic: Clinic, number: int) -> Round:
    """Somebody whom neither side knows, with a provider whom OnCall tells."""
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    return Round(number, 0)


def two_patients(clinic: Clinic, number: int) -> Round:
    """Two charts that have been edited once, in a clinic with a group profile."""
    if make_groups(clinic):
        clinic.beat("mapping")
    second = clinic.new_patient(**other_of(number))
    clinic.edit_patient(second, home_phone="(212) 555-0100")
    return replace(a_patient(clinic, number), second=second)


def a_group(clinic: Clinic, number: int) -> Round:
    """A group visit of one so far, that stands on both sides and was made shorter since."""
    two = two_patients(clinic, number)
    appointment = _book_member(clinic, two, two.patient)
    clinic.settle()
    clinic.edit(appointment, duration=20)
    clinic.settle()
    (visit,) = [v for v in clinic.visits() if v["participants"][0]["email"] == _email(number)]
    return replace(two, appointment=appointment, visit=visit["id"])


def two_known_people(clinic: Clinic, number: int) -> Round:
    """Two charts that the service has heard of, and OnCall tells its provider."""
    two = two_patients(clinic, number)
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    return two


def _book_member(clinic: Clinic, this: Round, patient: int) -> str:
    return clinic.book(
        patient=patient,
        scheduled_time=here(slot(this.number)),
        duration=20 if this.appointment else 30,
        profile=GROUP,
        allow_overlapping=True,
    )


def other_of(number: int) -> dict[str, str]:
    """Who comes with them in a group."""
    return {**name_of(number), "first_name": "Omar", "email": f"omar{number}@mail.example"}


def _email(number: int) -> str:
    return name_of(number)["email"]


# --- what people do -------------------------------------------------------------------------------


def book(clinic: Clinic, this: Round) -> None:
    """Staff book in DrChrono."""
    clinic.book(patient=this.patient, scheduled_time=here(slot(this.number)))


def move(clinic: Clinic, this: Round) -> None:
    """Staff move the visit by half an hour in DrChrono."""
    clinic.edit(this.appointment, scheduled_time=here(slot(this.number, minute=30)))


def cancel(clinic: Clinic, this: Round) -> None:
    """Staff cancel in DrChrono."""
    clinic.edit(this.appointment, status="Cancelled")


def delete(clinic: Clinic, this: Round) -> None:
    """Staff delete in DrChrono."""
    clinic.delete(this.appointment)


def new_address(clinic: Clinic, this: Round) -> None:
    """Staff change the e-mail on the chart."""
    clinic.edit_patient(this.patient, email=f"new.{_email(this.number)}")


def invite(clinic: Clinic, this: Round) -> None:
    """Staff book in OnCall."""
    clinic.invite(datetime=there(slot(this.number, minute=30)), participants=[name_of(this.number)])


def invite_somebody_new(clinic: Clinic, this: Round) -> None:
    """Staff book somebody unknown in OnCall."""
    base = clinic.sandbox.oncall_url
    clinic.invite(
        datetime=there(slot(this.number, minute=30)),
        participants=[name_of(this.number)],
        provider=f"{base}/providers/196159/",
        division=f"{base}/divisions/2405/",
    )


def book_both(clinic: Clinic, this: Round) -> None:
    """Staff book a group of two in DrChrono."""
    _book_member(clinic, this, this.patient)
    _book_member(clinic, this, this.second)


def join(clinic: Clinic, this: Round) -> None:
    """Staff book a second member in DrChrono."""
    _book_member(clinic, this, this.second)


def invite_both(clinic: Clinic, this: Round) -> None:
    """Staff book a group of two in OnCall."""
    at = there(slot(this.number, minute=30))
    who = [name_of(this.number), other_of(this.number)]
    clinic.invite(datetime=at, participants=who, type="phone")


def move_there(clinic: Clinic, this: Round) -> None:
    """Staff move the visit by half an hour in OnCall."""
    clinic.change_visit(this.visit, datetime=there(slot(this.number, minute=30)))


def cancel_there(clinic: Clinic, this: Round) -> None:
    """The patient cancels in OnCall."""
    clinic.change_visit(this.visit, by="patient", cancelled=True)


FLOWS = (
    Flow(
        "booked",
        a_patient,
        book,
        (GET_HERE, GET_PATIENT, POST_THERE, PATCH_HERE, FIND_CONTACT, POST_CONTACT, PATCH_PATIENT),
        (("invitation", "app"),),
    ),
    Flow("moved", a_visit, move, (GET_HERE, GET_THERE, PATCH_THERE), (("change", "app"),)),
    Flow(
        "cancelled", a_visit, cancel, (GET_HERE, GET_THERE, PATCH_THERE), (("cancellation", "app"),)
    ),
    Flow(
        "deleted", a_visit, delete, (GET_HERE, GET_THERE, PATCH_THERE), (("cancellation", "app"),)
    ),
    Flow(
        "new_address",
        a_visit,
        new_address,
        (GET_PATIENT, PATCH_CONTACT, PATCH_WHO),
        (("invitation", "app"),),
    ),
    Flow(
        "invited",
        a_known_person,
        invite,
        (GET_THERE, POST_HERE, PATCH_THERE),
        (("invitation", "staff"),),
    ),
    Flow(
        "invited_somebody_new",
        nobody,
        invite_somebody_new,
        (GET_THERE, FIND_CONTACT, FIND_PATIENT, POST_PATIENT, POST_HERE, PATCH_THERE, POST_CONTACT),
        (("invitation", "staff"),),
    ),
    Flow(
        "moved_in_oncall",
        a_visit,
        move_there,
        (GET_THERE, GET_HERE, PATCH_HERE),
        (("change", "staff"),),
    ),
    Flow(
        "cancelled_by_the_patient",
        a_visit,
        cancel_there,
        (GET_THERE, GET_HERE, PATCH_HERE),
        (("cancellation", "patient"),),
    ),
    Flow(
        "grouped",
        two_patients,
        book_both,
        (GET_HERE, GET_PATIENT, POST_THERE, PATCH_HERE, FIND_CONTACT, POST_CONTACT),
        (("invitation", "app"),) * 2,
    ),
    Flow(
        "joined",
        a_group,
        join,
        (GET_HERE, GET_PATIENT, GET_THERE, PATCH_THERE, PATCH_HERE),
        (("invitation", "app"),),
    ),
    Flow(
        "invited_together",
        two_known_people,
        invite_both,
        (GET_THERE, POST_HERE, PATCH_THERE),
        (("invitation", "staff"),) * 2,
    ),
)

# Many rounds in one clinic are many calls and cancellations; the limits have tests of their own.
NO_LIMITS: dict[str, Any] = {
    "drchrono_hourly_limit": 100_000,
    "brake_count": 10_000,
    "writes_per_visit_day": 1000,
}


def prepared(clinic: Clinic, flow: Flow, number: int) -> Round:
    """What stands before the change of a flow, and nothing of it is fresh any more.

    A bare hint within half a minute of a write of ours would be taken for its echo.
    """
    stands = flow.prepare(clinic, number)
    clinic.advance(120)
    clinic.settle()
    return stands


def prove_the_list(clinic: Clinic) -> None:
    """Let the service see that OnCall's list shows what was just made (the ladder's condition)."""
    clinic.book(patient=clinic.patient, scheduled_time=here(slot(200)))
    clinic.settle()
    clinic.catch_up()
    clinic.forget()
