"""Let a process die at a point of its work, within the test's own process.

A point is before and after each call and each commit that wrote. From there on nothing of it
reaches a remote or the database, whatever its handlers try, until it is started anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sync.runtime import Sync


class DeathError(BaseException):
    """The process is killed: no handler for errors sees it."""


class Dying:
    """Counts the points of a process; dies at one that is named."""

    def __init__(self, sync: Sync) -> None:
        self._sync = sync
        self.points = 0
        self.dies_at: int | None = None
        self._dead = False
        self._commit = sync.store.engine.dialect.do_commit
        self._send = sync.gate._wire.send
        sync.store.engine.dialect.do_commit = self._committed  # type: ignore[method-assign]
        sync.gate._wire.send = self._sent  # type: ignore[method-assign]

    def undo(self) -> None:
        self._sync.store.engine.dialect.do_commit = self._commit  # type: ignore[method-assign]
        self._sync.gate._wire.send = self._send  # type: ignore[method-assign]

    @contextmanager
    def mortal(self, dies_at: int | None) -> Iterator[None]:
        """Die at that point of this block, counted from its begin; the block ends well then."""
        self.points, self.dies_at = 0, dies_at
        try:
            yield
        except DeathError:
            assert self._dead
        finally:
            self._dead, self.dies_at = False, None

    def _committed(self, connection: Any) -> None:
        self._through(lambda: self._commit(connection))

    def _sent(self, request: Any) -> Any:
        return self._through(lambda: self._send(request))

    def _through(self, does: Callable[[], Any]) -> Any:
        self._point()
        done = does()
        self._point()
        return done

    def _point(self) -> None:
        if self.dies_at is None:
            return
        self.points += 1
        if self._dead or self.points >= self.dies_at:
            self._dead = True
            raise DeathError
