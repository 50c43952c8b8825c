"""Print tables that are aligned, as wide as they may be, with nothing cut off."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from cli.output import counted, print_table

LONG = "Attach the account with: drchrono-oncall connect, then look again"


@pytest.mark.parametrize(
    ("columns", "rows", "shown"),
    [
        pytest.param(("a", "b"), [], ["  a   b", "  -   -"], id="empty"),
        pytest.param(
            ("lane", "items"),
            [("live", 7), ("bulk", 12)],
            ["  lane   items", "  ----   -----", "  live       7", "  bulk      12"],
            id="numbers stand right",
        ),
        pytest.param(
            ("what", ""),
            [("a", None), ("b", 5), ("c", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))],
            [
                "  what",
                "  ----   -----------------------",
                "  a      –",
                "  b      5",
                "  c      2026-01-02 03:04:05 UTC",
            ],
            id="not all are numbers",
        ),
        pytest.param(
            ("", "[bold]"),
            [("ok", "[red]x[/]"), ("ok", LONG * 2)],
            [
                "       [bold]",
                f"  --   {'-' * 102}",
                "  ok   [red]x[/]",
                f"  ok   {LONG}Attach the account with:",
                "       drchrono-oncall connect, then look again",
            ],
            id="wrapped at words, and no markup",
        ),
    ],
)
def test_a_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    shown: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table("Title", columns, rows)
    assert capsys.readouterr().out.split("\n") == ["Title", *shown, "", ""]


def test_a_word_longer_than_its_column_is_told_whole(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Title", ("a", "b"), [("x" * 150, "y" * 150)])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 110
    assert "".join(lines).count("x") == "".join(lines).count("y") == 150


def test_a_count_is_told_to_a_terminal_only(capsys: pytest.CaptureFixture[str]) -> None:
    with counted() as told:
        told("patients", 200)
    assert capsys.readouterr() == ("", "")
