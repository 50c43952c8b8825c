"""Keep a journal of the calls, so that tests can count them."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.answers import Json


@dataclass
class CallLine:
    """One request; `status` is None when the caller got no answer."""

    n: int
    method: str
    path: str
    query: str
    status: int | None
    at: str
    actor: str
    seconds: float


class CallJournal:
    """The calls of one remote in order of arrival, without control calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: list[CallLine] = []
        self._started: dict[int, float] = {}

    def begin(self, method: str, path: str, query: str, at: str, actor: str) -> CallLine:
        """Note a call that arrived at `at` (ISO UTC)."""
        with self._lock:
            line = CallLine(len(self._lines) + 1, method, path, query, None, at, actor, 0.0)
            self._lines.append(line)
            self._started[line.n] = time.monotonic()
            return line

    def end(self, line: CallLine, status: int | None) -> None:
        """Note how it was answered."""
        with self._lock:
            line.status = status
            ended = time.monotonic()
            line.seconds = round(ended - self._started.pop(line.n, ended), 6)

    def restore(self, lines: list[Json]) -> None:
        """Go on counting after these."""
        with self._lock:
            self._lines = [CallLine(**line) for line in lines]
            self._started = {}

    def clear(self) -> None:
        """Forget all; numbers start at 1 again."""
        with self._lock:
            self._lines = []
            self._started = {}

    def listed(self, actor: str | None, since: int) -> list[Json]:
        """The calls with a number above `since`, of one actor or of all."""
        with self._lock:
            return [
                asdict(line)
                for line in self._lines
                if line.n > since and actor in (None, line.actor)
            ]
