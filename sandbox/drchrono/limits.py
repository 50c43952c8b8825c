"""Refuse an application that calls too often.

D… are facts of docs/api-facts.md.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sandbox.answers import Json, Refusal

if TYPE_CHECKING:
    from sandbox.clock import Clock
    from sandbox.trouble.behaviours import Behaviours

HOUR = 3600


class Limits:
    """The calls of the one application in the present clock hour and the last second.

    500 an hour, counted anew at the top of each hour (D9). More than about 10 within one second are
    throttled too (D10). Refused calls don't count.
    """

    def __init__(self, clock: Clock, behaviours: Behaviours) -> None:
        self._clock = clock
        self._behaviours = behaviours
        self.clear()

    def clear(self) -> None:
        """A fresh hour."""
        self.hour = 0
        self.used = 0
        self._recent: deque[float] = deque()

    def restore(self, hour: int, used: int) -> None:
        """Go on in an hour in which calls were made already."""
        self.clear()
        self.hour, self.used = hour, used

    def count(self) -> None:
        """Count one call; raises Refusal 429 when it is one too many."""
        now = self._clock.seconds()
        if int(now // HOUR) != self.hour:
            self.hour, self.used = int(now // HOUR), 0
        # The clock may have been set back by control.
        while self._recent and not now - 1.0 < self._recent[0] <= now:
            self._recent.popleft()
        burst = self._behaviours.limit("burst_limit")
        if self.used >= self._behaviours.count("hourly_limit"):
            self._refuse(HOUR - now % HOUR)
        if burst is not None and len(self._recent) >= burst:
            self._refuse(1.0)
        self.used += 1
        self._recent.append(now)

    def _refuse(self, seconds: float) -> None:
        # Usually without Retry-After (D11).
        header = self._behaviours.on("retry_after_header")
        headers = {"Retry-After": str(int(seconds) + 1)} if header else None
        raise Refusal(429, throttled(seconds), headers)


def throttled(seconds: float) -> Json:
    """The body of a 429 (D11)."""
    return {"detail": f"Request was throttled. Expected available in {int(seconds) + 0.0} seconds."}
