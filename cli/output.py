"""Decides how the command speaks: tables and plain lines to people, JSON to scripts.

Results go to standard output, everything else to standard error.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import click
from rich.console import Console
from rich.table import Table

OK = 0
TROUBLE = 1
USAGE = 2


class TroubleError(click.ClickException):
    """Something is wrong that the reader can put right; the message says how. Exit code 1."""

    exit_code = TROUBLE

    def show(self, file: Any = None) -> None:  # noqa: ARG002 - click's signature
        """Print the message to standard error as it is: it is written to be read."""
        click.echo(self.format_message(), err=True)


def console() -> Console:
    """Where tables go: standard output; a fixed width where nobody measures one."""
    found = Console()
    return found if found.is_terminal else Console(width=110)


def print_json(value: Any) -> None:
    """Write a value as JSON to standard output, times as ISO 8601 in UTC."""
    click.echo(json.dumps(plain(value), indent=2, sort_keys=True))


def plain(value: Any) -> Any:
    """The JSON form of a value: dataclasses and named tuples become objects, enums their value."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, Enum):
        return value.name.lower() if isinstance(value.value, int) else value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Table:
    """A plain table; numbers stand right, everything else left."""
    made = Table(title=title, title_justify="left", header_style="bold")
    listed = [[_cell(cell) for cell in row] for row in rows]
    for index, column in enumerate(columns):
        numeric = bool(listed) and all(row[index][1] for row in listed)
        made.add_column(column, justify="right" if numeric else "left")
    for row in listed:
        made.add_row(*(text for text, _ in row))
    return made


def _cell(value: object) -> tuple[str, bool]:
    if value is None:
        return "–", False
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC", False
    return str(value), isinstance(value, int | float)


def seconds_text(seconds: float | None) -> str:
    """A length of time to read: 850 ms, 12 s, 4 min, 3 h, 2 d."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for size, unit, below in ((1, "s", 120), (60, "min", 7200), (3600, "h", 172800)):
        if seconds < below:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"
