"""Write times and numbers as people say them, and every remote text so that it can't mislead."""

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from flask import Flask
from markupsafe import Markup, escape

from sync.core.printable import printable
from sync.operations.timeline.model import Event

_UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp"})
_UNITS: Final = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def register(app: Flask) -> None:
    """Give the templates these words as filters."""
    app.add_template_filter(span, "span")
    app.add_template_filter(clock, "clock")
    app.add_template_filter(exact, "exact")
    app.add_template_filter(compared, "compared")
    app.add_template_filter(local, "local")
    app.add_template_filter(clocks, "clocks")
    app.add_template_filter(printable, "printable")
    app.add_template_filter(as_typed, "as_typed")


def span(seconds: float | timedelta | None) -> str:
    """A length of time in its largest unit: "3 hours", "1 minute"; "–" for none."""
    if seconds is None:
        return "–"
    whole = int(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds)
    for size, unit in _UNITS:
        if whole >= size:
            count = whole // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "less than a second"


def local(at: datetime | None, zone: str | None) -> str:
    """The time of day of a moment, on a doctor's own clock."""
    return "–" if at is None else f"{at.astimezone(ZoneInfo(zone) if zone else UTC):%H:%M}"


def clock(at: datetime | None) -> str:
    """A moment, in UTC."""
    return "–" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def clocks(at: datetime | None, zone: str | None) -> str:
    """A moment on the clinic's clock and in UTC; in UTC alone where no zone is known."""
    if at is None or zone is None:
        return clock(at)
    here, there = at.astimezone(ZoneInfo(zone)), at.astimezone(UTC)
    utc = f"{there:%H:%M}" if here.date() == there.date() else f"{there:%Y-%m-%d %H:%M}"
    return f"{here:%Y-%m-%d %H:%M} {zone} ({utc} UTC)"


def exact(at: datetime | None) -> str:
    """A moment to the second, in UTC."""
    return "–" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def compared(event: Event) -> list[tuple[str, bool, str]]:
    """What an event's fields were compared with, whether they were equal, and which they were."""
    found: dict[tuple[str, bool], list[str]] = {}
    for one in event.compared:
        found.setdefault((one.to, one.equal), []).append(one.field)
    return [(to, equal, ", ".join(names)) for (to, equal), names in found.items()]


def as_typed(text: str) -> Markup:
    """A text in a field to be edited: exactly as it is, what is not seen by its number.

    A field must give back what it got, so `printable` can't stand there.
    """
    return Markup("".join(map(_reference, str(escape(text)))))  # noqa: S704 - escaped just before


def _reference(letter: str) -> str:
    if letter in "\n\t" or unicodedata.category(letter) not in _UNSEEN:
        return letter
    return f"&#x{ord(letter):x};"
