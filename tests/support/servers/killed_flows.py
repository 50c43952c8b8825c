"""Define the flows in which a worker is killed: the invariants', and further plans."""

from dataclasses import dataclass, replace

from sync.run.evidence import staleness
from tests.support.clinic import Clinic
from tests.support.flows import (
    FIND_CONTACT,
    FLOWS,
    GET_HERE,
    GET_PATIENT,
    GET_THERE,
    PATCH_HERE,
    PATCH_PATIENT,
    PATCH_THERE,
    PATCH_WHO,
    POST_CONTACT,
    POST_THERE,
    Flow,
    Round,
    a_group,
    a_known_person,
    a_visit,
    book_both,
    delete,
    here,
    invite,
    join,
    other_of,
    slot,
    there,
    two_patients,
)


@dataclass(frozen=True)
class Killed:
    """A flow, of how many of its points `make test` takes one, and what it is to have recorded.

    `echo_first`: whether `make test` has the webhooks of the worker's own writes come before their
    answers, or after all its work.
    """

    flow: Flow
    every: int
    echo_first: bool
    conflicts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.flow.name


def a_visit_and_another_patient(clinic: Clinic, number: int) -> Round:
    """A visit that stands on both sides, and a second chart."""
    stands = a_visit(clinic, number)
    return replace(stands, second=clinic.new_patient(**other_of(number)))


def a_group_of_two(clinic: Clinic, number: int) -> Round:
    """A group visit of two that stands on both sides."""
    stands = a_group(clinic, number)
    join(clinic, stands)
    clinic.settle()
    return stands


def delete_and_deny_once(clinic: Clinic, this: Round) -> None:
    """Staff delete in DrChrono, and a first read has denied it: the second ends it (ADR 0032)."""
    delete(clinic, this)
    clinic.sandbox.wait_idle()
    clinic.pump()
    clinic.advance(staleness.NEW.total_seconds() + 1)
    clinic.forget()


def give_to_another(clinic: Clinic, this: Round) -> None:
    """Staff give the appointment to another patient."""
    clinic.edit(this.appointment, patient=this.second)


def book_on_both_sides(clinic: Clinic, this: Round) -> None:
    """Staff book the same visit on both sides."""
    clinic.book(patient=this.patient, scheduled_time=here(slot(this.number, minute=30)))
    clinic.sandbox.wait_idle()  # which of the two is heard first is not left to chance
    invite(clinic, this)


def move_on_both_sides(clinic: Clinic, this: Round) -> None:
    """Staff move the visit on both sides, to different times."""
    clinic.edit(this.appointment, scheduled_time=here(slot(this.number, minute=30)))
    clinic.change_visit(this.visit, datetime=there(slot(this.number, minute=15)))


def move_here_stretch_there(clinic: Clinic, this: Round) -> None:
    """Staff move the visit in DrChrono, and make it longer in OnCall."""
    clinic.edit(this.appointment, scheduled_time=here(slot(this.number, minute=30)))
    clinic.change_visit(this.visit, duration=45)


def two_in_a_group(clinic: Clinic, number: int) -> Round:
    """A group visit of two that stands on both sides; one appointment each, both known."""
    two = two_patients(clinic, number)
    book_both(clinic, two)
    clinic.settle()
    ours = [a for a in clinic.appointments() if a["patient"] in {two.patient, two.second}]
    (visit,) = [v for v in clinic.visits() if v["datetime"] == there(slot(number))]
    return replace(two, appointment=",".join(a["id"] for a in ours), visit=visit["id"])


def stretch_on_both_sides(clinic: Clinic, this: Round) -> None:
    """Staff make a group longer on both sides, by different times."""
    for appointment in this.appointment.split(","):
        clinic.edit(appointment, duration=50)
    clinic.change_visit(this.visit, duration=45)


def cancel_one(clinic: Clinic, this: Round) -> None:
    """Staff cancel one member's appointment in DrChrono."""
    clinic.edit(this.appointment, status="Cancelled")


GIVEN_TO_ANOTHER = Flow(
    "given_to_another",
    a_visit_and_another_patient,
    give_to_another,
    (
        *(GET_HERE, GET_PATIENT, GET_THERE, PATCH_THERE, POST_THERE, PATCH_HERE),
        *(FIND_CONTACT, POST_CONTACT, PATCH_PATIENT),
    ),
    (("cancellation", "app"), ("invitation", "app")),
)
BOOKED_ON_BOTH_SIDES = Flow(
    "booked_on_both_sides",
    a_known_person,
    book_on_both_sides,
    (GET_HERE, GET_THERE, PATCH_THERE, PATCH_HERE),
    (("invitation", "staff"),),
)
MOVED_ON_BOTH_SIDES = Flow(
    "moved_on_both_sides",
    a_visit,
    move_on_both_sides,
    (GET_HERE, GET_THERE, PATCH_THERE),
    (("change", "staff"), ("change", "app")),
)
MOVED_HERE_STRETCHED_THERE = Flow(
    "moved_here_stretched_there",
    a_visit,
    move_here_stretch_there,
    (GET_HERE, GET_THERE, PATCH_THERE, PATCH_HERE),
    (("change", "staff"), ("change", "app")),
)
STRETCHED_TOGETHER = Flow(
    "stretched_together",
    two_in_a_group,
    stretch_on_both_sides,
    (GET_HERE, GET_THERE, PATCH_THERE),
    (("change", "staff"),) * 2 + (("change", "app"),) * 2,
)
LEFT = Flow(
    "left",
    a_group_of_two,
    cancel_one,
    (GET_HERE, GET_THERE, PATCH_WHO),
    (("cancellation", "app"),),
)

# Of how many points `make test` takes one; odd, so that before and after take turns.
# A move on either side is taken whole.
EVERY = {
    "booked": 3,
    "cancelled": 5,
    "deleted": 5,
    "new_address": 5,
    "invited": 3,
    "cancelled_by_the_patient": 3,
    "invited_somebody_new": 5,
    "grouped": 7,
    "joined": 5,
    "invited_together": 7,
}

# What else comes first in a round than the flow's own edit.
BEGUN = {"deleted": delete_and_deny_once}

KILLED = (
    # Which echoes come first takes turns.
    *(
        Killed(
            replace(flow, act=BEGUN.get(flow.name, flow.act)),
            EVERY.get(flow.name, 1),
            n % 2 == 1,
        )
        for n, flow in enumerate(FLOWS)
    ),
    Killed(GIVEN_TO_ANOTHER, 7, echo_first=True),
    Killed(BOOKED_ON_BOTH_SIDES, 5, echo_first=False),
    Killed(MOVED_ON_BOTH_SIDES, 3, echo_first=True, conflicts=("starts",)),
    Killed(MOVED_HERE_STRETCHED_THERE, 3, echo_first=False),
    Killed(STRETCHED_TOGETHER, 5, echo_first=False, conflicts=("minutes",)),
    Killed(LEFT, 3, echo_first=False),
)
