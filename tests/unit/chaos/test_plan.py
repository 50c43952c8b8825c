"""Draw from a seed the same plan each time, each fault once, and no edit that can't be judged."""

import pytest

from chaos.faults import OF_POSTGRESQL, Kind
from chaos.plan import (
    APART,
    FIELDS,
    MOST_MEMBERS,
    OF_GROUPS,
    OF_THE_END,
    Do,
    Plan,
    Side,
    draw_plan,
)

KINDS = list(Kind)


def plan(seed: int = 5, edits: int = 800, faults: int = 200) -> Plan:
    return draw_plan(seed, edits, faults, KINDS, 0.2)


def test_one_seed_is_one_plan() -> None:
    assert plan(5) == plan(5)
    assert plan(5).steps != plan(6).steps


def test_it_has_what_was_asked_for_and_each_kind_of_fault() -> None:
    made = plan()
    assert (len(made.edits), len(made.faults)) == (800, 200)
    assert {fault.kind for fault in made.faults} == set(Kind)


def test_as_many_faults_as_kinds_are_each_kind_once() -> None:
    kinds = [kind for kind in Kind if kind not in OF_POSTGRESQL]
    made = draw_plan(1, 40, len(kinds), kinds, 0.0)
    assert sorted(fault.kind for fault in made.faults) == sorted(kinds)


def test_without_faults_there_are_none() -> None:
    assert plan(faults=0).faults == []


def test_a_visit_is_booked_first_and_left_alone_once_it_is_over() -> None:
    booked: set[int] = set()
    over: set[int] = set()
    for edit in plan().edits:
        if edit.do in (Do.BOOK, Do.GATHER):
            assert edit.visit not in booked
            booked.add(edit.visit)
        elif edit.visit:
            assert edit.visit in booked - over
            if edit.do in OF_THE_END:
                over.add(edit.visit)
    assert over


def test_no_slot_is_given_twice_to_one_doctor() -> None:
    made = plan()
    doctors = {person.number: person.doctor for person in made.people}
    slots = [
        (doctors[edit.person], slot)
        for edit in made.edits
        if edit.do in (Do.BOOK, Do.MOVE, Do.MEET, Do.GATHER, Do.MOVE_GROUP)
        for slot in (edit.value, edit.other)
        if slot
    ]
    assert len(slots) == len(set(slots)) > 300


def test_a_field_is_not_edited_on_both_sides_within_one_read_and_write_unless_meant_to() -> None:
    last: dict[tuple[int, str], tuple[Side, int]] = {}
    for edit in plan(edits=2000).edits:
        name = FIELDS.get(edit.do)
        if name is None:
            continue
        side, at = last.get((edit.visit, name), (edit.side, 0))
        if side is not edit.side or edit.do is Do.MEET:
            assert edit.number - at >= APART
        last[edit.visit, name] = (edit.side, edit.number)


def test_charts_whose_address_changes_are_booked_by_nobody_in_oncall() -> None:
    made = plan(edits=2000)
    readdressed = {edit.person for edit in made.edits if edit.do is Do.READDRESS}
    invited = {e.person for e in made.edits if e.do is Do.BOOK and e.side is Side.ONCALL}
    assert readdressed
    assert invited
    assert not readdressed & invited


def test_more_edits_than_the_calendar_holds_are_refused() -> None:
    with pytest.raises(ValueError, match="ask for fewer"):
        plan(edits=20_000, faults=0)


def test_groups_are_booked_joined_left_and_moved_by_patients_of_one_doctor() -> None:
    made = plan(edits=2000)
    doctors = {person.number: person.doctor for person in made.people}
    members: dict[int, set[int]] = {}
    seen = set()
    for edit in made.edits:
        if edit.do not in OF_GROUPS:
            continue
        seen.add((edit.do, edit.side))
        if edit.do is Do.GATHER:
            members[edit.visit] = set(edit.members)
            assert len({doctors[who] for who in edit.members}) == 1
        elif edit.do is Do.JOIN:
            assert edit.person not in members[edit.visit]
            assert doctors[edit.person] in {doctors[who] for who in members[edit.visit]}
            members[edit.visit].add(edit.person)
        elif edit.do is Do.LEAVE:
            members[edit.visit].remove(edit.person)
        assert 1 <= len(members[edit.visit]) <= MOST_MEMBERS
    here, there = Side.DRCHRONO, Side.ONCALL
    assert seen == {
        (Do.GATHER, here),
        (Do.JOIN, here),
        *((Do.LEAVE, here), (Do.LEAVE, there)),
        *((Do.MOVE_GROUP, here), (Do.MOVE_GROUP, there)),
    }
