"""Tell the sandbox's time: the machine's time and an offset that control sets."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """One clock for both remotes, so that a test moves both worlds at once."""

    def __init__(self) -> None:
        self.offset = 0.0

    def seconds(self) -> float:
        """Seconds since the epoch, shifted."""
        return time.time() + self.offset

    def now(self) -> datetime:
        """The same as an aware UTC time."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def iso(self) -> str:
        """The same as ISO 8601 with microseconds and Z."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
