"""Show figures as one table, a column for each database."""

from collections.abc import Sequence

from bench.figures import Figure

_HEAD = ("figure", "against", "goal")


def table(figures: Sequence[Figure]) -> str:
    """Lines of equal form: each database's median, and the spread of its rounds in brackets."""
    databases = list(dict.fromkeys(one.database for one in figures))
    found: dict[tuple[str, ...], dict[str, Figure]] = {}
    for one in figures:
        found.setdefault((one.what, one.against, one.goal), {})[one.database] = one
    rows = [[_HEAD[0], *(name or "either" for name in databases), *_HEAD[1:]]]
    for (what, against, goal), by_database in found.items():
        rows.append([what, *(_value(by_database.get(name)) for name in databases), against, goal])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _value(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    spread = f" ({_number(figure.spread)})" if len(figure.rounds) > 1 else ""
    return f"{_number(figure.median)} {figure.unit}".rstrip() + spread


def _number(value: float) -> str:
    """Two digits that count, and no more behind the point than the figure is worth."""
    if value and abs(value) < 1:
        return f"{value:.2g}"
    return f"{value:.1f}".removesuffix(".0") if abs(value) < 100 else f"{value:.0f}"
