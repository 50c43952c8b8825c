"""Read the order of a bulk list off its records, as a table."""

from typing import Any

import pytest

from sync.setup.probes import in_order


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], None),
        ([("2027-01-01T08:00:00", "2027-02-01T09:00:00")], None),
        ([("1", "1"), ("2", "2")], None),  # the default order says the same
        ([("1", "2"), ("2", "1")], True),
        ([("2", "1"), ("1", "2")], False),
        ([("1", "2"), (None, "0"), ("2", "1")], True),
    ],
)
def test_order_is_told_only_by_what_can_tell_it(rows: list[Any], expected: bool | None) -> None:
    records = [{"updated_at": revision, "scheduled_time": usual} for revision, usual in rows]
    assert in_order(records, "updated_at", "scheduled_time") is expected
