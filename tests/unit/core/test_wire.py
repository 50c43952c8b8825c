"""Reading one key of a remote's JSON: sent, not sent, malformed."""

from collections.abc import Callable
from typing import Any

import pytest

from sync.core import wire
from sync.core.records import ABSENT


@pytest.mark.parametrize(
    ("reader", "value", "read"),
    [
        (wire.text, "x", "x"),
        (wire.text, None, ""),
        (wire.text, 5, "5"),
        (wire.identity, 5, "5"),
        (wire.identity, "20260115_5", "20260115_5"),
        (wire.identity, None, None),
        (wire.identity, "", None),
        (wire.whole, 60, 60),
        (wire.whole, "60", 60),
        (wire.whole, 60.0, 60),
        (wire.whole, " 60 ", 60),
        (wire.whole, "0" * 30 + "60", 60),
        (wire.whole, None, ABSENT),
        (wire.flag, True, True),
        (wire.flag, None, ABSENT),
        (wire.items, [{}], [{}]),
        (wire.items, None, ABSENT),
    ],
)
def test_what_was_sent(reader: Callable[[Any, str], object], value: object, read: object) -> None:
    assert reader({"key": value}, "key") == read
    assert reader({}, "key") is ABSENT


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        (wire.text, ["Jane"]),
        (wire.text, True),
        (wire.identity, {"Jane": 1}),
        (wire.identity, 1.5),
        (wire.whole, "Jane"),
        (wire.whole, 1.5),
        (wire.whole, float("inf")),
        (wire.whole, float("nan")),
        (wire.whole, True),
        (wire.whole, "9" * 5000),
        (wire.whole, 10**9),
        (wire.whole, -(10**9)),
        (wire.whole, 1e300),
        (wire.flag, "Jane"),
        (wire.items, {"Jane": 1}),
        (wire.items, ["Jane"]),
    ],
)
def test_a_malformed_value_is_named_and_not_repeated(
    reader: Callable[[Any, str], object], value: object
) -> None:
    with pytest.raises(wire.MalformedError) as error:
        reader({"key": value}, "key")
    assert error.value.field == "key"
    assert "Jane" not in str(error.value)
