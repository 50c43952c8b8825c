"""Forge deliveries as somebody could who has learned both inbound credentials, and nothing else.

Their words are made of what deliveries show: ids, bodies, revisions, markers. Whatever they say,
only an authenticated read makes a fact (docs/architecture.md, invariants).
"""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]

FAR = "9999-12-31T23:59:59"
APPOINTMENT_EVENTS = ("APPOINTMENT_CREATE", "APPOINTMENT_MODIFY")


@dataclass(frozen=True, slots=True)
class Forged:
    """One call: to which door, under which event (DrChrono's header), and its body as sent."""

    remote: str
    event: str
    body: str


class Forger:
    """Makes forged deliveries out of both systems' objects as somebody has seen them.

    `strangers` are e-mail addresses of people who are still to book.
    """

    def __init__(self, chance: random.Random, strangers: list[str]) -> None:
        self._chance = chance
        self._strangers = strangers
        self._seen: Mapping[str, Mapping[str, list[Row]]] = {}

    def see(self, objects: Mapping[str, Mapping[str, list[Row]]]) -> None:
        """Learn what there is: remote → kind → objects."""
        self._seen = objects

    def one(self) -> Forged:
        """The next forged call."""
        makers: tuple[Callable[[], Forged], ...] = (
            *(self._deleted, self._changed, self._changed, self._unchanged, self._odd),
            *(self._readdressed, self._readdressed, self._marked, self._unheard_patient),
            *(self._hint, self._hint, self._note),
        )
        return self._chance.choice(makers)()

    # --- DrChrono's door --------------------------------------------------------------------------

    def _deleted(self) -> Forged:
        return _drchrono("APPOINTMENT_DELETE", {"id": self._id("drchrono"), "deleted_flag": True})

    def _unchanged(self) -> Forged:
        return _drchrono(self._chance.choice(APPOINTMENT_EVENTS), self._appointment())

    def _changed(self) -> Forged:
        body = self._appointment()
        lies: tuple[Row, ...] = (
            {"status": "Cancelled"},
            {"status": "Rescheduled"},
            {"scheduled_time": "2031-01-01T10:00:00"},
            {"duration": 5},
            {"deleted_flag": True},
            {"patient": self._patient().get("id")},
            {"id": self._id("drchrono")},
            {"recurrence_instance_key": "1_20300101", "id": f"2030-01-01_{self._number()}"},
            {"cloned_from": self._id("drchrono"), "id": self._id("drchrono")},
        )
        later = {"updated_at": FAR} if self._chance.random() < 0.5 else {}
        return _drchrono(
            self._chance.choice(APPOINTMENT_EVENTS), {**body, **self._chance.choice(lies), **later}
        )

    def _odd(self) -> Forged:
        odd: tuple[Row, ...] = (
            {"scheduled_time": ["2031"]},
            {"base_recurring_appointment": "\ud800"},
            {"doctor": {"id": 1}, "patient": []},
            {"status": "\x00", "profile": "none"},
            {"scheduled_time": "0000-13-99T99:99:99"},
        )
        body = {**self._appointment(), **self._chance.choice(odd)}
        text = json.dumps({"object": body})
        if self._chance.random() < 0.2:
            text = text.replace('"duration": ', '"duration": ' + "9" * 5000, 1)
        return Forged("drchrono", "APPOINTMENT_MODIFY", text)

    def _readdressed(self) -> Forged:
        """One patient's chart with another's, or a stranger's, words."""
        body, other = self._patient(), self._patient()
        names = ("first_name", "last_name", "email")
        lie = {name: other.get(name, "") for name in names[self._chance.randrange(3) :]}
        if self._strangers and self._chance.random() < 0.5:
            lie = {"email": self._chance.choice(self._strangers)}
        return _drchrono("PATIENT_MODIFY", {**body, **lie, "updated_at": FAR})

    def _marked(self) -> Forged:
        """A marker copied from another chart, or with one of its numbers changed."""
        body, other = self._patient(), self._patient()
        fields = [dict(one) for one in other.get("custom_demographics") or ()]
        for field in fields:
            if self._chance.random() < 0.5:
                number = str(self._chance.randrange(1, 100_000))
                field["value"] = str(field.get("value")).replace("a=", f"a={number}", 1)
        return _drchrono("PATIENT_MODIFY", {**body, "custom_demographics": fields})

    def _unheard_patient(self) -> Forged:
        words = {"first_name": "Vera", "last_name": "Lindqvist", "patient_status": "A"}
        email = self._chance.choice(self._strangers) if self._strangers else "a@mail.example"
        body = {**self._patient(), **words, "email": email, "id": self._id("drchrono", "patients")}
        return _drchrono("PATIENT_CREATE", body)

    def _note(self) -> Forged:
        event = self._chance.choice(("CLINICAL_NOTE_LOCK", "CLINICAL_NOTE_UNLOCK"))
        return _drchrono(event, {"id": 1, "appointment": self._id("drchrono")})

    # --- OnCall's door ----------------------------------------------------------------------------

    def _hint(self) -> Forged:
        event = self._chance.choice(("appointment_created", "appointment_updated"))
        url = f"https://api.oncallhealth.com/appointments/{self._id('oncall')}"
        return Forged("oncall", event, json.dumps({"event": event, "url": url}))

    # --- what there is ----------------------------------------------------------------------------

    def _id(self, remote: str, kind: str = "appointments") -> str:
        """One that is, one that is still to come, or one that never will be."""
        known = [str(one["id"]) for one in self._rows(remote, kind)]
        numbers = [int(one) for one in known if one.isdecimal()]
        drawn = self._chance.random()
        if known and drawn < 0.6:
            return self._chance.choice(known)
        if drawn < 0.85:
            return str(max(numbers, default=1) + self._chance.randint(1, 40))
        return self._chance.choice((str(self._number()), "9" * 18, "9" * 30, "99999999"))

    def _number(self) -> int:
        return self._chance.randrange(1, 10**9)

    def _appointment(self) -> Row:
        rows = self._rows("drchrono", "appointments")
        return dict(self._chance.choice(rows)) if rows else {"id": self._number()}

    def _patient(self) -> Row:
        rows = self._rows("drchrono", "patients")
        return dict(self._chance.choice(rows)) if rows else {"id": self._number()}

    def _rows(self, remote: str, kind: str) -> list[Row]:
        return self._seen.get(remote, {}).get(kind, [])


def _drchrono(event: str, body: Row) -> Forged:
    return Forged("drchrono", event, json.dumps({"receiver": {"id": 1}, "object": body}))
