"""Play the staff of group visits: an appointment for each member, one visit in OnCall.

A group is booked, joined and moved where its last edit has arrived: a time means one group only
as long as both systems name the same. Members leave at any moment, on either side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos.desk import Desk
from chaos.plan import Do, Edit, Person, Said, Side

Row = dict[str, Any]


@dataclass(slots=True)
class Group:
    """One group visit as people see it: an appointment for each member, one visit in OnCall."""

    number: int
    doctor: int
    slot: str
    said: Said  # the time
    appointments: dict[int, str] = field(default_factory=dict)  # person → DrChrono's id
    joined: dict[int, int] = field(default_factory=dict)  # person → edit
    left: dict[int, Said] = field(default_factory=dict)
    # OnCall's ids: whoever joins as the last one leaves may get a visit of their own.
    visits: set[str] = field(default_factory=set)
    moved_here: int = 0

    @property
    def members(self) -> dict[int, str]:
        """Who still comes, each with the appointment."""
        return {who: one for who, one in self.appointments.items() if who not in self.left}


class Groups:
    """Makes the edits of groups; `groups` and `charts` are the ledger's."""

    def __init__(
        self,
        desk: Desk,
        groups: dict[int, Group],
        charts: Mapping[int, int],
        people: Sequence[Person],
    ) -> None:
        self._desk = desk
        self._groups = groups
        self._charts = charts
        self._people = people

    def do(self, edit: Edit) -> Side | None:
        """Make one edit; the side where it was made, None when it can't be made yet."""
        if edit.do is Do.GATHER:
            return self._gather(edit)
        group = self._groups.get(edit.visit)
        if group is None or not group.members:
            return None
        if edit.do is Do.LEAVE:
            return self._leave(edit, group)
        visit = self._arrived(group)
        if visit is None:
            return None
        if edit.do is Do.JOIN:
            return self._join(edit, group)
        return self._move(edit, group, visit)

    def _gather(self, edit: Edit) -> Side:
        doctor = self._people[edit.person].doctor
        said = Said(edit.number, Side.DRCHRONO, self._desk.starts(edit.value))
        group = Group(edit.visit, doctor, edit.value, said)
        self._groups[edit.visit] = group
        for who in edit.members:
            self._book(edit, group, who)
        return Side.DRCHRONO

    def _book(self, edit: Edit, group: Group, who: int) -> None:
        chart = self._charts[who]
        group.appointments[who] = self._desk.book(
            group.slot, group.doctor, chart, "group", allow_overlapping=True
        )
        group.joined[who] = edit.number

    def _join(self, edit: Edit, group: Group) -> Side | None:
        if edit.person in group.appointments:
            return None
        self._book(edit, group, edit.person)
        return Side.DRCHRONO

    def _leave(self, edit: Edit, group: Group) -> Side | None:
        appointment = group.members.get(edit.person)
        if appointment is None:
            return None
        participant = self._participant(group, edit.person)
        if edit.side is Side.ONCALL and participant is not None:
            path = f"/participants/{participant}/"
            self._desk.send(Side.ONCALL, "PATCH", path, {"cancelled": True})
            side = Side.ONCALL
        else:
            self._desk.change(Side.DRCHRONO, appointment, {"status": "Cancelled"})
            side = Side.DRCHRONO
        group.left[edit.person] = Said(edit.number, side, "")
        return side

    def _move(self, edit: Edit, group: Group, visit: str) -> Side:
        body = self._desk.times(edit.value, group.doctor, edit.side)
        if edit.side is Side.ONCALL:
            self._desk.change(edit.side, visit, body)
        else:
            for appointment in group.members.values():
                more = {"allow_overlapping": True}
                self._desk.change(edit.side, appointment, {**body, **more})
            group.moved_here += 1
        group.slot = edit.value
        group.said = Said(edit.number, edit.side, self._desk.starts(edit.value))
        return edit.side

    # --- where it stands --------------------------------------------------------------------------

    def find(self, group: Group) -> str | None:
        """Learn the ids of a group's visits.

        Returns the id of the visit of those who still come, None while there is none.
        """
        newest = None
        for who, appointment in group.appointments.items():
            found = self._desk.linked(Side.DRCHRONO, appointment, Side.ONCALL)
            group.visits |= set(found)
            if found and who in group.members:
                newest = found[0]
        return newest

    def _arrived(self, group: Group) -> str | None:
        """The id of its visit, if both systems show its members and its time."""
        visit = self.find(group)
        if visit is None:
            return None
        here = [self._desk.read(Side.DRCHRONO, one) for one in group.members.values()]
        wanted = self._desk.times(group.slot, group.doctor, Side.DRCHRONO)["scheduled_time"]
        there = self._desk.read(Side.ONCALL, visit)
        same = (
            all(one["scheduled_time"] == wanted for one in here)
            and there["datetime"] == group.said.value
            and self._names(there) == {self._first_name(who) for who in group.members}
        )
        return visit if same else None

    def _participant(self, group: Group, who: int) -> str | None:
        """The id of somebody's place in the visit, if there is one that is open."""
        visit = self.find(group)
        if visit is None:
            return None
        for one in self._desk.read(Side.ONCALL, visit)["participants"]:
            if one["first_name"] == self._first_name(who) and not one["cancelled"]:
                return str(one["url"]).rstrip("/").rpartition("/")[2]
        return None

    def _first_name(self, who: int) -> str:
        """The one name that nobody changes."""
        return self._people[who].names["first_name"]

    @staticmethod
    def _names(visit: Row) -> set[str]:
        return {one["first_name"] for one in visit["participants"] if not one["cancelled"]}
