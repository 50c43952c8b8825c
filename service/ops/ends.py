"""Read from a form until when something is to last: a length, or a time on the clinic's clock."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

# Hours, as the form offers them; the second is what it proposes.
LENGTHS: Final = (
    ("1", "1 hour"),
    ("2", "2 hours"),
    ("4", "4 hours"),
    ("8", "8 hours"),
    ("24", "1 day"),
    ("72", "3 days"),
    ("168", "1 week"),
)
USUAL: Final = "2"
_HOURS: Final = {hours for hours, _ in LENGTHS}


class NoEndError(ValueError):
    """The form names no time to come; the text says what to choose."""


def read(form: Mapping[str, str], now: datetime, zone: str | None) -> datetime:
    """The end that a form's fields `for` and `until` name, aware UTC; a time goes before a length.

    `zone` is the clock that a time is on; None: UTC. Raises NoEndError.
    """
    told = form.get("until", "").strip()
    if not told:
        hours = form.get("for", USUAL)
        if hours not in _HOURS:
            raise NoEndError("Choose how long.")
        return now + timedelta(hours=int(hours))
    try:
        wall = datetime.fromisoformat(told)
        end = wall.replace(tzinfo=ZoneInfo(zone) if zone else UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NoEndError("Write the end as a day and a time.") from None
    if end <= now:
        raise NoEndError("That time is over already: choose one that is to come.")
    return end
