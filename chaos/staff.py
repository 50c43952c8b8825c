"""Make each edit of a plan as staff or patients do, and record what they were told.

An edit counts when its remote took it. The ledger is the truth that both systems are held against
at the end.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chaos.desk import PROFILES, Desk
from chaos.groups import Group, Groups
from chaos.plan import OF_GROUPS, OF_PEOPLE, Do, Edit, Plan, Said, Side
from cli.output import TroubleError
from cli.world.world import World


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
    groups: dict[int, Group] = field(default_factory=dict)
    charts: dict[int, int] = field(default_factory=dict)  # person → DrChrono's patient
    names: dict[int, dict[str, str]] = field(default_factory=dict)  # of whom OnCall alone knows
    addresses: dict[int, list[int]] = field(default_factory=dict)  # person → edits of the e-mail
    edits: Counter[tuple[Do, Side]] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    passed: int = 0  # edits of a group that nobody could make yet


class Staff:
    """Makes the edits of a plan in a started world."""

    def __init__(self, world: World, plan: Plan, today: datetime) -> None:
        self._people = plan.people
        self._desk = Desk(world, today)
        self._hands = ThreadPoolExecutor(2)
        self.ledger = Ledger()
        self._groups = Groups(self._desk, self.ledger.groups, self.ledger.charts, plan.people)

    def close(self) -> None:
        """Give the connections back."""
        self._hands.shutdown()
        self._desk.close()

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
                made = self._desk.send(Side.DRCHRONO, "POST", "/api/patients", body)
                self.ledger.charts[person.number] = int(made["id"])

    def do(self, edit: Edit) -> None:
        """Make one edit. One that the remote refuses is noted and expected by nobody."""
        try:
            side = self._groups.do(edit) if edit.do in OF_GROUPS else self._made(edit)
        except TroubleError as refused:
            self.ledger.refused.append(f"edit {edit.number}, {edit.do}: {refused.message}")
            return
        if side is None:
            self.ledger.passed += 1
        else:
            self.ledger.edits[edit.do, side] += 1

    def other_half(self, visit: Visit) -> str | None:
        """The id of a visit on the side where it was not booked; None where it is not yet."""
        other = Side.ONCALL if visit.side is Side.DRCHRONO else Side.DRCHRONO
        if other not in visit.ids:
            found = self._desk.linked(visit.side, visit.ids[visit.side], other)
            if found:
                visit.ids[other] = found[0]
        return visit.ids.get(other)

    def find_groups(self) -> None:
        """Learn the ids of the groups' visits."""
        for group in self.ledger.groups.values():
            self._groups.find(group)

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
            self._desk.send(side, "DELETE", path, {})
        else:
            by_patient = edit.value == "patient" and side is Side.ONCALL
            actor = "patient" if by_patient else "staff"
            self._desk.change(side, visit.ids[side], self._body(edit, side), actor)
        self._note(edit, visit, side)
        return side

    def _side(self, edit: Edit, visit: Visit) -> Side:
        """Give the side on which the edit is made.

        It is the plan's, or the one on which the visit was booked while the other has none yet.
        """
        return edit.side if edit.side is visit.side or self.other_half(visit) else visit.side

    def _shows(self, visit: Visit, side: Side, body: dict[str, Any]) -> bool:
        """Whether a visit says on one side what an edit is about to say."""
        row = self._desk.read(side, visit.ids[side])
        return all(row[name] == value for name, value in body.items())

    def _note(self, edit: Edit, visit: Visit, side: Side) -> None:
        said = Said(edit.number, side, edit.value)
        if edit.do in (Do.CANCEL, Do.DELETE):
            visit.ended.append(said)
        elif edit.do is not Do.NOTE:
            name = {Do.MOVE: "starts", Do.RESIZE: "minutes", Do.RETYPE: "type"}[edit.do]
            value = self._desk.starts(edit.value) if edit.do is Do.MOVE else edit.value
            visit.said[name].append(Said(edit.number, side, value))

    def _body(self, edit: Edit, side: Side) -> dict[str, Any]:
        person = self._people[edit.person]
        here = side is Side.DRCHRONO
        match edit.do:
            case Do.MOVE:
                return self._desk.times(edit.value, person.doctor, side)
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
            body = self._desk.times(edit.value, person.doctor, visit.side)
            self._desk.change(visit.side, visit.ids[visit.side], body)
            visit.said["starts"].append(
                Said(edit.number, visit.side, self._desk.starts(edit.value))
            )
            return visit.side
        sides = ((Side.DRCHRONO, edit.value), (Side.ONCALL, edit.other))
        moves = [
            (side, slot, self._hands.submit(
                self._desk.change, side, visit.ids[side],
                self._desk.times(slot, person.doctor, side)))
            for side, slot in sides
        ]  # fmt: skip
        for side, slot, move in moves:
            with suppress(TroubleError):
                move.result()
                visit.said["starts"].append(
                    Said(edit.number, side, self._desk.starts(slot), met=True)
                )
        return Side.DRCHRONO

    def _book(self, edit: Edit) -> None:
        person = self._people[edit.person]
        visit = Visit(edit.visit, edit.person, edit.side, {})
        if edit.side is Side.DRCHRONO:
            chart = self.ledger.charts[person.number]
            visit.ids[edit.side] = self._desk.book(edit.value, person.doctor, chart, "online")
        else:
            visit.ids[edit.side] = self._desk.invite(edit.value, person.doctor, person.names)
            self.ledger.names[person.number] = person.names
        for name, value in (("starts", self._desk.starts(edit.value)), ("minutes", "30")):
            visit.said[name] = [Said(edit.number, edit.side, value)]
        visit.said["type"] = [Said(edit.number, edit.side, "online")]
        self.ledger.visits[visit.number] = visit

    def _change_chart(self, edit: Edit) -> None:
        names = self._people[edit.person].names
        change = {
            Do.RENAME: {"last_name": f"{names['last_name']}{edit.number}"},
            Do.READDRESS: {"email": f"e{edit.number}.{names['email']}"},
            Do.PHONE: {"cell_phone": f"(212) 555-{edit.number % 9000 + 1000}"},
        }[edit.do]
        path = f"/api/patients/{self.ledger.charts[edit.person]}"
        self._desk.send(Side.DRCHRONO, "PATCH", path, change)
        if edit.do is Do.READDRESS:
            self.ledger.addresses.setdefault(edit.person, []).append(edit.number)
