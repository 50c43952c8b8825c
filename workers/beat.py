"""Ring what is due every half second, and run the beat's tasks in a thread of its own.

Any number of beats may run: what is swept is noted in SQL, and each tick of a task is moved on by a
compare-and-set, so each is done once.
"""

import os
import signal
import sys
import threading
import time
from queue import Empty, SimpleQueue

import structlog

from sync import assemble, redis_server
from sync import log as logs
from sync.runtime import Sync
from sync.settings_read import load_settings
from sync.store import trouble
from sync.tasks import gaps, schedule, sweep
from workers import heartbeat
from workers.bell import Bell

_EVERY = 0.5  # seconds between sweeps, and between looks at the tasks
_AFTER_FAILURE = 2.0  # seconds

log = structlog.get_logger(__name__)


class Ticker(threading.Thread):
    """Runs the tasks that are due, one after the other: a long scan must delay no sweep."""

    def __init__(self, sync: Sync, bell: Bell) -> None:
        super().__init__(name="ticker", daemon=True)
        self._sync = sync
        self._bell = bell
        self._ending = threading.Event()

    def run(self) -> None:
        """Look for due tasks twice a second."""
        wait = 0.0
        while not self._ending.wait(wait):
            wait = _EVERY if self._tick() else _AFTER_FAILURE

    def _tick(self) -> bool:
        try:
            due = schedule.due_tasks(self._sync)
        except Exception:
            log.exception("the tasks could not be read")
            return False
        # All of `due` is ours for this turn, so one that fails must not take the others with it.
        done = [self._task(name) for name in due]
        return all(done)

    def _task(self, name: str) -> bool:
        try:
            self._bell.ring(schedule.run(self._sync, name))
        except Exception:
            log.exception("a task failed", task=name)
            return False
        return True

    def stop(self, seconds: float) -> bool:
        """End after the running task, which makes no next call when half of its time is over.

        Returns False when it took longer than `seconds`.
        """
        self._ending.set()
        self.join(seconds / 2)
        self._sync.gate.close()
        self.join(seconds / 2)
        return not self.is_alive()


class Sweeper:
    """Rings what is due, and writes the heartbeat: who sweeps no more must not look alive."""

    def __init__(self, sync: Sync, bell: Bell) -> None:
        self._sync = sync
        self._bell = bell
        self._beaten = float("-inf")
        self.trouble: str | None = None  # why this process belongs here no more

    def once(self) -> bool:
        """One sweep; returns whether the database could be read."""
        try:
            self._bell.ring(sweep.sweep(self._sync))
        except Exception as error:
            if trouble.lasts(error):
                log.critical(heartbeat.UNUSABLE)
                self.trouble = heartbeat.UNUSABLE
            else:
                log.exception("the sweep failed")
            return False
        if time.monotonic() - self._beaten >= heartbeat.EVERY:
            self.trouble = heartbeat.misfit(self._sync) or heartbeat.beat(self._sync, "beat")
            self._still_beats()
            self._beaten = time.monotonic()
        return True

    def _still_beats(self) -> None:
        try:
            gaps.still_beats(self._sync)
        except Exception:
            log.exception("the beat could not be noted")


def main() -> None:
    """Sweep and tick until SIGTERM or SIGINT."""
    settings = load_settings()
    logs.configure(settings.log_level, role="beat")
    # SimpleQueue.put may be called in a signal handler; an Event's lock may not be taken there.
    told: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, _frame: told.put(signum))
    if not settings.redis_url:
        sys.exit("REDIS_URL is not set: the beat needs the Redis that the workers listen on.")
    refused = redis_server.refusal(settings.redis_url)
    if refused is not None:
        sys.exit(refused)
    sync = heartbeat.build(settings, "beat")
    bell = Bell(settings.redis_url)
    ticker = Ticker(sync, bell)
    assemble.set_aside()
    ticker.start()
    log.info("the beat begins", process=sync.owner)
    sweeper = Sweeper(sync, bell)
    _sweep_until(told, sweeper)
    log.info("the beat ends")
    if not ticker.stop(settings.stop_seconds):
        # A scan notes how far it came; the next beat goes on from there.
        log.warning("a task did not end in time", seconds=settings.stop_seconds)
        sys.stdout.flush()
        os._exit(1)
    bell.close()
    sync.close()
    if sweeper.trouble is not None:
        sys.exit(sweeper.trouble)


def _sweep_until(told: "SimpleQueue[int]", sweeper: Sweeper) -> None:
    while True:
        wait = _EVERY if sweeper.once() else _AFTER_FAILURE
        if sweeper.trouble is not None:
            return
        try:
            told.get(timeout=wait)
        except Empty:
            continue
        return
