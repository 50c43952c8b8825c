"""Link what markers say belongs together: a table of what both systems can show."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sync.core.records import Life, Marker, State, Visit
from sync.core.rules.relink import Family, families

OURS = frozenset({"0123456789abcdef", "fedcba9876543210"})
NAME = "0123456789abcdef"
AT = datetime(2026, 11, 30, 15, tzinfo=UTC)
OPEN = State(Life.OPEN)


def marker(aggregate: int, other: str | None, **more: Any) -> Marker:
    return Marker(**{"installation": NAME, "generation": 1, "life": 1, **more}, aggregate=aggregate,
                  other=other)  # fmt: skip


def here(remote_id: str, bears: Marker | None = None, **more: Any) -> Visit:
    """An appointment of DrChrono."""
    told = {"starts": AT, "provider": "201", "patient": "7", "state": OPEN, **more}
    return Visit("drchrono", remote_id, marker=bears, **told)


def there(remote_id: str, bears: Marker | None = None, **more: Any) -> Visit:
    """A visit of OnCall."""
    return Visit("oncall", remote_id, marker=bears, **{"starts": AT, "state": OPEN, **more})


def ids(family: Family) -> tuple[object, ...]:
    return (
        family.name[1],
        [one.remote_id for one in family.visits],
        [one.remote_id for one in family.appointments],
        family.generation,
        family.group,
        family.lost,
    )


RESCHEDULED = State(Life.RESCHEDULED)
CASES: dict[str, tuple[list[Visit], list[Visit], list[tuple[object, ...]]]] = {
    "both name each other": (
        [here("1", marker(5, "9"))],
        [there("9", marker(5, "1"))],
        [(5, ["9"], ["1"], 1, False, None)],
    ),
    "an appointment that bears no marker (no custom field, or not written yet)": (
        [here("1")],
        [there("9", marker(5, "1"))],
        [(5, ["9"], ["1"], 1, False, None)],
    ),
    "OnCall's marker names an appointment that no list shows": (
        [],
        [there("9", marker(5, "1"))],
        [(5, ["9"], [], 1, False, "1")],
    ),
    "an appointment names an OnCall visit that no list shows": (
        [here("1", marker(5, "9"))],
        [],
        [(5, [], ["1"], 1, False, "9")],
    ),
    "the present generation is the last one, whichever the appointment still names": (
        [here("1", marker(5, "8"))],
        [there("8", marker(5, "1")), there("9", marker(5, "1", generation=2))],
        [(5, ["8", "9"], ["1"], 2, False, None)],
    ),
    "a clone bears a copy of its original's marker": (
        [here("1", marker(5, "9")), here("2", marker(5, "9"), cloned_from="1")],
        [there("9", marker(5, "1"))],
        [(5, ["9"], ["1"], 1, False, None)],
    ),
    "the clone of a rescheduled appointment stands for the visit": (
        [
            here("1", marker(5, "9"), state=RESCHEDULED),
            here("2", marker(5, "9"), cloned_from="1"),
        ],
        [there("9", marker(5, "1"))],
        [(5, ["9"], ["2"], 1, False, None)],
    ),
    "rescheduled twice": (
        [
            here("1", marker(5, "9"), state=RESCHEDULED),
            here("2", marker(5, "9"), state=RESCHEDULED, cloned_from="1"),
            here("3", marker(5, "9"), cloned_from="2"),
        ],
        [there("9", marker(5, "1"))],
        [(5, ["9"], ["3"], 1, False, None)],
    ),
    "rescheduled, and the clone was cancelled": (
        [
            here("1", marker(5, "9"), state=RESCHEDULED),
            here("2", marker(5, "9"), state=State(Life.CANCELLED), cloned_from="1"),
        ],
        [there("9", marker(5, "1"), state=State(Life.CANCELLED))],
        [(5, ["9"], ["1"], 1, False, None)],
    ),
    "an appointment that stands for another visit since is not taken from it": (
        [here("1", marker(6, "8"))],
        [there("8", marker(6, "1")), there("9", marker(5, "1"))],
        [(6, ["8"], ["1"], 1, False, None)],
    ),
    "a copy of an OnCall visit with its metadata": (
        [here("1", marker(5, "8"))],
        [there("8", marker(5, "1")), there("9", marker(5, "1"))],
        [(5, ["8"], ["1"], 1, False, None)],
    ),
    "a copy of an OnCall visit, nobody names either": (
        [here("1")],
        [there("10", marker(5, "1")), there("9", marker(5, "1"))],
        [(5, ["9"], ["1"], 1, False, None)],
    ),
    "a group: OnCall's marker names nobody": (
        [here("1", marker(5, "9"), group=True), here("2", marker(5, "9"), group=True, patient="8")],
        [there("9", marker(5, None))],
        [(5, ["9"], ["1", "2"], 1, True, None)],
    ),
    "a visit that became a group's": (
        [here("1", marker(5, "9"), group=True), here("2", marker(5, "9"), group=True, patient="8")],
        [there("9", marker(5, "1"))],
        [(5, ["9"], ["1", "2"], 1, True, None)],
    ),
    "a group booked in OnCall has no group profile": (
        [here("1", marker(5, "9")), here("2", marker(5, "9"), patient="8")],
        [there("9", marker(5, None))],
        [(5, ["9"], ["1", "2"], 1, True, None)],
    ),
    "one patient is one member: a clone is none": (
        [
            here("1", marker(5, "9"), group=True, state=RESCHEDULED),
            here("2", marker(5, "9"), group=True),
        ],
        [there("9", marker(5, None))],
        [(5, ["9"], ["2"], 1, True, None)],
    ),
    "an occurrence, still virtual": (
        [here("2026-11-30_1", occurrence_key="1_20261130")],
        [there("9", marker(5, "2026-11-30_1", occurrence="1_20261130"))],
        [(5, ["9"], ["2026-11-30_1"], 1, False, None)],
    ),
    "an occurrence that became real since, under another id": (
        [here("77", occurrence_key="1_20261130")],
        [there("9", marker(5, "2026-11-30_1", occurrence="1_20261130"))],
        [(5, ["9"], ["77"], 1, False, None)],
    ),
    "one number of two installations of ours is two visits": (
        [here("1", marker(5, "9")), here("2", marker(5, "8", installation="fedcba9876543210"))],
        [
            there("9", marker(5, "1")),
            there("8", marker(5, "2", installation="fedcba9876543210")),
        ],
        [(5, ["9"], ["1"], 1, False, None), (5, ["8"], ["2"], 1, False, None)],
    ),
    "two that name the same appointment, which names neither": (
        [here("1")],
        [there("8", marker(5, "1")), there("9", marker(6, "1"))],
        [],
    ),
    "two that name the same appointment, which no list shows": (
        [],
        [there("8", marker(5, "1")), there("9", marker(6, "1"))],
        [],
    ),
    "markers of another installation say nothing": (
        [here("1", marker(5, "9", installation="00000000ffffffff"))],
        [there("9", marker(5, "1", installation="00000000ffffffff"))],
        [],
    ),
    "no markers, no families": ([here("1")], [there("9")], []),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_belongs_together(
    case: tuple[list[Visit], list[Visit], list[tuple[object, ...]]],
) -> None:
    shown_here, shown_there, expected = case
    assert [ids(one) for one in families(shown_here, shown_there, OURS)] == expected
    # In whatever order the lists show them.
    shuffled = families(shown_here[::-1], shown_there[::-1], OURS)
    assert [ids(one) for one in shuffled] == expected


def test_members_without_a_marker_stand_where_the_group_does() -> None:
    """Not every account lets us have the field; who they are with decides, later."""
    (found,) = families(
        [
            here("1", group=True),
            here("2", group=True, patient="8", starts=AT.replace(hour=16)),
            here("3", patient="9"),
            here("4", group=True, patient="10", provider="202"),
        ],
        [there("9", marker(5, None), provider="201")],
        OURS,
    )
    assert [one.remote_id for one in found.unmarked] == ["1"]
    assert found.appointments == ()
