"""Decide by life and status: when a visit is over, which side says so, what the other is told.

The status table is the clinic's to change (mapping file); these are its defaults. Words are
compared without case, and a word that is not in the table is open: an unknown status must never
cancel a visit.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sync.core.records import Absent, CancelledBy, Life, Maybe, State
from sync.core.rules.merge import Seen
from sync.core.rules.policy import Policy

TERMINAL: Final = frozenset({Life.CANCELLED, Life.NO_SHOW, Life.COMPLETE, Life.DELETED})

_DRCHRONO: Final = {
    "cancelled": Life.CANCELLED,
    "canceled": Life.CANCELLED,
    "rescheduled": Life.RESCHEDULED,
    "no show": Life.NO_SHOW,
    "complete": Life.COMPLETE,
}
_ONCALL: Final = {
    "complete": Life.COMPLETE,
    "no show": Life.NO_SHOW,
    "no show fee charged": Life.NO_SHOW,
}
_WRITTEN: Final = {
    Life.CANCELLED: "Cancelled",
    Life.DELETED: "Cancelled",
    Life.NO_SHOW: "No Show",
    Life.COMPLETE: "Complete",
}
# "Patient cancelled", and as other pages of such services write it.
_CANCELLED: Final = re.compile(r"(?:(\w+) )?(?:.* )?cancell?ed(?: by (?:the )?(\w+))?")
# Charging and waiving happen after a visit and don't end it: told, not carried.
_NOTED: Final = frozenset({"charge failed", "fee waived"})
_CANCELLED_BY: Final[Mapping[str, CancelledBy]] = {
    "patient": "patient",
    "provider": "provider",
    "coordinator": "coordinator",
    "staff": "staff",
}


def plain(word: str) -> str:
    """A status word as it is compared: no case, hyphens as spaces, single spaces."""
    return " ".join(re.sub(r"[-_]", " ", word).casefold().split())


@dataclass(frozen=True)
class StatusTable:
    """What each system's words mean, by `plain` word, and what is written to DrChrono for a life.

    An override of the mapping file comes before the defaults; `written` is complete.
    """

    drchrono: Mapping[str, Life] = field(default_factory=lambda: dict(_DRCHRONO))
    oncall: Mapping[str, Life] = field(default_factory=lambda: dict(_ONCALL))
    written: Mapping[Life, str] = field(default_factory=lambda: dict(_WRITTEN))

    @classmethod
    def with_overrides(
        cls,
        drchrono: Mapping[str, Life],
        oncall: Mapping[str, Life],
        written: Mapping[Life, str],
    ) -> "StatusTable":
        """The default table with a clinic's own words laid over it."""
        return cls(
            _DRCHRONO | {plain(word): life for word, life in drchrono.items()},
            _ONCALL | {plain(word): life for word, life in oncall.items()},
            _WRITTEN | dict(written),
        )


DEFAULT: Final = StatusTable()


def drchrono_state(
    status: str,
    *,
    deleted: bool = False,
    custom_status: str | None = None,
    note_locked: bool = False,
    table: StatusTable = DEFAULT,
) -> State:
    """The state of a DrChrono appointment.

    A deletion is final whatever the old status says. A practice-defined status counts where the
    table names it, else the standard one does. A locked clinical note completes an open visit.
    """
    if deleted:
        return State(Life.DELETED, None, status)
    for word in (custom_status or "", status):
        life = table.drchrono.get(plain(word))
        if life is not None and life is not Life.OPEN:
            return State(life, None, word)
        if life is Life.OPEN:
            break
    return State(Life.COMPLETE if note_locked else Life.OPEN, None, status)


def oncall_state(status: str, *, cancelled: bool = False, table: StatusTable = DEFAULT) -> State:
    """The state of an OnCall appointment.

    A status that ends the visit says more than the flag; "… cancelled" names who did it.
    """
    word = plain(status)
    life = table.oncall.get(word)
    if life is None and (ended := _CANCELLED.fullmatch(word)):
        return State(Life.CANCELLED, _CANCELLED_BY.get(ended[1] or ended[2] or ""), status)
    if cancelled and life not in TERMINAL:
        return State(Life.CANCELLED, None, status)
    return State(life or Life.OPEN, None, status)


def attendee_state(*, cancelled: bool) -> State:
    """The state of one OnCall participant."""
    return State(Life.CANCELLED if cancelled else Life.OPEN)


def terminal(state: State) -> bool:
    """Whether the visit is over. Rescheduled is not yet: its successor may still be coming."""
    return state.life in TERMINAL


def is_noted(state: State) -> bool:
    """Whether this open OnCall word is to be told to staff (Charge failed, Fee waived)."""
    return state.life is Life.OPEN and plain(state.word) in _NOTED


def oncall_words(life: Life, *, fees: bool) -> dict[str, str | bool] | None:
    """The fields of the OnCall PATCH for a life, or None when nothing may be written.

    Completing and no-showing can charge the patient in OnCall, so they need `fees`. Cancelling is
    the flag, never a status: who cancelled is for OnCall to say.
    """
    if life in {Life.CANCELLED, Life.DELETED, Life.RESCHEDULED}:
        return {"cancelled": True}
    if life is Life.NO_SHOW and fees:
        return {"status": "No show"}
    if life is Life.COMPLETE and fees:
        return {"status": "Complete"}
    return None


def drchrono_word(life: Life, table: StatusTable = DEFAULT) -> str | None:
    """The status written to DrChrono for a life, or None: an open status is staff's to set."""
    return table.written.get(life)


class Turn(StrEnum):
    """What follows from the two states, before any field is looked at."""

    OPEN = "open"  # neither is over: go on to the fields
    NOTHING = "nothing"  # over and settled: no fields either
    ADOPT = "adopt"  # over alike on both: the baselines move
    RECORD = "record"  # they disagree for good: told, nothing is written, the baselines move
    TO_LEFT = "to_left"
    TO_RIGHT = "to_right"
    HELD = "held"  # due, but that direction is not allowed: the baseline stays
    REOPENED = "reopened"  # open again in the system of record: a new generation, by policy
    ASK = "ask"
    UNREADABLE = "unreadable"  # a baseline can't be read: nothing ends for it


@dataclass(frozen=True)
class Decision:
    """The turn, and the life to write where it is carried."""

    turn: Turn
    life: Life | None = None
    why: str = ""


def decide(
    left: Maybe[State],
    left_seen: Seen,
    right: Maybe[State],
    right_seen: Seen,
    policy: Policy,
) -> Decision:
    """Decide over life and death before the fields; `left` is DrChrono, `right` OnCall.

    A side that became terminal since its baseline decides; a terminal baseline decides nothing. Two
    different ends are recorded, and nothing is written. `REOPENED` means that the system of record
    is open over a finished counterpart. It can't tell a reopening from another open word, so the
    caller checks whether that attendance had ended. Where a difference has no baseline,
    `policy.new` decides.
    """
    record, new = policy.record, policy.new
    left_end, right_end = _ended(left), _ended(right)
    if left_end is not None and right_end is not None:
        return _both_over(left_end, left_seen, right_end, right_seen)
    if left_end is not None:
        turn, why = _one_over(left_seen, right_seen, over_is_record=record == "left", new=new)
        return _directed(turn, why, left_end, Turn.TO_RIGHT, allowed=policy.to_oncall)
    if right_end is not None:
        turn, why = _one_over(right_seen, left_seen, over_is_record=record == "right", new=new)
        return _directed(turn, why, right_end, Turn.TO_LEFT, allowed=policy.to_drchrono)
    return Decision(Turn.OPEN, None, "both_open")


def _ended(state: Maybe[State]) -> Life | None:
    return None if isinstance(state, Absent) or not terminal(state) else state.life


def _both_over(left: Life, left_seen: Seen, right: Life, right_seen: Seen) -> Decision:
    settled = left_seen is Seen.SAME and right_seen is Seen.SAME
    if settled:
        return Decision(Turn.NOTHING, None, "both_settled")
    if _kind(left) is _kind(right):
        return Decision(Turn.ADOPT, None, "over_alike")
    return Decision(Turn.RECORD, None, "over_differently")


def _kind(life: Life) -> Life:
    # Deleting an appointment is a cancellation to the other system.
    return Life.CANCELLED if life is Life.DELETED else life


def _one_over(
    over: Seen, open_: Seen, *, over_is_record: bool, new: str
) -> tuple[Turn | None, str]:
    """The turn when one side is over and the other open or unread; None: carry the end over."""
    if Seen.UNKNOWN in {over, open_}:
        return Turn.UNREADABLE, "baseline_unreadable"
    reopened = (
        (Turn.RECORD, "open_again_outside_record")
        if over_is_record
        else (Turn.REOPENED, "open_again")
    )
    if over is Seen.CHANGED:
        return None, "became_over"
    if over is Seen.NEW and open_ in {Seen.SAME, Seen.CHANGED, Seen.OURS}:
        return None, "became_over"
    if over is Seen.NEW or (over is Seen.SAME and open_ is Seen.NEW):
        return _by_policy(open_, reopened, over_is_record=over_is_record, new=new)
    if over is Seen.SAME and open_ is Seen.CHANGED:
        return reopened
    if over is Seen.OURS and open_ in {Seen.SAME, Seen.CHANGED, Seen.NEW}:
        # We wrote that end from this very side, which has since taken it back.
        return reopened
    return Turn.NOTHING, "ended_before"


def _by_policy(
    open_: Seen, reopened: tuple[Turn, str], *, over_is_record: bool, new: str
) -> tuple[Turn | None, str]:
    if new != "record":
        return Turn.ASK, "no_baseline"
    if over_is_record:
        return None, "no_baseline_record_wins"
    return (Turn.NOTHING, "unread") if open_ is Seen.ABSENT else reopened


def _directed(turn: Turn | None, why: str, life: Life, carry: Turn, *, allowed: bool) -> Decision:
    if turn is not None:
        return Decision(turn, None, why)
    return Decision(carry, life, why) if allowed else Decision(Turn.HELD, life, why)
