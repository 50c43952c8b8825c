"""Draw up what people do in a day: about an edit a minute in office hours, on both sides.

Each visit and each patient is touched once, so that the least cost of the edits can be added up
from docs/costs.md alone.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from chaos.day.practice import Practice
from chaos.day.sides import Place, place_of, utc_text, utc_time
from sync.store.schema import object_

HALF_HOURS = tuple((9 + half // 2, 30 * (half % 2)) for half in range(16))
DAYS = 12


class Do(StrEnum):
    """What somebody does."""

    MOVE_HERE = "moved in DrChrono"
    MOVE_THERE = "moved in OnCall"
    LENGTH = "made shorter in DrChrono"
    CANCEL_HERE = "cancelled in DrChrono"
    CANCEL_THERE = "cancelled in OnCall by the patient"
    DELETE = "deleted in DrChrono"
    BOOK_HERE = "booked in DrChrono"
    BOOK_THERE = "booked in OnCall"
    EMAIL = "e-mail changed in DrChrono"
    NOTE = "note or billing changed in DrChrono"


@dataclass(frozen=True, slots=True)
class Least:
    """Calls to each system, and mails of ours, that an edit costs at least."""

    drchrono: int
    oncall: int
    mails: int


# docs/costs.md (C2, C3, C5, C7, C8) without the echoes, which only webhooks bring; the patients are
# known. An e-mail: one GET of the chart, one PATCH of the contact, and one PATCH and mail for each
# open visit (added).
LEAST = {
    Do.MOVE_HERE: Least(1, 2, 1),
    Do.MOVE_THERE: Least(2, 1, 0),
    Do.LENGTH: Least(1, 2, 1),
    Do.CANCEL_HERE: Least(1, 2, 1),
    Do.CANCEL_THERE: Least(2, 1, 0),
    Do.DELETE: Least(1, 2, 1),
    Do.BOOK_HERE: Least(3, 1, 1),
    Do.BOOK_THERE: Least(1, 2, 0),
    Do.EMAIL: Least(1, 1, 0),
    Do.NOTE: Least(0, 0, 0),
}
# Of a hundred edits.
SHARES = {
    Do.MOVE_HERE: 30,
    Do.MOVE_THERE: 8,
    Do.LENGTH: 4,
    Do.CANCEL_HERE: 6,
    Do.CANCEL_THERE: 6,
    Do.DELETE: 3,
    Do.BOOK_HERE: 18,
    Do.BOOK_THERE: 4,
    Do.EMAIL: 5,
    Do.NOTE: 16,
}


@dataclass(frozen=True, slots=True)
class Booked:
    """A visit that stands on both sides as the day begins."""

    appointment: str
    visit: str
    place: Place
    patient: int
    starts: datetime


class People:
    """Staff and patients of a practice; what they do depends on the seed alone.

    Who is seen within a day is left alone: nothing that is changed may be over before it is found.
    """

    def __init__(self, practice: Practice, seed: int) -> None:
        self._practice = practice
        self._control = practice.control
        self._chance = random.Random(seed)
        self.done: Counter[Do] = Counter()
        self.readdressed = 0  # open visits of those whose address was changed
        here = self._control.state("drchrono")["objects"]
        self._charts: dict[int, dict[str, Any]] = {one["id"]: one for one in here["patients"]}
        taken = {(one["doctor"], one["scheduled_time"]) for one in here["appointments"]}
        self._free: dict[int, list[str]] = {}
        for doctor, wall in self._slots():
            if (doctor, wall) not in taken:
                self._free.setdefault(doctor, []).append(wall)
        for walls in self._free.values():
            self._chance.shuffle(walls)
        self._of_patient: dict[int, list[Booked]] = {}
        open_ones = [one for one in here["appointments"] if _is_open(one)]
        for one in self._booked(open_ones):
            self._of_patient.setdefault(one.patient, []).append(one)
        soon = practice.now() + timedelta(days=1)
        self._untouched = [
            patient
            for patient, found in self._of_patient.items()
            if all(one.starts > soon for one in found)
        ]
        self._chance.shuffle(self._untouched)
        self._kinds = list(Do)
        self._chance.shuffle(self._kinds)

    def least(self) -> Least:
        """What everything that was done costs at least, together."""
        each = [(LEAST[do], count) for do, count in self.done.items()]
        return Least(
            sum(one.drchrono * count for one, count in each),
            sum(one.oncall * count for one, count in each) + self.readdressed,
            sum(one.mails * count for one, count in each) + self.readdressed,
        )

    def left(self) -> int:
        """How many edits there can still be, each of another patient."""
        return len(self._untouched)

    def edit(self) -> Do:
        """One edit, of somebody whom none concerned yet."""
        # Each kind once, then as often as its share says.
        first = self._kinds.pop() if self._kinds else None
        do = first or self._chance.choices(list(SHARES), list(SHARES.values()))[0]
        one = self._chance.choice(self._of_patient[self._untouched.pop()])
        how: dict[Do, Callable[[Booked], None]] = {
            Do.MOVE_HERE: lambda one: self._here(one, scheduled_time=self._slot(one.place)),
            Do.MOVE_THERE: self._move_there,
            Do.LENGTH: lambda one: self._here(one, duration=10),
            Do.CANCEL_HERE: lambda one: self._here(one, status="Cancelled"),
            Do.CANCEL_THERE: lambda one: self._there(one, "patient", cancelled=True),
            Do.DELETE: self._delete,
            Do.BOOK_HERE: self._book_here,
            Do.BOOK_THERE: self._book_there,
            Do.EMAIL: self._readdress,
            Do.NOTE: lambda one: self._here(one, notes="As discussed", billing_status="Settled"),
        }
        how[do](one)
        self.done[do] += 1
        return do

    # --- each kind --------------------------------------------------------------------------------

    def _here(self, one: Booked, **changes: Any) -> None:
        path = f"/api/appointments/{one.appointment}"
        self._control.send("drchrono", "staff", "PATCH", path, changes)

    def _there(self, one: Booked, actor: str, **changes: Any) -> None:
        self._control.send("oncall", actor, "PATCH", f"/appointments/{one.visit}/", changes)

    def _move_there(self, one: Booked) -> None:
        self._there(one, "staff", datetime=utc_text(one.place, self._slot(one.place)))

    def _delete(self, one: Booked) -> None:
        path = f"/api/appointments/{one.appointment}"
        self._control.send("drchrono", "staff", "DELETE", path, {})

    def _book_here(self, one: Booked) -> None:
        """A further visit of somebody who has one."""
        body = {
            "doctor": one.place.doctor,
            "office": one.place.office,
            "exam_room": 3,
            "profile": one.place.telehealth,
            "patient": one.patient,
            "scheduled_time": self._slot(one.place),
            "duration": 30,
        }
        self._control.send("drchrono", "staff", "POST", "/api/appointments", body)

    def _book_there(self, one: Booked) -> None:
        base, chart = self._control.oncall_url, self._charts[one.patient]
        body = {
            "title": "Video visit",
            "type": "online",
            "datetime": utc_text(one.place, self._slot(one.place)),
            "duration": 30,
            "provider": f"{base}/providers/{one.place.provider}/",
            "division": f"{base}/divisions/{one.place.division}/",
            "participants": [{name: chart[name] for name in ("first_name", "last_name", "email")}],
        }
        self._control.send("oncall", "staff", "POST", "/appointments/", body)

    def _readdress(self, one: Booked) -> None:
        address = f"new.{self._charts[one.patient]['email']}"
        path = f"/api/patients/{one.patient}"
        self._control.send("drchrono", "staff", "PATCH", path, {"email": address})
        self.readdressed += len(self._of_patient[one.patient])

    # --- who and when -----------------------------------------------------------------------------

    def _slot(self, place: Place) -> str:
        """A half hour in which the doctor is free, by the doctor's wall clock."""
        return self._free[place.doctor].pop()

    def _slots(self) -> list[tuple[int, str]]:
        first = self._practice.now().date() + timedelta(days=1)
        days = [first + timedelta(days=ahead) for ahead in range(DAYS)]
        return [
            (place_of(index).doctor, f"{day.isoformat()}T{hour:02}:{minute:02}:00")
            for index in range(self._practice.doctors)
            for day in days
            if day.weekday() < 5
            for hour, minute in HALF_HOURS
        ]

    def _booked(self, appointments: list[dict[str, Any]]) -> list[Booked]:
        """What stands on both sides, as our own links say."""
        other = object_.alias()
        linked = (
            select(object_.c.remote_id, other.c.remote_id)
            .join(other, other.c.aggregate == object_.c.aggregate)
            .where(object_.c.system == "drchrono", object_.c.kind == "appointment")
            .where(other.c.system == "oncall", other.c.kind == "appointment")
        )
        with self._practice.sync.store.read() as conn:
            visits = {row[0]: row[1] for row in conn.execute(linked)}
        found = []
        for one in appointments:
            if one["id"] in visits:
                place = place_of(one["doctor"] - place_of(0).doctor)
                starts = utc_time(place, one["scheduled_time"])
                visit = visits[one["id"]]
                found.append(Booked(one["id"], visit, place, one["patient"], starts))
        return found


def _is_open(one: dict[str, Any]) -> bool:
    return one["status"] == "" and not one["deleted_flag"]
