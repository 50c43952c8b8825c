"""Draw up a run from its seed: who edits what, and what breaks in between.

Drawn up front, so that two runs of one seed do the same in the same order. Visits and people are
numbers here: what ids they get, and how far the service is when the next step comes, is the run's.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from chaos.faults import Fault, Kind, draw

# Half hours from 13:00 UTC, on each of the days that begin this many days ahead.
FIRST_DAY, DAYS, HALF_HOURS = 5, 145, 18
LENGTHS = (15, 20, 25, 30)
TYPES = ("online", "phone")
DOCTORS = (201, 202, 203)
CHARTS, CALLERS = 18, 12
# Edits of one field of one visit on the other side are at least this many edits apart, unless they
# are meant to meet: what is lost between our read and our write no remote lets us know.
APART = 40
# A group is joined and moved where its last edit has arrived, which takes the time it settles.
GROUP_APART = 300


class Side(StrEnum):
    """One of both systems."""

    DRCHRONO = "drchrono"
    ONCALL = "oncall"


class Do(StrEnum):
    """What a person does."""

    BOOK = "booked"
    MOVE = "moved"
    RESIZE = "made longer or shorter"
    RETYPE = "changed in type"
    CANCEL = "cancelled"
    DELETE = "deleted"
    MEET = "moved on both sides at once"
    RENAME = "name changed"
    READDRESS = "e-mail changed"
    PHONE = "phone changed"
    NOTE = "note changed"
    GATHER = "group booked"
    JOIN = "joined a group"
    LEAVE = "left a group"
    MOVE_GROUP = "group moved"


# How often each is drawn: what, where, weight.
EDITS: tuple[tuple[Do, Side, int], ...] = (
    (Do.BOOK, Side.DRCHRONO, 22),
    (Do.BOOK, Side.ONCALL, 12),
    (Do.MOVE, Side.DRCHRONO, 14),
    (Do.MOVE, Side.ONCALL, 12),
    (Do.RESIZE, Side.DRCHRONO, 6),
    (Do.RESIZE, Side.ONCALL, 6),
    (Do.RETYPE, Side.DRCHRONO, 3),
    (Do.RETYPE, Side.ONCALL, 3),
    (Do.CANCEL, Side.DRCHRONO, 4),
    (Do.CANCEL, Side.ONCALL, 6),
    (Do.DELETE, Side.DRCHRONO, 2),
    (Do.MEET, Side.DRCHRONO, 2),
    (Do.RENAME, Side.DRCHRONO, 2),
    (Do.READDRESS, Side.DRCHRONO, 3),
    (Do.PHONE, Side.DRCHRONO, 1),
    (Do.NOTE, Side.DRCHRONO, 2),
    (Do.GATHER, Side.DRCHRONO, 3),
    (Do.JOIN, Side.DRCHRONO, 4),
    (Do.LEAVE, Side.DRCHRONO, 2),
    (Do.LEAVE, Side.ONCALL, 2),
    (Do.MOVE_GROUP, Side.DRCHRONO, 2),
    (Do.MOVE_GROUP, Side.ONCALL, 2),
)
FIELDS = {Do.MOVE: "starts", Do.MEET: "starts", Do.RESIZE: "minutes", Do.RETYPE: "type"}
OF_PEOPLE = frozenset({Do.RENAME, Do.READDRESS, Do.PHONE})
OF_THE_END = frozenset({Do.CANCEL, Do.DELETE})
OF_GROUPS = frozenset({Do.GATHER, Do.JOIN, Do.LEAVE, Do.MOVE_GROUP})
MOST_MEMBERS = 5


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is seen by one doctor. `known`: has a chart from the beginning."""

    number: int
    doctor: int
    known: bool

    @property
    def names(self) -> dict[str, str]:
        """First and last name and e-mail as they are at first."""
        return {
            "first_name": f"Vera{_letters(self.number)}",
            "last_name": f"Lindqvist{_letters(self.number)}",
            "email": f"vera{self.number}@mail.example",
        }


@dataclass(frozen=True, slots=True)
class Edit:
    """One thing that one person does, `pause` seconds after the step before.

    `value` is the new slot, minutes, type, or the number in a new name, address or phone;
    `other` the slot in OnCall of two moves that meet; `members` who is booked as a group.
    """

    number: int
    do: Do
    side: Side
    person: int
    visit: int
    value: str
    other: str
    pause: float
    members: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """One value that somebody gave a field, on one side; `met`: with another at the same moment."""

    edit: int
    side: Side
    value: str
    met: bool = False


Step = Edit | Fault


@dataclass(frozen=True, slots=True)
class Plan:
    """All of a run, in order; `probes` are visits booked when no fault is left, to be timed."""

    seed: int
    people: tuple[Person, ...]
    steps: tuple[Step, ...]
    probes: tuple[Edit, ...] = ()

    @property
    def edits(self) -> list[Edit]:
        """The edits alone."""
        return [step for step in self.steps if isinstance(step, Edit)]

    @property
    def faults(self) -> list[Fault]:
        """The faults alone."""
        return [step for step in self.steps if isinstance(step, Fault)]


def draw_plan(
    seed: int, edits: int, faults: int, kinds: Sequence[Kind], pause: float, probes: int = 0
) -> Plan:
    """A run of so many edits, `pause` seconds apart on average, and so many faults, each kind once.

    Raises ValueError when there are more edits than the calendar has room for.
    """
    chance = random.Random(seed)
    drawn = _Drawing(chance, pause)
    made = [drawn.edit(number) for number in range(1, edits + 1)]
    broken = draw(chance, faults, kinds) if faults else []
    # A fault comes before an edit that it can befall.
    places = sorted(chance.randrange(edits) for _ in broken)
    steps: list[Step] = []
    for index, edit in enumerate(made):
        steps += [fault for place, fault in zip(places, broken, strict=True) if place == index]
        steps.append(edit)
    timed = tuple(drawn.probe(edits + 1 + number) for number in range(probes))
    return Plan(seed, tuple(drawn.people), tuple(steps), timed)


def slot_time(slot: str, today: datetime) -> datetime:
    """The instant (aware UTC) of a slot "day/half hour" of a run that begins `today`."""
    day, half_hour = (int(part) for part in slot.split("/"))
    morning = today.astimezone(UTC).replace(hour=13, minute=0, second=0, microsecond=0)
    return morning + timedelta(days=FIRST_DAY + day, minutes=30 * half_hour)


def people() -> tuple[Person, ...]:
    """Give the people with a chart from the beginning.

    Those whose chart is edited come first, then those whom staff book in OnCall.
    """
    return tuple(
        Person(number, DOCTORS[number % len(DOCTORS)], known=True)
        for number in range(CHARTS + CALLERS)
    )


@dataclass(slots=True)
class _Visit:
    number: int
    person: int
    touched: dict[str, tuple[Side, int]] = field(default_factory=dict)


@dataclass(slots=True)
class _Group:
    number: int
    members: list[int]
    joined: set[int]
    at: int


class _Drawing:
    def __init__(self, chance: random.Random, pause: float) -> None:
        self._chance = chance
        self._pause = pause
        self._open: list[_Visit] = []
        self._groups: list[_Group] = []
        self._booked = 0
        self._slots = {doctor: self._calendar() for doctor in DOCTORS}
        self.people = list(people())

    def edit(self, number: int) -> Edit:
        do, side, _ = self._chance.choices(EDITS, [weight for _, _, weight in EDITS])[0]
        if do in OF_PEOPLE:
            # Only people whom nobody books in OnCall: whoever types an old address there means a
            # person whom the chart no longer names, and that is asked, not guessed.
            return self._made(number, do, side, self._chance.randrange(CHARTS))
        if do in OF_GROUPS:
            return self._group(number, do, side)
        visit = self._visit(do, side, number)
        if do is Do.BOOK or visit is None:
            where = side if do is Do.BOOK else Side.DRCHRONO
            return self._book(number, where)
        if do in OF_THE_END:
            self._open.remove(visit)
        doctor = self.people[visit.person].doctor
        value = other = ""
        if do in (Do.MOVE, Do.MEET):
            value = self._slot(doctor)
        if do is Do.MEET:
            other = self._slot(doctor)
        if do is Do.RESIZE:
            value = str(self._chance.choice(LENGTHS))
        if do is Do.RETYPE:
            value = self._chance.choice(TYPES)
        if do is Do.CANCEL and side is Side.ONCALL:
            value = self._chance.choice(("staff", "patient"))
        made = self._made(number, do, side, visit.person, visit.number, value)
        return replace(made, other=other)

    def probe(self, number: int) -> Edit:
        """A visit of somebody known, booked in turn in either system."""
        side = (Side.DRCHRONO, Side.ONCALL)[number % 2]
        person = CHARTS + number % CALLERS
        self._booked += 1
        slot = self._slot(self.people[person].doctor)
        return self._made(number, Do.BOOK, side, person, self._booked, slot)

    def _book(self, number: int, side: Side) -> Edit:
        if side is Side.DRCHRONO:
            person = self._chance.randrange(CHARTS + CALLERS)
        elif self._chance.random() < 0.2:
            self.people.append(Person(len(self.people), self._chance.choice(DOCTORS), known=False))
            person = len(self.people) - 1
        else:
            person = self._chance.randrange(CHARTS, len(self.people))
        self._booked += 1
        self._open.append(_Visit(self._booked, person))
        slot = self._slot(self.people[person].doctor)
        return self._made(number, Do.BOOK, side, person, self._booked, slot)

    def _group(self, number: int, do: Do, side: Side) -> Edit:
        apart = 0 if do is Do.LEAVE else GROUP_APART
        groups = [group for group in self._groups if number - group.at >= apart]
        if do is Do.GATHER:
            return self._gather(number)
        if not groups:
            return self._book(number, side)
        group = self._chance.choice(groups)
        group.at = number
        first = group.members[0]
        strangers = [who for who in self._patients(first) if who not in group.joined]
        if do is Do.LEAVE and len(group.members) > 1:
            who = group.members.pop(self._chance.randrange(len(group.members)))
            return self._made(number, do, side, who, group.number)
        if do is Do.JOIN and len(group.members) < MOST_MEMBERS and strangers:
            who = self._chance.choice(strangers)
            group.members.append(who)
            group.joined.add(who)
            return self._made(number, do, side, who, group.number)
        where = side if do is Do.MOVE_GROUP else Side.DRCHRONO
        slot = self._slot(self.people[first].doctor)
        return self._made(number, Do.MOVE_GROUP, where, first, group.number, slot)

    def _gather(self, number: int) -> Edit:
        everybody = self._patients(self._chance.randrange(CHARTS + CALLERS))
        members = self._chance.sample(everybody, self._chance.randint(2, 3))
        self._booked += 1
        self._groups.append(_Group(self._booked, list(members), set(members), number))
        slot = self._slot(self.people[members[0]].doctor)
        made = self._made(number, Do.GATHER, Side.DRCHRONO, members[0], self._booked, slot)
        return replace(made, members=tuple(members))

    def _patients(self, of: int) -> list[int]:
        """Who has a chart and sees the same doctor."""
        doctor = self.people[of].doctor
        return [who for who in range(CHARTS + CALLERS) if self.people[who].doctor == doctor]

    def _visit(self, do: Do, side: Side, number: int) -> _Visit | None:
        """An open visit whose field nobody has just changed on the other side."""
        name = FIELDS.get(do)
        if do is Do.BOOK or not self._open:
            return None
        for _ in range(10):
            visit = self._chance.choice(self._open)
            if name is None:
                return visit
            where, at = visit.touched.get(name, (side, 0))
            if number - at >= APART or (where is side and do is not Do.MEET):
                visit.touched[name] = (side, number)
                return visit
        return None

    def _made(
        self, number: int, do: Do, side: Side, person: int, visit: int = 0, value: str = ""
    ) -> Edit:
        pause = self._chance.expovariate(1 / self._pause) if self._pause else 0.0
        said = value or str(number)
        return Edit(number, do, side, person, visit, said, "", min(pause, 10 * self._pause))

    def _calendar(self) -> list[str]:
        slots = [f"{day}/{half}" for day in range(DAYS) for half in range(HALF_HOURS)]
        self._chance.shuffle(slots)
        return slots

    def _slot(self, doctor: int) -> str:
        if not self._slots[doctor]:
            raise ValueError("so many edits that a doctor's calendar is full: ask for fewer")
        return self._slots[doctor].pop()


def _letters(number: int) -> str:
    return "".join(chr(97 + int(digit)) for digit in f"{number:03}")
