"""Tell the members of a group visit, as a table: as read, and what becomes of them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sync.core.records import Life, State, Visit
from sync.core.rules.fates import Fate, Member
from sync.core.rules.merge import Seen
from sync.core.rules.place import Slot, slot_from, slot_of
from sync.core.rules.policy import Policy
from sync.core.rules.several import place_members

TEN = Slot("201", "301", datetime(2030, 1, 7, 15, tzinfo=UTC), 60)
NOON = replace(TEN, starts=datetime(2030, 1, 7, 17, tzinfo=UTC))
OPEN, CANCELLED = State(Life.OPEN), State(Life.CANCELLED)
COMPLETE, NO_SHOW = State(Life.COMPLETE), State(Life.NO_SHOW)
POLICY = Policy()


def there(number: int, slot: Slot = TEN, **changes: object) -> Member:
    """A member that stands in the OnCall visit, its appointment read."""
    return replace(Member(number, slot=slot, state=OPEN, there=OPEN), **changes)  # type: ignore[arg-type]


def unread(number: int) -> Member:
    return Member(number, there=OPEN)


def test_the_key_names_doctor_office_start_and_length() -> None:
    assert TEN.key == "group:201:301:20300107T150000:60"
    assert slot_from("group:201:301:20300107T150000:60") == TEN


def test_an_appointment_whose_place_is_not_known_whole_has_no_slot() -> None:
    shown = Visit("drchrono", "1", starts=TEN.starts, minutes=60, provider="201", office="301")
    assert slot_of(shown) == TEN
    assert slot_of(replace(shown, office=Visit("drchrono", "1").office)) is None


@pytest.mark.parametrize(
    ("member", "fate"),
    [
        (there(1), Fate.STAYS),
        (unread(1), Fate.STAYS),
        (there(1, there=None), Fate.JOINS),
        (Member(1, parked=True), Fate.OVER),
        (there(1, there=None, state=CANCELLED), Fate.OVER),
        (there(1, grouped=False), Fate.LEAVES),
        (there(1, NOON), Fate.LEAVES),
        (there(1, there=None, slot=NOON), Fate.LEAVES),
        (there(1, swapped=True), Fate.SWAPPED),
        (there(1, state=CANCELLED, seen=Seen.CHANGED), Fate.ENDS),
        (there(1, state=State(Life.DELETED), seen=Seen.CHANGED), Fate.ENDS),
        (there(1, state=COMPLETE, seen=Seen.CHANGED), Fate.NOTED),
        (there(1, state=NO_SHOW, seen=Seen.CHANGED), Fate.NOTED),
        (there(1, state=CANCELLED, there=CANCELLED), Fate.OVER),
        (there(1, seen=Seen.CHANGED, there=CANCELLED), Fate.REVIVED),
        (there(1, there=CANCELLED, there_seen=Seen.CHANGED), Fate.ENDED),
        (there(1, state=State(Life.RESCHEDULED), seen=Seen.CHANGED), Fate.WAITS),
        (there(1, in_scope=False), Fate.LEFT_SCOPE),
    ],
)
def test_what_becomes_of_a_member(member: Member, fate: Fate) -> None:
    plan = place_members([member, unread(8), unread(9)], TEN, POLICY)
    assert plan.fates[1] is fate
    assert plan.slot == TEN
    assert plan.ends is None


def test_open_again_after_it_began_is_over() -> None:
    """As in a visit of one: what is past is never made."""
    member = there(1, seen=Seen.CHANGED, there=CANCELLED)
    assert place_members([member, unread(8)], TEN, POLICY, past=True).fates[1] is Fate.OVER


def test_whose_end_was_noted_before_counts_as_over_while_unread() -> None:
    noted = Member(1, state=COMPLETE, there=OPEN)
    ended = there(2, state=COMPLETE, seen=Seen.CHANGED)
    assert place_members([noted, ended], TEN, Policy(fees=True)).ends is Life.COMPLETE
    assert place_members([noted, ended], TEN, POLICY).ends is None


def test_nothing_is_written_to_oncall_when_the_direction_is_not_allowed() -> None:
    policy = Policy(to_oncall=False)
    members = [there(1, NOON), there(2, there=None), there(3, swapped=True), unread(4), unread(5)]
    fates = place_members(members, TEN, policy).fates
    assert [fates[n] for n in (1, 2, 3)] == [Fate.HELD] * 3


def test_after_the_grace_a_rescheduled_member_is_cancelled() -> None:
    member = there(1, state=State(Life.RESCHEDULED), seen=Seen.CHANGED)
    assert place_members([member, unread(2)], TEN, POLICY, waited=True).fates[1] is Fate.ENDS


def test_the_life_of_a_cancelled_participant_is_carried_to_its_appointment() -> None:
    member = there(1, there=CANCELLED, there_seen=Seen.CHANGED)
    assert place_members([member, unread(2)], TEN, POLICY).lives == {1: Life.CANCELLED}


# --- most members moved ---------------------------------------------------------------------------


def test_most_members_in_one_new_slot_move_the_visit() -> None:
    plan = place_members([there(1, NOON), there(2, NOON), there(3)], TEN, POLICY)
    assert plan.slot == NOON
    assert plan.fates == {1: Fate.STAYS, 2: Fate.STAYS, 3: Fate.LEAVES}


def test_half_of_them_do_not() -> None:
    plan = place_members([there(1, NOON), there(2)], TEN, POLICY)
    assert plan.slot == TEN
    assert plan.fates == {1: Fate.LEAVES, 2: Fate.STAYS}


def test_the_ended_have_no_vote() -> None:
    plan = place_members(
        [there(1, NOON), there(2, state=CANCELLED, there=CANCELLED), there(3, NOON)], TEN, POLICY
    )
    assert plan.slot == NOON


def test_nor_have_those_whose_participants_were_cancelled_who_end_where_they_stand() -> None:
    cancelled = there(2, there=CANCELLED, there_seen=Seen.CHANGED)
    plan = place_members([there(1, NOON), cancelled], TEN, POLICY)
    assert plan.slot == NOON
    assert plan.fates == {1: Fate.STAYS, 2: Fate.ENDED}
    assert plan.lives == {2: Life.CANCELLED}


def test_into_a_slot_where_another_visit_stands_members_go_and_the_visit_does_not() -> None:
    plan = place_members([there(1, NOON), there(2, NOON)], TEN, POLICY, taken=lambda s: s == NOON)
    assert plan.slot == TEN
    assert plan.fates == {1: Fate.LEAVES, 2: Fate.LEAVES}
    assert plan.ends is Life.CANCELLED


def test_moved_in_oncall_takes_along_who_did_not_move() -> None:
    members = [there(1), there(2, NOON), there(3, grouped=False)]
    plan = place_members(members, NOON, POLICY, follows=True)
    assert plan.fates == {1: Fate.FOLLOWS, 2: Fate.STAYS, 3: Fate.LEAVES}


# --- the last one ---------------------------------------------------------------------------------


def test_the_last_one_leaving_ends_the_visit() -> None:
    gone = there(1, state=CANCELLED, seen=Seen.CHANGED)
    settled = there(2, state=CANCELLED, there=CANCELLED)
    assert place_members([gone, settled], TEN, POLICY).ends is Life.CANCELLED


@pytest.mark.parametrize(("fees", "ends"), [(True, Life.COMPLETE), (False, None)])
def test_completed_is_written_only_with_fees(fees: bool, ends: Life | None) -> None:
    members = [
        there(1, state=COMPLETE, seen=Seen.CHANGED),
        there(2, state=NO_SHOW),
    ]
    assert place_members(members, TEN, Policy(fees=fees)).ends is ends


def test_the_last_participant_cancelled_in_oncall_closes_what_is_empty() -> None:
    member = there(1, there=CANCELLED, there_seen=Seen.CHANGED)
    plan = place_members([member], TEN, POLICY)
    assert (plan.fates[1], plan.ends) == (Fate.ENDED, Life.CANCELLED)


def test_a_visit_that_has_ended_is_not_ended_again() -> None:
    member = there(1, there=CANCELLED, there_seen=Seen.CHANGED)
    assert place_members([member], TEN, POLICY, over=True).ends is None
