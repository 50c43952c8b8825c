"""Do something in the middle of a call of ours: before it leaves, or before its end is stored."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from sync.assemble import build
from sync.runtime import Sync
from sync.tasks import worker as reconcile
from tests.support.clinic import Clinic
from tests.support.flows import Call


def nothing() -> None:
    """What happens by default."""


@contextmanager
def meanwhile(
    clinic: Clinic,
    call: Call,
    *,
    before: Callable[[], object] = nothing,
    after: Callable[[], object] = nothing,
) -> Iterator[None]:
    """The clinic's first such call in the block: `before` it leaves; `after` its answer, unstored.

    Fails when there was no such call. Nothing is to be asserted in them: what they raise is a
    failed run, and that is tried again.
    """
    remote, method, path = call
    base = clinic.sandbox.url(remote)
    sent = clinic.sync.wire.send
    met = False

    def between(request: Any) -> Any:
        nonlocal met
        meant = request.url.startswith(base) and request.method == method
        if met or not meant or not re.search(path, urlsplit(request.url).path):
            return sent(request)
        met = True
        before()
        answer = sent(request)
        after()
        return answer

    clinic.sync.wire.send = between  # type: ignore[method-assign]
    try:
        yield
    finally:
        clinic.sync.wire.send = sent  # type: ignore[method-assign]
    assert met, f"no {method} {path}"


class Worker:
    """A worker process beside the clinic's own, on the same database."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self.sync: Sync = build(
            clinic.settings, owner="second", clock=clinic.now, pause=clinic.advance
        )

    def work(self) -> None:
        """Work on what is due, once each, and on what comes of that."""
        done: set[int] = set()
        while True:
            self._clinic.sandbox.wait_idle()
            due = set(self._clinic.due()) - done
            if not due:
                return
            for key in sorted(due):
                reconcile.run(self.sync, key)
            done |= due


@contextmanager
def second_worker(clinic: Clinic) -> Iterator[Worker]:
    worker = Worker(clinic)
    try:
        yield worker
    finally:
        worker.sync.close()
