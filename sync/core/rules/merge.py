"""Merge one field that exists on both sides, given what each did since its baseline.

A three-way merge as one pure function: two sides in, one action out. Each side's value is in our
terms, so equal means equal, and `None` and `""` are both empty.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias


class Seen(StrEnum):
    """How a side's present value stands to what we know of it."""

    SAME = "same"  # equals its baseline
    CHANGED = "changed"  # neither baseline nor pending: somebody edited it
    OURS = "ours"  # equals a pending write of ours
    NEW = "new"  # there is no baseline yet
    ABSENT = "absent"  # the source did not send it
    UNKNOWN = "unknown"  # its baseline is under a digest key we don't have: no change, no sameness


class Action(StrEnum):
    """What follows for the field."""

    NOTHING = "nothing"
    ADOPT = "adopt"  # both say the same: both baselines move, nothing is written
    TO_LEFT = "to_left"
    TO_RIGHT = "to_right"
    ASK = "ask"  # an operator decides; no baseline moves
    UNREADABLE = "unreadable"  # the same, because a baseline can't be read
    HELD = "held"  # due, but that direction is not allowed; no baseline moves


Which: TypeAlias = Literal["left", "right"]


@dataclass(frozen=True)
class FieldSide:
    """One side's field: how it stands, and its value in our terms (ignored when absent).

    `later`: it was edited after a write of ours that carried the other side's present value here,
    and whose outcome nobody told us (ADR 0035).
    """

    seen: Seen
    value: object = None
    later: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it."""
        return self.value is None or self.value == ""


@dataclass(frozen=True)
class Merged:
    """The action, whether an edit is overwritten by it, and a word on why (no values)."""

    action: Action
    conflict: bool = False
    why: str = ""


def merge(
    left: FieldSide,
    right: FieldSide,
    *,
    record: Which = "left",
    new: Literal["record", "ask"] = "ask",
    to_left: bool = True,
    to_right: bool = True,
) -> Merged:
    """Decide over one field.

    `record` is the system of record's side and wins what both changed. `new` is the go-live policy
    for two different values without a baseline. `to_left` and `to_right` say whether the field may
    be written there at all. Afterwards, once the action is applied and the baselines moved, merging
    again gives NOTHING.
    """
    found = _undirected(left, right, record=record, new=new)
    blocked = (found.action is Action.TO_LEFT and not to_left) or (
        found.action is Action.TO_RIGHT and not to_right
    )
    return Merged(Action.HELD, why=found.why) if blocked else found


def _undirected(left: FieldSide, right: FieldSide, *, record: Which, new: str) -> Merged:
    seen = {left.seen, right.seen}
    if Seen.ABSENT in seen:
        return _one_absent(left, right)
    if Seen.UNKNOWN in seen and not _is_equal(left, right):
        # Which of the two is the newer can't be told: nothing is carried.
        return Merged(Action.UNREADABLE, why="baseline_unreadable")
    if _is_equal(left, right):
        # Equal and both settled: nothing. Equal otherwise: the same edit twice, or our write seen.
        settled = seen == {Seen.SAME}
        return Merged(Action.NOTHING if settled else Action.ADOPT, why="equal")
    if seen == {Seen.SAME}:
        # Different in our terms and nobody changed it: settled like that (not all translates).
        return Merged(Action.NOTHING, why="settled")
    if Seen.NEW in seen:
        return _without_baseline(left, right, record=record, new=new)
    if left.later is not right.later and seen == {Seen.CHANGED}:
        # The later of the two goes, and that the other was overwritten is recorded: it may have
        # been shown to nobody.
        return Merged(_from("left" if left.later else "right"), conflict=True, why="edited_later")
    if left.seen is right.seen:
        # Both edited, or two writes of ours crossed: somebody's edit goes.
        return Merged(_from(record), conflict=True, why=f"both_{left.seen}")
    # From here exactly one side is the newer: an edit beats what stands, what stands beats our
    # late write, which landed over it.
    if Seen.CHANGED in seen:
        return Merged(_from("left" if left.seen is Seen.CHANGED else "right"), why="changed")
    return Merged(_from("left" if left.seen is Seen.SAME else "right"), why="late_write")


def _is_equal(left: FieldSide, right: FieldSide) -> bool:
    return left.value == right.value or (left.empty and right.empty)


def _one_absent(left: FieldSide, right: FieldSide) -> Merged:
    which: Which = "right" if left.seen is Seen.ABSENT else "left"
    side = right if which == "right" else left
    if side.seen is Seen.UNKNOWN:
        return Merged(Action.UNREADABLE, why="baseline_unreadable")
    if side.seen is Seen.CHANGED or (side.seen is Seen.NEW and not side.empty):
        return Merged(_from(which), why="other_absent")
    # Settled, ours, or empty without a baseline: nothing speaks for writing into the unseen.
    return Merged(Action.NOTHING, why="absent")


def _without_baseline(left: FieldSide, right: FieldSide, *, record: Which, new: str) -> Merged:
    """Merge values that differ, one of them without a baseline (first match, relink, upgrade)."""
    other = {left.seen, right.seen} - {Seen.NEW}
    fresh: Which = "left" if left.seen is Seen.NEW else "right"
    fresh_side, known = (left, right) if fresh == "left" else (right, left)
    if fresh_side.empty:
        return Merged(_from("right" if fresh == "left" else "left"), why="fills_empty")
    if known.empty and known.seen is not Seen.CHANGED:
        return Merged(_from(fresh), why="fills_empty")
    if other == {Seen.OURS}:
        # The other side shows our own write, made from this side earlier: this one is newer.
        return Merged(_from(fresh), why="late_write")
    if new == "ask":
        return Merged(Action.ASK, why="no_baseline")
    return Merged(_from(record), conflict=True, why="no_baseline_record_wins")


def _from(source: Which) -> Action:
    return Action.TO_RIGHT if source == "left" else Action.TO_LEFT
