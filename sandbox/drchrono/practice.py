"""Hold a practice group's objects, with their ids and `updated_at`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sandbox.tables import Table

if TYPE_CHECKING:
    from sandbox.answers import Json
    from sandbox.clock import Clock
    from sandbox.trouble.behaviours import Behaviours
    from sandbox.webhooks import Courier

KINDS = (
    "appointments",
    "patients",
    "doctors",
    "offices",
    "users",
    "appointment_profiles",
    "custom_appointment_fields",
    "custom_demographics",
)
# created_at and updated_at have no zone and are not UTC (D27): some fixed hours behind are enough
# to show up whoever takes them for UTC.
MARK_OFFSET = timedelta(hours=-8)


class Practice:
    """One practice group: tables by kind, and what its endpoints need to answer."""

    def __init__(self, clock: Clock, behaviours: Behaviours, courier: Courier) -> None:
        self.clock = clock
        self.behaviours = behaviours
        self.courier = courier
        self.clear()

    def clear(self) -> None:
        """An empty database."""
        self.tables = {kind: Table() for kind in KINDS}
        self.bulk: dict[str, Json] = {}
        self.webhook: Json | None = None
        self.frames: Json = {}
        self.framing = False
        self.practice_group = 0
        self.custom_statuses: tuple[str, ...] = ()
        self._last_id = 100000
        self._last_revision: datetime | None = None

    def saved(self) -> Json:
        """All of it as JSON; a bulk list that somebody waits for is not kept."""
        last = self._last_revision
        return {
            "tables": {kind: table.saved() for kind, table in self.tables.items()},
            "webhook": self.webhook,
            "frames": self.frames,
            "framing": self.framing,
            "practice_group": self.practice_group,
            "custom_statuses": self.custom_statuses,
            "last_id": self._last_id,
            "last_mark": last.isoformat() if last else None,  # so named in the files of version 1
        }

    def restore(self, saved: Json) -> None:
        """Hold what `saved` told, and nothing else."""
        self.clear()
        for kind, table in saved["tables"].items():
            self.tables[kind].restore(table)
        self.webhook = saved["webhook"]
        self.frames, self.framing = saved.get("frames", {}), saved.get("framing", False)
        self.practice_group = saved["practice_group"]
        self.custom_statuses = tuple(saved["custom_statuses"])
        self._last_id = saved["last_id"]
        last = saved["last_mark"]
        self._last_revision = datetime.fromisoformat(last) if last else None

    @property
    def appointments(self) -> Table:
        """Real appointments, breaks and the bases of series."""
        return self.tables["appointments"]

    @property
    def patients(self) -> Table:
        """Patients."""
        return self.tables["patients"]

    def new_id(self) -> int:
        """An id that no object of any kind has."""
        self._last_id += 1
        return self._last_id

    def revision(self) -> str:
        """A timestamp for created_at and updated_at, later than every one before.

        Its form is "2014-02-24T15:32:19", whole seconds and no zone (docs/api-facts.md, D24).
        """
        now = (self.clock.now() + MARK_OFFSET).replace(tzinfo=None, microsecond=0)
        if self._last_revision is not None:
            now = max(now, self._last_revision + timedelta(seconds=1))
        self._last_revision = now
        return now.isoformat()

    def old_revision(self, place: int) -> str:
        """A revision of `place` seconds after a moment a week ago: seeded objects are not news."""
        start = self.clock.now() + MARK_OFFSET - timedelta(days=7)
        return (start + timedelta(seconds=place)).replace(tzinfo=None, microsecond=0).isoformat()

    def zone_of(self, doctor: Any) -> ZoneInfo:
        """A doctor's zone: scheduled_time is wall clock there (D25)."""
        row = self.tables["doctors"].get(str(doctor))
        try:
            return ZoneInfo(str(row["timezone"]) if row else "UTC")
        except (KeyError, ValueError, OSError):
            return ZoneInfo("UTC")  # what staff wrote there is no zone of ours

    def today(self) -> str:
        """The present UTC date, ISO."""
        return self.clock.now().date().isoformat()
