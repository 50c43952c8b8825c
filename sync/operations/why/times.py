"""Say a time as the doctor's clock shows it, and by which clock."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def said(at: datetime, zone: str | None) -> str:
    """The time in a zone that is known to be one, else in UTC, and which of the two it is."""
    there = at.astimezone(ZoneInfo(zone) if zone else UTC)
    return f"{there:%a} {there.day} {there:%b %Y, %H:%M} ({zone or 'UTC'})"
