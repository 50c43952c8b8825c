"""An engine that dies at a chosen step, as a killed worker does: what it did stays, no more comes.

A step is a committed transaction or an answered request: between two steps nothing outside the
process changes, so a kill there is a kill after the step before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sync.engine import reconcile
from sync.engine.context import Sync, build
from tests.integration.clinic import Clinic


class Killed(BaseException):
    """The process is gone; not an Exception, so nothing in it can catch this."""


class Mortal:
    """A second worker on the clinic's database that dies after `steps` steps."""

    def __init__(self, clinic: Clinic, steps: int) -> None:
        self.taken: list[str] = []
        self._left = steps
        self._dead = False
        self.sync: Sync = build(clinic.settings, owner=f"mortal-{steps}", clock=clinic.now)
        self._write, self._send = self.sync.store.write, self.sync.wire.send
        self.sync.store.write = self._mortal_write  # type: ignore[method-assign]
        self.sync.wire.send = self._mortal_send  # type: ignore[method-assign]

    def work(self, clinic: Clinic) -> bool:
        """Work as `pump` does; returns whether it lived to the end."""
        try:
            while True:
                clinic.sandbox.wait_idle()
                due = clinic.due()
                if not due:
                    return True
                for aggregate in due:
                    reconcile.run(self.sync, aggregate)
        except Killed:
            return False
        finally:
            self.sync.close()

    @contextmanager
    def _mortal_write(self) -> Iterator[Any]:
        self._alive()
        with self._write() as conn:
            yield conn
        self._step("commit")

    def _mortal_send(self, request: Any) -> Any:
        self._alive()
        answer = self._send(request)
        self._step(f"{request.method} {request.url.rpartition(':')[2].partition('/')[2]}")
        return answer

    def _alive(self) -> None:
        # A `finally` of the code under test must do nothing any more: a dead process runs none.
        if self._dead:
            raise Killed

    def _step(self, what: str) -> None:
        self.taken.append(what)
        self._left -= 1
        if self._left <= 0:
            self._dead = True
            raise Killed
