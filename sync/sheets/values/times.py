"""Read times of day, lengths and offsets as a file writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Final

from sync.core.texts import bare

_LONGEST: Final = 40
_FLAGS: Final = re.ASCII | re.IGNORECASE
_HALF: Final = re.compile(
    r"(\d{1,2})(?:[:.h](\d{2})(?:[:.](\d{2})(?:\.\d+)?)?)?\s*([ap])\.?\s?m\.?", _FLAGS
)
_FULL: Final = re.compile(r"(\d{1,2})\s?[:h.]\s?(\d{2})(?:[:.](\d{2})(?:[.,]\d+)?)?", _FLAGS)
_BLOCK: Final = re.compile(r"(\d{2})(\d{2})", re.ASCII)
_OFFSET: Final = re.compile(
    r"(.*?)\s*(?:(Z|UTC|GMT)|(?:(?:UTC|GMT)\s?)?([+-])(\d{2}):?(\d{2})?)", _FLAGS
)
_WIDEST: Final = timedelta(hours=14)
_LENGTHS: Final = (
    re.compile(r"(?P<m>\d{1,4})(?:\.0+)?\s*(?:m|mins?|minutes?)?\.?", _FLAGS),
    re.compile(r"(?P<h>\d{1,2}):(?P<m>\d{2})(?::00(?:\.0+)?)?", _FLAGS),
    re.compile(
        r"(?P<h>\d{1,2})\s*(?:h|hrs?|hours?)\.?(?:[\s,]*(?:and\s+)?"
        r"(?P<m>\d{1,2})\s*(?:m|mins?|minutes?)?\.?)?",
        _FLAGS,
    ),
)


_MIDNIGHT: Final = re.compile(
    r"(?:0{1,2}:00(?::00(?:\.0+)?)?|12:00(?::00(?:\.0+)?)?\s*am)\s*(?:Z|\+00:?00)?", re.I | re.ASCII
)


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day. `unsure`: it may be one of the afternoon. `offset`: to UTC, where said."""

    time: time
    unsure: bool = False
    offset: timedelta | None = None


def read(cell: str) -> Clock | None:
    """The time that a cell says, None where it says none."""
    text = bare(cell)
    if not text or len(text) > _LONGEST:
        return None
    plain = _plain(text)
    if plain is not None:
        return plain
    match = _OFFSET.fullmatch(text)
    found = _plain(match[1]) if match else None
    if match is None or found is None:
        return None
    offset = timedelta(hours=int(match[4] or 0), minutes=int(match[5] or 0))
    if offset > _WIDEST:
        return None
    return Clock(found.time, found.unsure, -offset if match[3] == "-" else offset)


def minutes(cell: str) -> int | None:
    """The length that a cell says, in minutes; None where it says none."""
    text = bare(cell)
    for pattern in _LENGTHS:
        match = pattern.fullmatch(text) if len(text) <= _LONGEST else None
        if match is not None:
            parts = match.groupdict()
            return 60 * int(parts.get("h") or 0) + int(parts.get("m") or 0)
    return None


def is_midnight(rest: str) -> bool:
    """Whether what stands behind a day says nothing more than the day."""
    return not rest or _MIDNIGHT.fullmatch(rest) is not None


def _plain(text: str) -> Clock | None:
    half = _HALF.fullmatch(text)
    if half is not None:
        hour = int(half[1])
        if not 1 <= hour <= 12:
            return None
        return _clock(hour % 12 + (12 if half[4] in "pP" else 0), half[2], half[3])
    full = _FULL.fullmatch(text) or _BLOCK.fullmatch(text)
    if full is None:
        return None
    # Nobody is seen at 2:30 in the night: without a leading 0 it may be one of the afternoon.
    return _clock(
        int(full[1]),
        full[2],
        full[3] if full.re is _FULL else None,
        unsure=len(full[1]) == 1 and 1 <= int(full[1]) <= 6,
    )


def _clock(
    hour: int, minute: str | None, second: str | None, *, unsure: bool = False
) -> Clock | None:
    try:
        return Clock(time(hour, int(minute or 0), int(second or 0)), unsure)
    except ValueError:
        return None
