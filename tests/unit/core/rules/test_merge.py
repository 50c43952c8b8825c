"""Merge every combination of what two sides did to one field (docs/rules.md, R8)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.core.rules.merge import Action, FieldSide, Merged, Seen, merge

NOTHING, ADOPT, LEFT, RIGHT, ASK = "nothing", "adopt", "to_left", "to_right", "ask"
UNREADABLE = "unreadable"

# (left, right): equal values; different values; and whether the latter overwrites an edit.
# With DrChrono (left) as the system of record and the go-live policy "ask".
TABLE = {
    ("same", "same"): (NOTHING, NOTHING, False),
    ("same", "changed"): (ADOPT, LEFT, False),
    ("same", "ours"): (ADOPT, RIGHT, False),
    ("same", "new"): (ADOPT, ASK, False),
    ("same", "absent"): (NOTHING, NOTHING, False),
    ("changed", "same"): (ADOPT, RIGHT, False),
    ("changed", "changed"): (ADOPT, RIGHT, True),
    ("changed", "ours"): (ADOPT, RIGHT, False),
    ("changed", "new"): (ADOPT, ASK, False),
    ("changed", "absent"): (RIGHT, RIGHT, False),
    ("ours", "same"): (ADOPT, LEFT, False),
    ("ours", "changed"): (ADOPT, LEFT, False),
    ("ours", "ours"): (ADOPT, RIGHT, True),
    ("ours", "new"): (ADOPT, LEFT, False),
    ("ours", "absent"): (NOTHING, NOTHING, False),
    ("new", "same"): (ADOPT, ASK, False),
    ("new", "changed"): (ADOPT, ASK, False),
    ("new", "ours"): (ADOPT, RIGHT, False),
    ("new", "new"): (ADOPT, ASK, False),
    ("new", "absent"): (RIGHT, RIGHT, False),
    ("absent", "same"): (NOTHING, NOTHING, False),
    ("absent", "changed"): (LEFT, LEFT, False),
    ("absent", "ours"): (NOTHING, NOTHING, False),
    ("absent", "new"): (LEFT, LEFT, False),
    ("absent", "absent"): (NOTHING, NOTHING, False),
    ("unknown", "same"): (ADOPT, UNREADABLE, False),
    ("unknown", "changed"): (ADOPT, UNREADABLE, False),
    ("unknown", "ours"): (ADOPT, UNREADABLE, False),
    ("unknown", "new"): (ADOPT, UNREADABLE, False),
    ("unknown", "absent"): (UNREADABLE, UNREADABLE, False),
    ("unknown", "unknown"): (ADOPT, UNREADABLE, False),
    ("same", "unknown"): (ADOPT, UNREADABLE, False),
    ("changed", "unknown"): (ADOPT, UNREADABLE, False),
    ("ours", "unknown"): (ADOPT, UNREADABLE, False),
    ("new", "unknown"): (ADOPT, UNREADABLE, False),
    ("absent", "unknown"): (UNREADABLE, UNREADABLE, False),
}


def test_the_table_is_complete() -> None:
    assert len(TABLE) == len(Seen) ** 2


@pytest.mark.parametrize(("seen", "expected"), TABLE.items())
def test_every_combination(seen: tuple[str, str], expected: tuple[str, str, bool]) -> None:
    left, right = Seen(seen[0]), Seen(seen[1])
    alike = merge(FieldSide(left, "x"), FieldSide(right, "x"))
    apart = merge(FieldSide(left, "x"), FieldSide(right, "y"))
    assert (alike.action, alike.conflict) == (expected[0], False)
    assert (apart.action, apart.conflict) == (expected[1], expected[2])


# With one side empty: left "" and right "y", then left "x" and right None.
EMPTY = {
    ("new", "new"): (LEFT, RIGHT),
    ("new", "same"): (LEFT, RIGHT),
    ("new", "changed"): (LEFT, ASK),  # somebody blanked it: that is an edit, not a gap to fill
    ("new", "ours"): (LEFT, RIGHT),
    ("same", "new"): (LEFT, RIGHT),
    ("changed", "new"): (ASK, RIGHT),
    ("ours", "new"): (LEFT, RIGHT),
    ("changed", "same"): (RIGHT, RIGHT),  # a blanking is carried
    ("new", "absent"): (NOTHING, RIGHT),  # an empty field without baseline blanks nothing unseen
    ("changed", "absent"): (RIGHT, RIGHT),
}


@pytest.mark.parametrize(("seen", "expected"), EMPTY.items())
def test_empty_values(seen: tuple[str, str], expected: tuple[str, str]) -> None:
    left, right = Seen(seen[0]), Seen(seen[1])
    assert merge(FieldSide(left, ""), FieldSide(right, "y")).action == expected[0]
    assert merge(FieldSide(left, "x"), FieldSide(right, None)).action == expected[1]


def test_none_and_an_empty_string_are_equal() -> None:
    assert merge(FieldSide(Seen.NEW, None), FieldSide(Seen.NEW, "")).action is Action.ADOPT


@pytest.mark.parametrize(
    ("left", "right", "record", "action", "why"),
    [
        ("changed", "changed", "left", RIGHT, "both_changed"),
        ("changed", "changed", "right", LEFT, "both_changed"),
        ("new", "new", "left", RIGHT, "no_baseline_record_wins"),
        ("new", "new", "right", LEFT, "no_baseline_record_wins"),
        ("new", "changed", "left", RIGHT, "no_baseline_record_wins"),
        ("same", "new", "right", LEFT, "no_baseline_record_wins"),
    ],
)
def test_the_record_wins(left: str, right: str, record: str, action: str, why: str) -> None:
    sides = FieldSide(Seen(left), "x"), FieldSide(Seen(right), "y")
    merged = merge(*sides, record=record, new="record")  # type: ignore[arg-type]
    assert merged == Merged(Action(action), conflict=True, why=why)


@pytest.mark.parametrize("record", ["left", "right"])
@pytest.mark.parametrize(("side", "action"), [("left", RIGHT), ("right", LEFT)])
def test_the_later_edit_goes_whoever_is_the_record(record: str, side: str, action: str) -> None:
    later = {name: FieldSide(Seen.CHANGED, name, later=name == side) for name in ("left", "right")}
    merged = merge(later["left"], later["right"], record=record)  # type: ignore[arg-type]
    assert merged == Merged(Action(action), conflict=True, why="edited_later")


def test_a_forbidden_direction_holds_and_never_turns_round() -> None:
    changed, same = FieldSide(Seen.CHANGED, "x"), FieldSide(Seen.SAME, "y")
    assert merge(changed, same, to_right=False) == Merged(Action.HELD, why="changed")
    assert merge(same, changed, to_left=False) == Merged(Action.HELD, why="changed")
    assert merge(changed, same, to_left=False).action is Action.TO_RIGHT
    assert merge(FieldSide(Seen.CHANGED, "y"), same, to_right=False).action is Action.ADOPT


sides = st.builds(FieldSide, st.sampled_from(Seen), st.sampled_from(["", None, "x", "y"]))
policies = st.fixed_dictionaries(
    {"record": st.sampled_from(["left", "right"]), "new": st.sampled_from(["record", "ask"])}
)


@given(st.sampled_from(["", None, "x", "y"]), st.sampled_from(["", None, "x", "y"]), policies)
def test_nothing_changed_nothing_carried(left: object, right: object, how: dict[str, str]) -> None:
    settled = merge(FieldSide(Seen.SAME, left), FieldSide(Seen.SAME, right), **how)  # type: ignore[arg-type]
    assert settled.action is Action.NOTHING


@given(sides, sides, policies)
def test_one_application_settles(left: FieldSide, right: FieldSide, how: dict[str, str]) -> None:
    action = merge(left, right, **how).action  # type: ignore[arg-type]
    if action is Action.TO_LEFT:
        left = FieldSide(Seen.SAME, right.value)
    if action is Action.TO_RIGHT:
        right = FieldSide(Seen.SAME, left.value)
    if action in {Action.TO_LEFT, Action.TO_RIGHT, Action.ADOPT}:
        left, right = FieldSide(Seen.SAME, left.value), FieldSide(Seen.SAME, right.value)
        assert merge(left, right, **how).action is Action.NOTHING  # type: ignore[arg-type]
        assert left.value == right.value or (left.empty and right.empty)


@given(sides, sides, policies)
def test_both_sides_are_treated_alike(
    left: FieldSide, right: FieldSide, how: dict[str, str]
) -> None:
    turned = {"to_left": "to_right", "to_right": "to_left"}
    other = {**how, "record": {"left": "right", "right": "left"}[how["record"]]}
    there = merge(left, right, **how)  # type: ignore[arg-type]
    back = merge(right, left, **other)  # type: ignore[arg-type]
    assert back.action == turned.get(there.action, there.action)
    assert back.conflict == there.conflict
