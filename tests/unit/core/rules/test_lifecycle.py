"""Decide about life and status (docs/rules.md, R7, R30), row by row."""

import pytest

from sync.core.records import ABSENT, Life, State
from sync.core.rules.lifecycle import (
    Decision,
    StatusTable,
    Turn,
    attendee_state,
    decide,
    drchrono_state,
    drchrono_word,
    is_noted,
    oncall_state,
    oncall_words,
    terminal,
)
from sync.core.rules.merge import Seen
from sync.core.rules.policy import Policy


@pytest.mark.parametrize(
    ("status", "life"),
    [
        ("", Life.OPEN),
        ("Confirmed", Life.OPEN),
        ("Not Confirmed", Life.OPEN),
        ("Arrived", Life.OPEN),
        ("Checked In", Life.OPEN),
        ("Checked In Online", Life.OPEN),
        ("In Room", Life.OPEN),
        ("In Session", Life.OPEN),
        ("Cancelled", Life.CANCELLED),
        ("CANCELLED ", Life.CANCELLED),
        ("Rescheduled", Life.RESCHEDULED),
        ("No Show", Life.NO_SHOW),
        ("no show", Life.NO_SHOW),
        ("Complete", Life.COMPLETE),
        ("Waiting for interpreter", Life.OPEN),
        ("Cancelled late, call back", Life.OPEN),
    ],
)
def test_every_drchrono_status(status: str, life: Life) -> None:
    assert drchrono_state(status) == State(life, None, status)


@pytest.mark.parametrize(
    ("status", "cancelled", "life", "by"),
    [
        ("", False, Life.OPEN, None),
        ("Incomplete", False, Life.OPEN, None),
        ("Charge failed", False, Life.OPEN, None),
        ("Fee waived", False, Life.OPEN, None),
        ("Complete", False, Life.COMPLETE, None),
        ("No show", False, Life.NO_SHOW, None),
        ("No-show fee charged", False, Life.NO_SHOW, None),
        ("Coordinator cancelled", False, Life.CANCELLED, "coordinator"),
        ("Provider cancelled", False, Life.CANCELLED, "provider"),
        ("Patient cancelled", True, Life.CANCELLED, "patient"),
        ("STAFF CANCELLED", False, Life.CANCELLED, "staff"),
        ("System canceled", False, Life.CANCELLED, None),
        ("Incomplete", True, Life.CANCELLED, None),
        ("", True, Life.CANCELLED, None),
        ("No show", True, Life.NO_SHOW, None),
        ("Something new", False, Life.OPEN, None),
    ],
)
def test_every_oncall_status(status: str, cancelled: bool, life: Life, by: str | None) -> None:
    state = oncall_state(status, cancelled=cancelled)
    assert (state.life, state.by, state.word) == (life, by, status)


def test_deleted_and_locked() -> None:
    assert drchrono_state("Confirmed", deleted=True).life is Life.DELETED
    assert drchrono_state("In Session", note_locked=True).life is Life.COMPLETE
    assert drchrono_state("No Show", note_locked=True).life is Life.NO_SHOW


def test_custom_statuses_count_where_the_table_names_them() -> None:
    table = StatusTable.with_overrides(
        {"Left early": Life.COMPLETE, "Complete": Life.OPEN}, {"Charge failed": Life.CANCELLED}, {}
    )
    assert drchrono_state("Arrived", custom_status="left  EARLY", table=table).life is Life.COMPLETE
    assert drchrono_state("Arrived", custom_status="unheard of", table=table).life is Life.OPEN
    assert drchrono_state("Cancelled", custom_status="unheard of").life is Life.CANCELLED
    assert drchrono_state("Complete", table=table).life is Life.OPEN
    waiting = drchrono_state("Cancelled", custom_status="complete", table=table)
    assert waiting.life is Life.OPEN  # the clinic's word, which its table calls open, comes first
    assert oncall_state("Charge failed", table=table).life is Life.CANCELLED


def test_only_these_are_terminal() -> None:
    over = {life for life in Life if terminal(State(life))}
    assert over == {Life.CANCELLED, Life.NO_SHOW, Life.COMPLETE, Life.DELETED}


def test_noted_words() -> None:
    words = ["Charge failed", "Fee waived", "Incomplete", "Complete"]
    assert [is_noted(oncall_state(word)) for word in words] == [True, True, False, False]


@pytest.mark.parametrize(
    ("life", "without_fees", "with_fees", "drchrono"),
    [
        (Life.OPEN, None, None, None),
        (Life.CANCELLED, {"cancelled": True}, {"cancelled": True}, "Cancelled"),
        (Life.DELETED, {"cancelled": True}, {"cancelled": True}, "Cancelled"),
        (Life.RESCHEDULED, {"cancelled": True}, {"cancelled": True}, None),
        (Life.NO_SHOW, None, {"status": "No show"}, "No Show"),
        (Life.COMPLETE, None, {"status": "Complete"}, "Complete"),
    ],
)
def test_what_is_written_back(
    life: Life, without_fees: object, with_fees: object, drchrono: str | None
) -> None:
    assert oncall_words(life, fees=False) == without_fees
    assert oncall_words(life, fees=True) == with_fees
    assert drchrono_word(life) == drchrono


def test_a_clinic_may_write_its_own_word() -> None:
    table = StatusTable.with_overrides({}, {}, {Life.CANCELLED: "Cancelled online"})
    assert drchrono_word(Life.CANCELLED, table) == "Cancelled online"
    assert drchrono_word(Life.NO_SHOW, table) == "No Show"


def test_attendees() -> None:
    assert attendee_state(cancelled=True).life is Life.CANCELLED
    assert attendee_state(cancelled=False).life is Life.OPEN


OPEN, OVER = State(Life.OPEN), State(Life.CANCELLED)

# Left over, right open: (left seen, right seen) → turn, first with left as the record, then right.
ONE_OVER = {
    ("changed", "same"): ("to_right", "to_right"),
    ("changed", "changed"): ("to_right", "to_right"),
    ("changed", "ours"): ("to_right", "to_right"),
    ("changed", "new"): ("to_right", "to_right"),
    ("new", "same"): ("to_right", "to_right"),
    ("new", "changed"): ("to_right", "to_right"),
    ("new", "ours"): ("to_right", "to_right"),
    ("new", "new"): ("ask", "ask"),
    ("same", "same"): ("nothing", "nothing"),
    ("same", "changed"): ("record", "reopened"),
    ("same", "ours"): ("nothing", "nothing"),
    ("same", "new"): ("ask", "ask"),
    ("ours", "same"): ("record", "reopened"),
    ("ours", "changed"): ("record", "reopened"),
    ("ours", "ours"): ("nothing", "nothing"),
    ("ours", "new"): ("record", "reopened"),
}


@pytest.mark.parametrize(("seen", "turns"), ONE_OVER.items())
def test_one_side_over(seen: tuple[str, str], turns: tuple[str, str]) -> None:
    left, right = Seen(seen[0]), Seen(seen[1])
    assert decide(OVER, left, OPEN, right, Policy()).turn == turns[0]
    assert decide(OVER, left, OPEN, right, Policy(record="right")).turn == turns[1]
    # The mirror image: the same with the sides exchanged.
    mirrored = [turn.replace("to_right", "to_left") for turn in turns]
    assert decide(OPEN, right, OVER, left, Policy(record="right")).turn == mirrored[0]
    assert decide(OPEN, right, OVER, left, Policy()).turn == mirrored[1]


@pytest.mark.parametrize(
    ("seen", "turn"),
    [("changed", "to_right"), ("new", "ask"), ("same", "nothing"), ("ours", "nothing")],
)
def test_one_side_over_and_the_other_not_sent(seen: str, turn: str) -> None:
    assert decide(OVER, Seen(seen), ABSENT, Seen.ABSENT, Policy()).turn == turn


def test_the_go_live_policy_lets_the_record_win() -> None:
    new = Seen.NEW
    assert decide(OVER, new, OPEN, new, Policy(new="record")) == Decision(
        Turn.TO_RIGHT, Life.CANCELLED, "no_baseline_record_wins"
    )
    assert decide(OPEN, new, OVER, new, Policy(new="record")).turn is Turn.REOPENED
    assert decide(ABSENT, Seen.ABSENT, OVER, new, Policy(new="record")).turn is Turn.NOTHING


@pytest.mark.parametrize(
    ("left", "right", "left_seen", "right_seen", "turn"),
    [
        (Life.CANCELLED, Life.CANCELLED, "same", "same", "nothing"),
        (Life.CANCELLED, Life.COMPLETE, "same", "same", "nothing"),
        (Life.CANCELLED, Life.CANCELLED, "changed", "ours", "adopt"),
        (Life.DELETED, Life.CANCELLED, "changed", "changed", "adopt"),
        (Life.NO_SHOW, Life.NO_SHOW, "same", "changed", "adopt"),
        (Life.CANCELLED, Life.NO_SHOW, "changed", "same", "record"),
        (Life.COMPLETE, Life.CANCELLED, "changed", "changed", "record"),
        (Life.COMPLETE, Life.CANCELLED, "new", "new", "record"),
    ],
)
def test_both_over(left: Life, right: Life, left_seen: str, right_seen: str, turn: str) -> None:
    assert (
        decide(State(left), Seen(left_seen), State(right), Seen(right_seen), Policy()).turn == turn
    )


@pytest.mark.parametrize("left", list(Seen))
@pytest.mark.parametrize("right", list(Seen))
def test_nobody_over_goes_on_to_the_fields(left: Seen, right: Seen) -> None:
    first = ABSENT if left is Seen.ABSENT else OPEN
    second = ABSENT if right is Seen.ABSENT else State(Life.RESCHEDULED)
    assert decide(first, left, second, right, Policy()).turn is Turn.OPEN


def test_a_direction_that_is_not_allowed_holds_the_end() -> None:
    held = decide(OVER, Seen.CHANGED, OPEN, Seen.SAME, Policy(to_oncall=False))
    assert (held.turn, held.life) == (Turn.HELD, Life.CANCELLED)
    assert decide(OPEN, Seen.SAME, OVER, Seen.CHANGED, Policy(to_drchrono=False)).turn is Turn.HELD
    assert decide(OVER, Seen.SAME, OPEN, Seen.SAME, Policy(to_oncall=False)).turn is Turn.NOTHING


def test_what_is_carried_names_the_life() -> None:
    assert decide(OPEN, Seen.SAME, State(Life.NO_SHOW), Seen.CHANGED, Policy()) == Decision(
        Turn.TO_LEFT, Life.NO_SHOW, "became_over"
    )
