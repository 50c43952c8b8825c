"""Decides how each edit of a plan is made by staff and patients, and keeps what they were told.

An edit counts when its remote took it. The ledger is the truth that both systems are held against
at the end; of the service it asks only where the other half of a visit is, to edit it there.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from chaos.agreement import DOCTORS
from chaos.plan import OF_PEOPLE, Do, Edit, Person, Plan, Side, slot_time
from cli.output import TroubleError
from cli.sandbox_control import SandboxControl
from cli.world import World
from sync.store.schema import object_

# The sandbox's seed: the office and room of a doctor, and the profile of a type.
PLACES = {201: (301, 1), 202: (301, 2), 203: (302, 1)}
PROFILES = {
    201: {"online": 401, "phone": 402},
    202: {"online": 404, "phone": 405},
    203: {"online": 407, "phone": 408},
}


@dataclass(frozen=True, slots=True)
class Said:
    """One value that somebody gave a field, on one side; `met`: with another at the same moment."""

    edit: int
    side: Side
    value: str
    met: bool = False


@dataclass(slots=True)
class Visit:
    """One visit as people see it: where it was booked, what was said of it, who ended it."""

    number: int
    person: int
    side: Side
    ids: dict[Side, str]
    said: dict[str, list[Said]] = field(default_factory=dict)
    ended: list[Said] = field(default_factory=list)


@dataclass(slots=True)
class Ledger:
    """What people did and what they may expect of it."""

    visits: dict[int, Visit] = field(default_factory=dict)
    charts: dict[int, int] = field(default_factory=dict)  # person → DrChrono's patient
    addresses: dict[int, list[int]] = field(default_factory=dict)  # person → edits of the e-mail
    edits: Counter[tuple[Do, Side]] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)


class Staff:
    """Makes the edits of a plan in a started world."""

    def __init__(self, world: World, plan: Plan, today: datetime) -> None:
        self._world = world
        self._people = plan.people
        self._today = today
        self._drchrono = world.control
        # A client of its own: two edits may be made at the same moment.
        self._oncall = SandboxControl(world.control.drchrono_url, world.control.oncall_url)
        self._hands = ThreadPoolExecutor(2)
        self.ledger = Ledger()

    def close(self) -> None:
        """Give the connections back."""
        self._hands.shutdown()
        self._oncall.close()

    def register(self) -> None:
        """Make the charts of everybody who is known from the beginning."""
        for person in self._people:
            if person.known:
                body = {
                    **person.names,
                    "doctor": person.doctor,
                    "gender": "Female",
                    "date_of_birth": f"{1940 + person.number}-05-06",
                    "cell_phone": f"(212) 555-{1000 + person.number}",
                }
                made = self._drchrono.send("drchrono", "staff", "POST", "/api/patients", body)
                self.ledger.charts[person.number] = int(made["id"])

    def do(self, edit: Edit) -> None:
        """Make one edit. One that the remote refuses is noted and expected by nobody."""
        try:
            side = self._made(edit)
        except TroubleError as refused:
            self.ledger.refused.append(f"edit {edit.number}, {edit.do}: {refused.message}")
            return
        self.ledger.edits[edit.do, side] += 1

    def other_half(self, visit: Visit) -> str | None:
        """The id of a visit on the side where it was not booked; None where it is not yet."""
        other = Side.ONCALL if visit.side is Side.DRCHRONO else Side.DRCHRONO
        if other not in visit.ids:
            found = self._linked(visit.side, visit.ids[visit.side], other)
            if found is not None:
                visit.ids[other] = found
        return visit.ids.get(other)

    # --- one edit ---------------------------------------------------------------------------------

    def _made(self, edit: Edit) -> Side:
        if edit.do in OF_PEOPLE:
            self._change_chart(edit)
            return Side.DRCHRONO
        if edit.do is Do.BOOK:
            self._book(edit)
            return edit.side
        if edit.visit not in self.ledger.visits:
            raise TroubleError("its visit was never booked")
        visit = self.ledger.visits[edit.visit]
        if edit.do is Do.MEET:
            return self._meet(edit, visit)
        side = self._side(edit, visit)
        if edit.do in (Do.RESIZE, Do.RETYPE) and self._shows(visit, side, self._body(edit, side)):
            # Whoever saves what stands there has said nothing that anybody could hear.
            return side
        if edit.do is Do.DELETE and side is Side.DRCHRONO:
            path = f"/api/appointments/{visit.ids[side]}"
            self._drchrono.send("drchrono", "staff", "DELETE", path, {})
        else:
            actor = "patient" if edit.value == "patient" else "staff"
            self._change(visit, side, self._body(edit, side), actor)
        self._note(edit, visit, side)
        return side

    def _side(self, edit: Edit, visit: Visit) -> Side:
        """Where it is made: on the side of the plan, or where the visit was booked if it is not
        yet on the other one."""
        return edit.side if edit.side is visit.side or self.other_half(visit) else visit.side

    def _shows(self, visit: Visit, side: Side, body: dict[str, Any]) -> bool:
        """Whether a visit says on one side what an edit is about to say."""
        here = side is Side.DRCHRONO
        path = (
            f"/api/appointments/{visit.ids[side]}" if here else f"/appointments/{visit.ids[side]}/"
        )
        row = self._drchrono.send(str(side), "staff", "GET", path, {})
        return all(row[name] == value for name, value in body.items())

    def _note(self, edit: Edit, visit: Visit, side: Side) -> None:
        said = Said(edit.number, side, edit.value)
        if edit.do in (Do.CANCEL, Do.DELETE):
            visit.ended.append(said)
        elif edit.do is not Do.NOTE:
            name = {Do.MOVE: "starts", Do.RESIZE: "minutes", Do.RETYPE: "type"}[edit.do]
            value = self._starts(edit.value) if edit.do is Do.MOVE else edit.value
            visit.said[name].append(Said(edit.number, side, value))

    def _body(self, edit: Edit, side: Side) -> dict[str, Any]:
        person = self._people[edit.person]
        here = side is Side.DRCHRONO
        match edit.do:
            case Do.MOVE:
                return self._times(edit.value, person, side)
            case Do.RESIZE:
                return {"duration": int(edit.value)}
            case Do.RETYPE if here:
                return {"profile": PROFILES[person.doctor][edit.value]}
            case Do.RETYPE:
                return {"type": edit.value}
            case Do.NOTE if here:
                return {"notes": f"Note {edit.number}", "billing_status": "Settled"}
            case Do.NOTE:
                return {"title": f"Title {edit.number}"}
        return {"status": "Cancelled"} if here else {"cancelled": True}

    def _meet(self, edit: Edit, visit: Visit) -> Side:
        """Two people move the visit at the same moment, each on their side."""
        person = self._people[edit.person]
        if self.other_half(visit) is None:
            body = self._times(edit.value, person, visit.side)
            self._change(visit, visit.side, body, "staff")
            visit.said["starts"].append(Said(edit.number, visit.side, self._starts(edit.value)))
            return visit.side
        sides = ((Side.DRCHRONO, edit.value), (Side.ONCALL, edit.other))
        moves = [
            (side, slot, self._hands.submit(
                self._change, visit, side, self._times(slot, person, side), "staff"))
            for side, slot in sides
        ]  # fmt: skip
        for side, slot, move in moves:
            with suppress(TroubleError):
                move.result()
                visit.said["starts"].append(Said(edit.number, side, self._starts(slot), met=True))
        return Side.DRCHRONO

    def _change(self, visit: Visit, side: Side, body: dict[str, Any], actor: str) -> None:
        if side is Side.DRCHRONO:
            path = f"/api/appointments/{visit.ids[side]}"
            self._drchrono.send("drchrono", "staff", "PATCH", path, body)
        else:
            self._oncall.send("oncall", actor, "PATCH", f"/appointments/{visit.ids[side]}/", body)

    def _book(self, edit: Edit) -> None:
        person = self._people[edit.person]
        visit = Visit(edit.visit, edit.person, edit.side, {})
        if edit.side is Side.DRCHRONO:
            office, room = PLACES[person.doctor]
            body = {
                **self._times(edit.value, person, edit.side),
                "doctor": person.doctor,
                "office": office,
                "exam_room": room,
                "profile": PROFILES[person.doctor]["online"],
                "patient": self.ledger.charts[person.number],
                "duration": 30,
            }
            made = self._drchrono.send("drchrono", "staff", "POST", "/api/appointments", body)
            visit.ids[edit.side] = str(made["id"])
        else:
            visit.ids[edit.side] = self._invite(edit, person)
        for name, value in (("starts", self._starts(edit.value)), ("minutes", "30")):
            visit.said[name] = [Said(edit.number, edit.side, value)]
        visit.said["type"] = [Said(edit.number, edit.side, "online")]
        self.ledger.visits[visit.number] = visit

    def _invite(self, edit: Edit, person: Person) -> str:
        base = self._oncall.oncall_url
        provider, division, _ = DOCTORS[person.doctor]
        body = {
            **self._times(edit.value, person, edit.side),
            "title": "Follow-up",
            "type": "online",
            "duration": 30,
            "provider": f"{base}/providers/{provider}/",
            "division": f"{base}/divisions/{division}/",
            "participants": [person.names],
        }
        made = self._oncall.send("oncall", "staff", "POST", "/appointments/", body)
        return str(made["url"]).rstrip("/").rpartition("/")[2]

    def _change_chart(self, edit: Edit) -> None:
        names = self._people[edit.person].names
        change = {
            Do.RENAME: {"last_name": f"{names['last_name']}{edit.number}"},
            Do.READDRESS: {"email": f"e{edit.number}.{names['email']}"},
            Do.PHONE: {"cell_phone": f"(212) 555-{edit.number % 9000 + 1000}"},
        }[edit.do]
        path = f"/api/patients/{self.ledger.charts[edit.person]}"
        self._drchrono.send("drchrono", "staff", "PATCH", path, change)
        if edit.do is Do.READDRESS:
            self.ledger.addresses.setdefault(edit.person, []).append(edit.number)

    # --- times and links --------------------------------------------------------------------------

    def _times(self, slot: str, person: Person, side: Side) -> dict[str, str]:
        if side is Side.ONCALL:
            return {"datetime": self._starts(slot)}
        # DrChrono is told the wall clock of the doctor (API v4, Data types).
        zone = DOCTORS[person.doctor][2]
        wall = slot_time(slot, self._today).astimezone(zone)
        return {"scheduled_time": f"{wall:%Y-%m-%dT%H:%M:%S}"}

    def _starts(self, slot: str) -> str:
        return f"{slot_time(slot, self._today).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

    def _linked(self, side: Side, remote_id: str, other: Side) -> str | None:
        mine = (
            select(object_.c.aggregate)
            .where(object_.c.system == str(side), object_.c.kind == "appointment")
            .where(object_.c.remote_id == remote_id)
        )
        try:
            with self._world.sync.store.read() as conn:
                found = conn.execute(
                    select(object_.c.remote_id)
                    .where(object_.c.system == str(other), object_.c.kind == "appointment")
                    .where(object_.c.aggregate.in_(mine), object_.c.remote_id.is_not(None))
                    .order_by(object_.c.generation.desc())
                ).scalars()
                return next(iter(found), None)
        except SQLAlchemyError:
            return None  # the database is away: the edit is made where the visit was booked
