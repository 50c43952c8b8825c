"""`diff` says the same of what is the same, and the right cause of each kind of difference."""

from collections.abc import Callable
from typing import Any

import pytest

from sync.operations.diff.model import DIFFERENT, SAME, Found, Report
from sync.operations.diff.run import Asked, compare
from tests.support.clinic import Clinic, utc, wall
from tests.support.templates import on_both

OTHER_DOCTOR_PROVIDER = "196158"


def told(clinic: Clinic, **asked: Any) -> Report:
    return compare(clinic.sync, Asked(again_after=0, **asked))


def causes(report: Report) -> list[tuple[str, tuple[str, ...]]]:
    return sorted((one.cause, one.fields) for one in report.different)


def only(report: Report) -> Found:
    (one,) = report.different
    return one


@on_both
def test_what_is_the_same_is_the_same(clinic: Clinic) -> None:
    clinic.linked()
    clinic.invite(datetime=f"{utc(days=6):%Y-%m-%dT%H:%M:%SZ}")
    clinic.settle()
    report = told(clinic)
    assert (report.status, report.found, report.undecided) == (SAME, (), ())
    assert report.compared == {"visits": 2, "people": 3}
    assert clinic.writes() == [
        call for call in clinic.writes() if "POST" in call or "PATCH" in call
    ]


def _deaf(clinic: Clinic) -> None:
    """Neither system tells anything from now on: what is done by hand is a difference."""
    for remote in ("drchrono", "oncall"):
        clinic.sandbox.faults(remote, webhooks={"mode": "drop"})


Made = tuple[str, str]  # appointment, visit


def _moved(clinic: Clinic, made: Made) -> None:
    clinic.edit(made[0], scheduled_time=wall(days=3, hour=18))


def _moved_there(clinic: Clinic, made: Made) -> None:
    clinic.change_visit(made[1], datetime=f"{utc(days=5):%Y-%m-%dT%H:%M:%SZ}")


def _longer(clinic: Clinic, made: Made) -> None:
    clinic.edit(made[0], duration=45)


def _by_phone(clinic: Clinic, made: Made) -> None:
    clinic.change_visit(made[1], type="phone")


def _other_provider(clinic: Clinic, made: Made) -> None:
    clinic.edit(made[0], doctor=202, profile=404)


def _other_provider_there(clinic: Clinic, made: Made) -> None:
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    base = clinic.sandbox.oncall_url
    clinic.change_visit(made[1], provider=f"{base}/providers/{OTHER_DOCTOR_PROVIDER}/")


def _cancelled(clinic: Clinic, made: Made) -> None:
    clinic.edit(made[0], status="Cancelled")


def _cancelled_there(clinic: Clinic, made: Made) -> None:
    clinic.change_visit(made[1], cancelled=True)


def _deleted(clinic: Clinic, made: Made) -> None:
    clinic.delete(made[0])


def _renamed(clinic: Clinic, made: Made) -> None:
    del made
    clinic.edit_patient(clinic.patient, last_name="Lindgren")


def _other_mail(clinic: Clinic, made: Made) -> None:
    del made
    clinic.edit_patient(clinic.patient, email="vera.new@mail.example")


def _booked(clinic: Clinic, made: Made) -> None:
    del made
    clinic.book(scheduled_time=wall(days=8))


def _invited(clinic: Clinic, made: Made) -> None:
    del made
    clinic.invite(datetime=f"{utc(days=9):%Y-%m-%dT%H:%M:%SZ}")


BY_HAND: dict[str, tuple[Callable[[Clinic, Made], None], list[tuple[str, tuple[str, ...]]]]] = {
    "moved": (_moved, [("fields_differ", ("starts",))]),
    "moved_there": (_moved_there, [("fields_differ", ("starts",))]),
    "longer": (_longer, [("fields_differ", ("minutes",))]),
    "by_phone": (_by_phone, [("fields_differ", ("type",))]),
    # The patient has no contact with the new provider either.
    "other_provider": (
        _other_provider,
        [("contact_missing", ()), ("fields_differ", ("provider",))],
    ),
    "other_provider_there": (_other_provider_there, [("fields_differ", ("provider",))]),
    "cancelled": (_cancelled, [("state_differs", ("state",))]),
    "cancelled_there": (_cancelled_there, [("state_differs", ("state",))]),
    "deleted": (_deleted, [("state_differs", ("state",))]),
    "renamed": (
        _renamed,
        [("contact_differs", ("last_name",)), ("participant_differs", ("last_name",))],
    ),
    "other_mail": (
        _other_mail,
        [("contact_differs", ("email",)), ("participant_differs", ("email",))],
    ),
    "booked": (_booked, [("missing_in_oncall", ())]),
    "invited": (_invited, [("missing_in_drchrono", ())]),
}


@pytest.mark.parametrize("kind", BY_HAND)
def test_what_was_done_by_hand_in_one_system_is_told(clinic: Clinic, kind: str) -> None:
    made = clinic.linked()
    _deaf(clinic)
    act, wanted = BY_HAND[kind]
    act(clinic, made)
    clinic.forget()
    report = told(clinic)
    assert (causes(report), report.status) == (wanted, DIFFERENT)
    assert clinic.writes() == []
    assert clinic.waiting() == 0
