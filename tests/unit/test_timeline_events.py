"""What events say of stored rows: equal or not, by which rule, and never what can't be told."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sync.operations.timeline import events, words
from sync.operations.timeline.events import BEFORE, NOW, SETTLED, Beside

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
A, B = "a" * 64, "b" * 64


def delivery(**values: Any) -> dict[str, Any]:
    row = {"at": AT, "id": 1, "source": "drchrono", "event": "scan", "object": 7}
    told = {"outcome": "raised", "key_id": "k", "digests": None}
    return row | told | {"digests_before": None, "key_id_before": None} | values


@pytest.mark.parametrize(
    ("row", "settled", "compared"),
    [
        ({}, {}, []),  # OnCall's webhooks carry nothing
        ({"outcome": "unchanged", "digests": {"starts": A}}, {}, [("starts", True, SETTLED)]),
        ({"digests": {"starts": A}}, {}, []),  # the first of all
        (
            {"digests": {"starts": A, "type": B}, "key_id_before": "k",
             "digests_before": {"starts": B}},
            {},
            [("starts", False, BEFORE)],  # the one before did not carry the type
        ),
        (
            {"digests": {"starts": A}, "key_id_before": "older", "digests_before": {"starts": B}},
            {},
            [],  # made with two keys: it can't be told
        ),
        ({"digests": {"starts": A}}, {(7, "starts"): ("k", A)}, [("starts", True, NOW)]),
        ({"digests": {"starts": A}}, {(7, "starts"): ("older", A)}, []),
        ({"digests": {"starts": A}}, {(8, "starts"): ("k", A)}, []),
    ],
)  # fmt: skip
def test_what_a_delivery_carried_is_compared_where_that_can_be_told(
    row: dict[str, Any], settled: Any, compared: list[tuple[str, bool, str]]
) -> None:
    event = events.came(delivery(**row), Beside(settled=settled))
    assert [(one.field, one.equal, one.to) for one in event.compared] == compared


@pytest.mark.parametrize(
    ("before", "fields"),
    [
        (None, []),
        ({"starts": [["k", A]]}, []),  # as settled, or not read: it is not told which
        ({"starts": [["k", A], ["k", B]], "type": [["k", A]]}, ["starts"]),
        ({"starts": [["older", A], ["k", B]]}, []),
    ],
)
def test_an_edit_that_stood_before_a_write_is_told(before: Any, fields: list[str]) -> None:
    row = {"at": AT, "id": 1, "system": "oncall", "endpoint": "appointment", "object": None,
           "effect": "cancel", "state": "unresolved", "status": None, "fields": "state",
           "before": before}  # fmt: skip
    event = events.written(row, Beside(by_call={"1": "somebody"}))
    assert [one.field for one in event.compared] == fields
    assert (event.rule, event.by, event.about) == ("R7", "somebody", "oncall appointment")
    assert event.sentence.startswith("Cancelled in OnCall: no answer came")


@pytest.mark.parametrize("word", ["{0}", "{field}", "%s", "<b>", "\x1b[2J", "\u202e", "{", "}}"])
def test_no_stored_word_breaks_a_sentence(word: str) -> None:
    said = (
        words.told(word, word, word).sentence,
        words.read(word, word, word, 500),
        words.written(word, word, word).sentence,
        words.conflict(word, word).sentence,
        words.deed(word, word),
        words.who(word, word, word),
    )
    assert all(one.isprintable() for one in said)


@pytest.mark.parametrize(
    ("state", "status", "said"),
    [
        ("done", 200, "OnCall’s appointment read."),
        ("done", 404, "OnCall’s appointment read: answered 404."),
        ("open", None, "OnCall’s appointment read: no answer yet."),
        ("unsent", None, "OnCall’s appointment read: never left this machine."),
    ],
)
def test_a_read_says_how_it_ended(state: str, status: int | None, said: str) -> None:
    assert words.read("oncall", "appointment", state, status) == said
