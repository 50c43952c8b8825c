"""Show four lights: whether each system is read, and written, as it should be.

From SQL alone: asking the systems themselves would cost calls, and say less of the last hours.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection

from sync.config import Mode
from sync.core.records import SYSTEMS
from sync.runtime import Sync
from sync.store.service import last_calls

READ_WITHIN: Final = timedelta(minutes=30)  # or three catch-ups, where they are farther apart
READ_LATEST: Final = timedelta(hours=2)
SILENT: Final = timedelta(hours=6)
WRITE_FAILING: Final = timedelta(minutes=15)
NAMES: Final = {"drchrono": "DrChrono", "oncall": "OnCall"}


class Colour(StrEnum):
    """How it stands: as it should, look at it soon, look at it now, or nothing to say."""

    GOOD = "good"
    LATE = "late"
    BAD = "bad"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Light:
    """One light: what it is of, its colour, and in words the age and where the limit is.

    `what` is read or write.
    """

    system: str
    what: str
    colour: Colour
    said: str
    limit: str

    @property
    def name(self) -> str:
        """What it is of, for people."""
        return f"{NAMES[self.system]}: {self.what}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the journal says of one system; None: never, or of failures: none since a good write."""

    read: datetime | None
    written: datetime | None
    failed: datetime | None
    told: datetime | None


def lights(sync: Sync) -> list[Light]:
    """The four lights now; makes no remote call. Raises SQLAlchemyError."""
    now = sync.clock()
    with sync.store.read() as conn:
        seen = {system: _seen(conn, system) for system in SYSTEMS}
    within = max(READ_WITHIN, 3 * timedelta(minutes=sync.settings.catchup_minutes))
    mode = sync.settings.sync_mode
    return [
        light
        for system in SYSTEMS
        for light in (
            of_reading(system, seen[system], now, within),
            of_writing(system, seen[system], now, mode),
        )
    ]


def _seen(conn: Connection, system: str) -> Seen:
    written = last_calls.last_good_write(conn, system)
    return Seen(
        last_calls.last_good_read(conn, system),
        written,
        last_calls.last_failed_write(conn, system, since=written),
        last_calls.last_told(conn, system),
    )


def of_reading(system: str, seen: Seen, now: datetime, within: timedelta) -> Light:
    """Green while reads go through and the system speaks; silence alone is never red."""
    limit = f"yellow after {_long(within)} without a read or {_long(SILENT)} without a webhook"
    limit += f", red after {_long(max(READ_LATEST, within))} without a read"
    if seen.read is None:
        return Light(system, "read", Colour.OFF, "never read yet", limit)
    age = now - seen.read
    said = f"last good read {_long(age)} ago"
    silent = now - seen.told if seen.told else None
    if silent is None:
        said += ", no webhook yet"
    elif silent >= SILENT:
        said += f", {NAMES[system]} silent for {_long(silent)}"
    else:
        said += f", last webhook {_long(silent)} ago"
    colour = Colour.LATE if silent is not None and silent >= SILENT else Colour.GOOD
    if age > within:
        colour = Colour.BAD if age > max(READ_LATEST, within) else Colour.LATE
    return Light(system, "read", colour, said, limit)


def of_writing(system: str, seen: Seen, now: datetime, mode: Mode) -> Light:
    """Red when writes fail and none has gone through for a while; nothing to write is no fault."""
    limit = f"yellow when the last write failed, red after {_long(WRITE_FAILING)} of that"
    if mode is not Mode.LIVE:
        return Light(system, "write", Colour.OFF, f"nothing is written: SYNC_MODE is {mode}", limit)
    if seen.written is None and seen.failed is None:
        return Light(system, "write", Colour.OFF, "nothing was written yet", limit)
    good = f"last good write {_long(now - seen.written)} ago" if seen.written else "no good write"
    if seen.failed is None or (seen.written is not None and seen.written >= seen.failed):
        return Light(system, "write", Colour.GOOD, good, limit)
    said = f"the last write failed {_long(now - seen.failed)} ago, {good}"
    lasting = seen.written is None or seen.failed - seen.written > WRITE_FAILING
    return Light(system, "write", Colour.BAD if lasting else Colour.LATE, said, limit)


def _long(length: timedelta) -> str:
    seconds = max(0, int(length.total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (seconds >= size and unit == "min"):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
