"""The table of a benchmark: one line for each figure, one column for each database."""

from bench.figures import Figure
from bench.table import table


def test_the_median_and_the_spread_of_each_database() -> None:
    figures = [
        Figure("webhooks a second", "sqlite", "a bare route's", [0.5, 0.25, 0.75], "≥ 0.5"),
        Figure("start", "sqlite", "", [2.0], unit="s"),
        Figure("webhooks a second", "postgresql", "a bare route's", [1, 2, 300], "≥ 0.5"),
    ]
    assert table(figures).splitlines() == [
        "figure             sqlite     postgresql  against         goal",
        "-----------------  ---------  ----------  --------------  -----",
        "webhooks a second  0.5 (0.5)  2 (299)     a bare route's  ≥ 0.5",
        "start              2 s        –",
    ]


def test_a_ratio_keeps_two_digits() -> None:
    lines = table([Figure("one", "sqlite", "", [value]) for value in (0.0625,)]).splitlines()
    assert lines[2].split() == ["one", "0.062"]
