"""Which difference two systems' visits are: a table of what is shown, what is linked, and when."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync.core.records import ABSENT, Attendee, Life, State, Visit, VisitType
from sync.core.rules.policy import Policy
from sync.mapping import Mapping, parse
from sync.operations.diff import visits
from sync.operations.diff.model import Standing
from sync.operations.diff.shown import APPOINTMENTS, VISITS, Compared, Shown, Thing, View
from sync.store.compared.linked import Chart, Tie

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
AT = NOW + timedelta(days=3)
MAPPING: Mapping = parse(
    """
[[doctors]]
drchrono = 201
oncall_provider = 196157
oncall_division = 2404
timezone = "America/New_York"
[types]
default = "skip"
[types.profiles]
"401" = "online"
"""
)
OPEN = State(Life.OPEN)
HERE = Visit(
    *("drchrono", "1", AT),
    minutes=30,
    type=VisitType.ONLINE,
    provider="201",
    office="301",
    state=OPEN,
    patient="7",
)
WHO = Attendee("5", "Ada", "Okoro", "ada@mail.example", cancelled=False)
THERE = Visit(
    *("oncall", "9", AT),
    minutes=30,
    type=VisitType.ONLINE,
    provider="201",
    state=OPEN,
    attendees=(WHO,),
)
TIE = Tie(
    visit=3,
    open=True,
    starts_at=AT,
    hold_until=None,
    doctor="201",
    oncall="9",
    oncall_row=31,
    oncall_state="live",
    attendance=4,
    appointment="1",
    appointment_row=32,
    appointment_state="live",
    participant="5",
    participant_row=33,
    person=6,
)


@dataclass
class World:
    """What both systems show, and what is linked."""

    here: Visit | None = HERE
    there: Visit | None = THERE
    tie: Tie | None = TIE
    policy: Policy = field(default_factory=Policy)
    excluded: bool = False
    whole: bool = True
    gone: frozenset[Thing] = frozenset()
    read: frozenset[Thing] = frozenset()


def compared(world: World) -> Compared:
    shown = Shown(whole={APPOINTMENTS, VISITS} if world.whole else set())
    if world.here is not None:
        shown.appointments["1"] = world.here
    if world.there is not None:
        shown.visits["9"] = world.there
        shown.who_told.add("9")
    shown.gone, shown.read = set(world.gone), set(world.read)
    view = View(MAPPING, world.policy, NOW, NOW + timedelta(days=180))
    charts = {6: Chart("7", 60, world.excluded)}
    return visits.compare(shown, [world.tie] if world.tie else [], charts, view)


def here(**changes: Any) -> World:
    return World(here=replace(HERE, **changes))


def there(**changes: Any) -> World:
    return World(there=replace(THERE, **changes))


ALONE_HERE = World(there=None, tie=None)
ALONE_THERE = World(here=None, tie=None)
CANCELLED, COMPLETE = State(Life.CANCELLED), State(Life.COMPLETE)
GONE_HERE, GONE_THERE = Thing(APPOINTMENTS, "1"), Thing(VISITS, "9")
D, E, M, W = Standing.DIFFERENT, Standing.EXPLAINED, Standing.MEANT, Standing.ON_ITS_WAY
ONE_WAY_THERE, ONE_WAY_HERE = Policy(to_drchrono=False), Policy(to_oncall=False)

TABLE: dict[str, tuple[World, list[tuple[str, Standing]]]] = {
    "the same": (World(), []),
    "moved": (here(starts=AT + timedelta(hours=1)), [("fields_differ", D)]),
    "longer": (there(minutes=45), [("fields_differ", D)]),
    "by phone": (there(type=VisitType.PHONE), [("fields_differ", D)]),
    "no provider told": (there(provider=ABSENT), []),
    # Life and death come before the fields.
    "cancelled and moved": (here(state=CANCELLED, minutes=9), [("state_differs", D)]),
    "cancelled there": (there(state=CANCELLED), [("state_differs", D)]),
    "deleted": (here(state=State(Life.DELETED)), [("state_differs", D)]),
    "over alike": (
        World(here=replace(HERE, state=State(Life.DELETED)), there=replace(THERE, state=CANCELLED)),
        [],
    ),
    "over otherwise": (
        World(here=replace(HERE, state=COMPLETE), there=replace(THERE, state=CANCELLED)),
        [("state_differs", E)],
    ),
    "complete, no fees": (here(state=COMPLETE), [("state_differs", M)]),
    "complete, fees": (
        replace(here(state=COMPLETE), policy=Policy(fees=True)),
        [("state_differs", D)],
    ),
    "rescheduled": (here(state=State(Life.RESCHEDULED)), [("state_differs", D)]),
    "rescheduled, waits": (
        World(
            here=replace(HERE, state=State(Life.RESCHEDULED)),
            tie=TIE._replace(hold_until=NOW + timedelta(minutes=5)),
        ),
        [("state_differs", W)],
    ),
    "their participant cancelled": (
        there(attendees=(replace(WHO, cancelled=True),)),
        [("state_differs", D)],
    ),
    "ended here, one way": (
        replace(here(state=CANCELLED), policy=ONE_WAY_HERE),
        [("state_differs", E)],
    ),
    "ended there, one way": (
        replace(there(state=CANCELLED), policy=ONE_WAY_THERE),
        [("state_differs", E)],
    ),
    # Scope, patient, participants.
    "another profile": (here(type=None), [("left_scope", D)]),
    "another doctor": (here(provider="299"), [("left_scope", D)]),
    "nobody's": (here(patient=None), [("left_scope", D)]),
    "another patient": (here(patient="8"), [("patient_differs", D)]),
    "their participant is not there": (there(attendees=()), [("participant_missing", D)]),
    "one too many": (
        there(attendees=(WHO, replace(WHO, remote_id="6"))),
        [("participant_extra", D)],
    ),
    "one too many, cancelled": (
        there(attendees=(WHO, replace(WHO, remote_id="6", cancelled=True))),
        [],
    ),
    # What stands alone.
    "alone here": (ALONE_HERE, [("missing_in_oncall", D)]),
    "alone here, known": (
        World(there=None, tie=TIE._replace(oncall=None)),
        [("missing_in_oncall", D)],
    ),
    "alone here, past": (
        replace(ALONE_HERE, here=replace(HERE, starts=NOW - timedelta(hours=1))),
        [],
    ),
    "alone here, over": (replace(ALONE_HERE, here=replace(HERE, state=CANCELLED)), []),
    "alone here, out of scope": (replace(ALONE_HERE, here=replace(HERE, type=None)), []),
    "alone here, excluded": (replace(ALONE_HERE, excluded=True), [("missing_in_oncall", M)]),
    "alone here, one way": (
        replace(ALONE_HERE, policy=ONE_WAY_HERE),
        [("missing_in_oncall", E)],
    ),
    "a far occurrence": (
        replace(ALONE_HERE, here=replace(HERE, virtual=True, starts=NOW + timedelta(days=61))),
        [("missing_in_oncall", M)],
    ),
    "alone there": (ALONE_THERE, [("missing_in_drchrono", D)]),
    "alone there, no appointment yet": (
        World(here=None, tie=TIE._replace(attendance=None, appointment=None)),
        [("missing_in_drchrono", D)],
    ),
    "alone there, a message": (replace(ALONE_THERE, there=replace(THERE, type=None)), []),
    "alone there, nobody comes": (
        replace(ALONE_THERE, there=replace(THERE, attendees=(replace(WHO, cancelled=True),))),
        [],
    ),
    "alone there, far": (
        replace(ALONE_THERE, there=replace(THERE, starts=NOW + timedelta(days=200))),
        [("missing_in_drchrono", M)],
    ),
    "alone there, one way": (
        replace(ALONE_THERE, policy=ONE_WAY_THERE),
        [("missing_in_drchrono", E)],
    ),
    # What a read by id has denied.
    "gone here": (World(here=None, gone=frozenset({GONE_HERE})), [("state_differs", D)]),
    "gone there": (World(there=None, gone=frozenset({GONE_THERE})), [("state_differs", D)]),
    "listed, and gone": (replace(ALONE_HERE, gone=frozenset({GONE_HERE})), []),
}


@pytest.mark.parametrize("name", TABLE)
def test_which_difference_it_is(name: str) -> None:
    world, wanted = TABLE[name]
    found = compared(world)
    assert [(one.cause, one.standing) for one in found.found] == wanted
    assert (found.ask, found.undecided) == ([], [])
    known = 0 if world.tie is None else world.tie.visit
    assert {one.aggregate for one in found.found} <= {known}


ASK: dict[str, tuple[World, list[Thing]]] = {
    "not listed here": (World(here=None), [GONE_HERE]),
    "not listed there": (World(there=None), [GONE_THERE]),
    "a list that is not whole says nothing": (World(there=None, whole=False), []),
    "past, not listed": (World(here=None, tie=TIE._replace(starts_at=NOW - timedelta(days=1))), []),
    "closed, not listed": (World(here=None, tie=TIE._replace(open=False)), []),
    "no state told": (there(state=ABSENT), [GONE_THERE]),
    "no type told": (there(type=ABSENT), [GONE_THERE]),
    "no start told": (there(starts=ABSENT), [GONE_THERE]),
    "an end here, no state there": (
        World(here=replace(HERE, state=CANCELLED), there=replace(THERE, state=ABSENT)),
        [GONE_THERE],
    ),
}


@pytest.mark.parametrize("name", ASK)
def test_what_must_be_read_by_its_id(name: str) -> None:
    world, wanted = ASK[name]
    found = compared(world)
    assert (found.ask, found.found) == (wanted, [])


def test_what_even_the_read_does_not_say() -> None:
    world = replace(there(type=ABSENT, minutes=ABSENT), read=frozenset({GONE_THERE}))
    assert compared(world).found == []
    world = replace(there(starts=ABSENT), read=frozenset({GONE_THERE}))
    assert [one.why for one in compared(world).undecided] == ["no_time"]
    assert [one.why for one in compared(here(starts=ABSENT)).undecided] == ["zone_unknown"]
