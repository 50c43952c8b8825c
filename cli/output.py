"""Speak to people in tables and plain lines, to scripts in JSON.

Results go to standard output, everything else to standard error. What runs on a server needs no
library for looks (`run` and `demo` have one, the extra `local`): some words have a colour at a
terminal, everything else is plain text.
"""

import json
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from itertools import zip_longest
from typing import Any

import click

from cli.colours import Shade, shaded
from sync.core.printable import printable

OK = 0
TROUBLE = 1

_WIDTH = 110  # of a table where nobody measures one
_NARROW = 12  # no column is made narrower to fit
_GAP = "   "
_LONGEST = 4000  # of a line or a cell: a sentence of ours with texts from outside in it


class TroubleError(click.ClickException):
    """Something is wrong that the reader can put right; the message says how. Exit code 1."""

    exit_code = TROUBLE

    def show(self, file: Any = None) -> None:  # noqa: ARG002 - click's signature
        """Print the message to standard error as it is: it is written to be read."""
        for line in self.format_message().split("\n"):
            say(line, err=True)


@contextmanager
def unknown_told() -> Iterator[None]:
    """Turn the engine's LookupError into its own sentence."""
    try:
        yield
    except LookupError as unknown:
        raise TroubleError(str(unknown)) from None


def say(text: str, *, err: bool = False, colour: str = "") -> None:
    """Write one line; what it holds of a remote's text can't steer the terminal.

    A `colour` is for standard output alone.
    """
    click.echo(_shown(printable(text, _LONGEST), colour), err=err)


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


def print_table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a table to standard output; numbers stand right, everything else left.

    It is as wide as the terminal, or 110 characters; the widest columns are wrapped to fit.
    """
    listed = [list(row) for row in rows]
    heads, cells = list(columns), [[_cell(cell) for cell in row] for row in listed]
    right = [bool(cells) and all(row[at][1] for row in cells) for at in range(len(heads))]
    body = [[text for text, _ in row] for row in cells]
    widths = _fitting([max(map(len, texts)) for texts in zip(heads, *body, strict=True)], _width())
    rule = ["-" * width for width in widths]
    click.echo(title)
    plainly = [[""] * len(heads)] * 2
    tints = plainly + [[_tint(cell) for cell in row] for row in listed]
    for row, colours in zip((heads, rule, *body), tints, strict=True):
        wrapped = [_wrapped(text, width) for text, width in zip(row, widths, strict=True)]
        for line in zip_longest(*wrapped, fillvalue=""):
            placed = zip(line, widths, right, colours, strict=True)
            texts = (
                _shown(text.rjust(w) if stands else text.ljust(w), tint)
                for text, w, stands, tint in placed
            )
            click.echo(f"  {_GAP.join(texts)}".rstrip())
    click.echo()


def _shown(text: str, tint: str) -> str:
    return shaded(text, tint) if tint else text


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]


def _width() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH


def _fitting(widths: list[int], whole: int) -> list[int]:
    """Narrow the widest columns until a line fits; returns the widths."""
    room = whole - len(_GAP) * len(widths)
    while sum(widths) > room and max(widths) > _NARROW:
        widest = widths.index(max(widths))
        widths[widest] -= 1
    return widths


@contextmanager
def counted() -> Iterator[Callable[[str, int], None]]:
    """Say on standard error what is being read and how many so far, where somebody watches."""
    watched = sys.stderr.isatty()

    def tell(what: str, count: int) -> None:
        if watched:
            click.echo(f"\r\x1b[K{what}: {count}", nl=False, err=True)

    try:
        yield tell
    finally:
        if watched:
            click.echo(err=True)


def _tint(value: object) -> str:
    return value.colour if isinstance(value, Shade) else ""


def _cell(value: object) -> tuple[str, bool]:
    if isinstance(value, Shade):
        return printable(value.text, _LONGEST), False
    if value is None:
        return "–", False
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC", False
    return printable(str(value), _LONGEST), isinstance(value, int | float)


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
