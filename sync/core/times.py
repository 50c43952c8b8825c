"""Convert DrChrono's wall clock to UTC and back, and read OnCall's instants.

DrChrono sends wall-clock time without a zone, in the doctor's zone (docs/api-facts.md, D24, D25);
OnCall sends and takes UTC. A time that daylight saving skips moves forward, one that comes twice is
the first of the two (docs/rules.md, R28); both are flagged, so that staff can be told.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from sync.core.records import TimeNote
from sync.core.zones import known_zone

_WALL: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?", re.ASCII
)
_INSTANT: Final = re.compile(_WALL.pattern + r"\s*(?:(Z)|([+-])(\d{2}):?(\d{2})?)", re.ASCII | re.I)


class TimeFormatError(ValueError):
    """The text is no time, or the name no zone. Its message repeats neither."""


@lru_cache(maxsize=256)
def zone_of(name: str) -> ZoneInfo:
    """The zone of that name as `core.zones` understands it. Raises TimeFormatError."""
    known = known_zone(name)
    if known is None:
        raise TimeFormatError("not a known time zone")
    return ZoneInfo(known)


def to_utc(text: str, zone: str) -> tuple[datetime, TimeNote | None]:
    """The UTC instant of DrChrono's wall-clock `text` in `zone`, and a note at a DST edge.

    "gap" when that local time does not exist (moved forward), "fold" when it exists twice (the
    first is meant). Fractions of a second are dropped. Raises TimeFormatError, also for a text with
    an offset: DrChrono never sends one, and to guess what it means would shift a visit by hours.
    """
    found = _WALL.fullmatch(text.strip())
    if found is None:
        raise TimeFormatError("not a wall-clock time")
    place = zone_of(zone)
    local = _naive(found).replace(tzinfo=place)
    # zoneinfo reads fold=0 as the offset before the change: in a gap that lands after it.
    instant = _as_utc(local)
    if instant.astimezone(place).replace(tzinfo=None) != local.replace(tzinfo=None):
        return instant, "gap"
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        return instant, "fold"
    return instant, None


def to_wall(instant: datetime, zone: str) -> str:
    """The wall-clock text that DrChrono takes for an aware `instant` in `zone`."""
    return instant.astimezone(zone_of(zone)).strftime("%Y-%m-%dT%H:%M:%S")


def parse_utc(text: str) -> datetime:
    """The UTC instant of OnCall's `text`.

    Lenient as its own samples need: a one-digit hour (`2026-01-15T0:00:00Z`), fractions, any
    offset. Raises TimeFormatError, also for a text that names no offset.
    """
    found = _INSTANT.fullmatch(text.strip())
    if found is None:
        raise TimeFormatError("not a time with its offset")
    sign, hours, minutes = found.group(8, 9, 10)
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    if offset >= timedelta(days=1):
        raise TimeFormatError("not a time with its offset")
    place = timezone(-offset if sign == "-" else offset)
    return _as_utc(_naive(found).replace(tzinfo=place))


def format_utc(instant: datetime) -> str:
    """`YYYY-MM-DDTHH:MM:SSZ`, the form written to OnCall, of an aware `instant`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _naive(match: re.Match[str]) -> datetime:
    parts = [int(part or 0) for part in match.group(1, 2, 3, 4, 5, 6)]
    try:
        return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError as error:
        raise TimeFormatError("no such date or hour") from error


def _as_utc(local: datetime) -> datetime:
    try:
        return local.astimezone(UTC)
    except OverflowError as error:
        raise TimeFormatError("no such date or hour") from error
