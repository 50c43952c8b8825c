"""Run two engines on one clinic's database, working on whatever is due."""

import threading
from collections.abc import Callable

from sync.assemble import build
from sync.tasks import worker
from tests.support.clinic import Clinic


def two_engines(clinic: Clinic, meanwhile: Callable[[], object]) -> list[str]:
    """Run two engines until `meanwhile` is over; the defects they ended on."""
    stop, failures = threading.Event(), []

    def engine(name: str) -> None:
        sync = build(clinic.settings, owner=name, clock=clinic.now)
        while not stop.is_set():
            for aggregate in clinic.due():
                try:
                    worker.run(sync, aggregate)
                except Exception as failure:  # noqa: BLE001 - whatever it is, it is told
                    failures.append(type(failure).__name__)
        sync.close()

    threads = [threading.Thread(target=engine, args=(f"engine-{n}",)) for n in range(2)]
    for thread in threads:
        thread.start()
    try:
        meanwhile()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    return failures


def until_idle(clinic: Clinic) -> None:
    """Wait until the engines have nothing to do; the clinic's clock goes on meanwhile."""
    ended = threading.Event()
    for _ in range(600):
        clinic.sandbox.wait_idle()
        if not clinic.waiting():
            return
        ended.wait(0.05)
        clinic.advance(1)
    raise AssertionError("the two engines did not come to an end")
