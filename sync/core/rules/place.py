"""Say where a visit stands: its slot, for one person or for a group."""

from __future__ import annotations

from datetime import datetime


def slot_key(doctor: str, starts: datetime, person: int) -> str:
    """What no two open visits may share: doctor, start (UTC) and person."""
    return f"{doctor}:{starts:%Y%m%dT%H%M}:{person}"
