"""Race: do the same thing at the same moment in threads or processes of their own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sync.store.database import Store
from tests.support.servers.forks import CONTEXT


def in_threads(number: int, act: Callable[[int], Any]) -> list[Any]:
    """What each thread's `act(index)` returned; all begin at once."""
    gate = threading.Barrier(number, timeout=30)

    def run(index: int) -> Any:
        gate.wait()
        return act(index)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


def in_processes(url: str, number: int, act: Callable[[Store, int], Any]) -> list[Any]:
    """What each process's `act(store, index)` returned; all begin at once, connected already.

    `act` is a function of a module, which the process imports, or a partial of one.
    """
    gate, answers = CONTEXT.Barrier(number, timeout=60), CONTEXT.Queue()
    running = [
        CONTEXT.Process(target=_run, args=(url, index, act, gate, answers))
        for index in range(number)
    ]
    for process in running:
        process.start()
    found = [answers.get(timeout=90) for _ in running]
    for process in running:
        process.join(30)
    for _, answer in found:
        if isinstance(answer, Exception):
            raise answer
    return [answer for _, answer in sorted(found, key=lambda one: one[0])]


def _run(url: str, index: int, act: Callable[[Store, int], Any], gate: Any, answers: Any) -> None:
    store = Store(url)
    try:
        with store.read():
            pass  # connect before the start, so that the race is about the act
        gate.wait()
        answers.put((index, act(store, index)))
    except Exception as failure:  # noqa: BLE001 - told to the test, which raises it
        answers.put((index, RuntimeError(f"{type(failure).__name__}: {failure}")))
    finally:
        store.close()
