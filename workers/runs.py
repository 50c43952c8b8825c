"""Hold the runs that are under way in this process: each in a thread of its own, so many at once.

A run waits for remote answers most of its time; while it does, others go on (ADR 0040).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Condition


class Runs:
    """Begins runs, up to `most` at once. One thread begins them; it asks for room before."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._under_way = 0
        self._changed = Condition()
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="run")

    @property
    def under_way(self) -> int:
        """How many have begun and not ended."""
        return self._under_way

    def has_room(self, within: float) -> bool:
        """Wait until a further run may begin, for so many seconds at most."""
        with self._changed:
            return self._changed.wait_for(lambda: self._under_way < self._most, within)

    def begin(self, run: Callable[[], None]) -> None:
        """Have it run in a thread; `run` raises nothing."""
        with self._changed:
            self._under_way += 1
        self._threads.submit(self._one, run)

    def _one(self, run: Callable[[], None]) -> None:
        try:
            run()
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def end(self) -> None:
        """Wait for all that have begun."""
        self._threads.shutdown(wait=True)
