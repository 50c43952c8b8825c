"""The kinds of visits and statuses under every unknown of both systems, in company or alone.

What a plain visit and its people go through under each is
`invariants/test_4_under_each_unknown.py`, groups are `groups/test_unknowns.py`.
"""

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.support.agreement import disagreements
from tests.support.clinic import ZONE, Clinic, utc
from tests.support.flows import here, slot, there
from tests.support.matrix import Unknown
from tests.support.sandbox_client import Sandbox
from tests.support.unknowns import CLINICS, FIRST, under_each

MAILS = Counter(
    {
        # Booked, then for another patient; two more bookings, one opened again.
        ("invitation", "app"): 5,
        # Rescheduled with a successor.
        ("change", "app"): 1,
        # Of the patient who was there first; cancelled and opened again.
        ("cancellation", "app"): 2,
    }
)
# Two weeks are invited, one is cancelled, the other moved over there.
OF_A_SERIES = Counter(
    {("invitation", "app"): 2, ("cancellation", "app"): 1, ("change", "staff"): 1}
)


@pytest.mark.parametrize("number", range(CLINICS))
def test_every_kind_under_each_unknown(
    number: int, sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    def tour(clinic: Clinic, at: int, unknowns: tuple[Unknown, ...], listed: bool) -> None:
        # What a series is nobody but DrChrono knows.
        series = any(one.remote == "drchrono" for one in unknowns)
        _tour(clinic, at, series=series, catch_up=listed)

    under_each(FIRST[number::CLINICS], sandbox, sqlite_url, tmp_path, tour)


def _tour(clinic: Clinic, number: int, *, series: bool, catch_up: bool) -> None:
    one, other = (
        clinic.new_patient(
            first_name=name,
            last_name=f"Lindqvist{chr(97 + number)}",
            email=f"{name}{number}@mail.example".lower(),
            cell_phone=f"(212) 555-{number:02d}{name == 'Vera':02d}",
        )
        for name in ("Vera", "Omar")
    )
    clinic.forget()
    swapped = _swapped(clinic, one, other, slot(number))
    _rescheduled(clinic, one, slot(number, minute=15))
    _ended_there(clinic, one, slot(number, minute=45))
    clinic.edit(swapped, status="Cancelled")
    clinic.settle()
    clinic.edit(swapped, status="Confirmed")
    clinic.settle()
    if series:
        _a_series(clinic, other, number)
    if catch_up:
        clinic.catch_up()
    assert disagreements(clinic, contacts=False) == []
    assert Counter(clinic.mails()) == MAILS + (OF_A_SERIES if series else Counter())
    assert clinic.attention() == []


def _book(clinic: Clinic, patient: int, at: datetime, **more: object) -> tuple[str, str]:
    before = {visit["id"] for visit in clinic.visits()}
    booked = clinic.book(patient=patient, scheduled_time=here(at), duration=15, **more)
    clinic.settle()
    (visit,) = {visit["id"] for visit in clinic.visits()} - before
    return booked, visit


def _swapped(clinic: Clinic, one: int, other: int, at: datetime) -> str:
    """Another patient is another visit; the old one is cancelled."""
    appointment, old = _book(clinic, one, at)
    clinic.edit(appointment, patient=other)
    clinic.settle()
    assert clinic.visit(old)["cancelled"] is True
    (now,) = [visit for visit in clinic.visits() if visit["datetime"][:13] == there(at)[:13]]
    assert now["participants"][0]["first_name"] == "Omar"
    return appointment


def _rescheduled(clinic: Clinic, patient: int, at: datetime) -> None:
    """The clone that staff make of it is the same visit."""
    appointment, visit = _book(clinic, patient, at)
    later = at + timedelta(minutes=15)
    clinic.sandbox.control("drchrono", "clone", {"id": appointment, "scheduled_time": here(later)})
    clinic.settle()
    shown = clinic.visit(visit)
    assert datetime.fromisoformat(shown["datetime"]) == later
    assert shown["cancelled"] is False


def _ended_there(clinic: Clinic, patient: int, at: datetime) -> None:
    appointment, visit = _book(clinic, patient, at)
    clinic.change_visit(visit, status="No show")
    clinic.settle()
    assert clinic.appointment(appointment)["status"] == "No Show"


def _a_series(clinic: Clinic, patient: int, number: int) -> None:
    """One of two weeks is cancelled here, the other moved over there: each is its own visit."""
    at = utc(days=3 + number // 9, hour=2 + number % 9)
    first = at.astimezone(ZONE)
    second = first + timedelta(days=7)
    base = clinic.book(
        patient=patient,
        scheduled_time=here(at),
        duration=15,
        recurring_appointment=True,
        recurring_days=[f"{first:%A}"],
        recurs_every=1,
        recur_start_date=f"{first:%Y-%m-%d}",
        recur_end_date=f"{second:%Y-%m-%d}",
    )
    before = {visit["id"] for visit in clinic.visits()}
    # Lists may lag behind.
    clinic.sandbox.control("drchrono", "time", {"offset_seconds": 2 * (number + 1)})
    clinic.beat("drchrono_window")
    clinic.settle()
    made = [visit for visit in clinic.visits() if visit["id"] not in before]
    assert len(made) == 2, clinic.attention()
    kept, gone = sorted(made, key=lambda visit: datetime.fromisoformat(visit["datetime"]))
    clinic.edit(f"{second:%Y-%m-%d}_{base}", status="Cancelled")
    clinic.change_visit(kept["id"], datetime=there(at + timedelta(minutes=30)))
    clinic.settle()
    clinic.beat("drchrono_window")
    clinic.settle()
    left = {visit["id"] for visit in clinic.visits()} - before
    assert left == {kept["id"]}
    assert clinic.visit(gone["id"])["cancelled"] is True
