"""Start, restart and stop the processes of `run`.

One thread per process starts it, waits until it is ready, waits until it dies, and starts it again
after a pause. The same thread does all of these because the kernel ties `PR_SET_PDEATHSIG`
(cli.world.child) to the thread that started the child.
"""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from cli.world.child import bound_to_us

# A process that lived this long (seconds) was well: its next death starts with the first pause.
WELL_AFTER = 30.0
POLL_SECONDS = 0.05
# After so many lives in a row that ended by themselves before they were ready (45 seconds with the
# usual pauses) another one would end alike: a setting, a file or a port is wrong.
MOST_FRUITLESS = 8
TAIL_LINES = 15


class ProcessState(StrEnum):
    """What a supervised process does now."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting to restart"
    STOPPED = "stopped"
    FAILED = "does not start any more"


@dataclass(frozen=True, slots=True)
class Process:
    """One program to keep alive.

    `env` is the whole environment. `ready` is asked until it says yes; without it a process is
    ready as soon as it was started. `cwd` None is our own working directory.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    ready: Callable[[], bool] | None = None
    cwd: Path | None = None


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One process as seen now; `since` is `time.monotonic()` of its last start."""

    name: str
    state: ProcessState
    pid: int | None
    since: float
    restarts: int
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class BackOff:
    """Pauses (seconds) before a restart: the first, doubled each time up to the longest."""

    first: float = 0.5
    longest: float = 10.0

    def after(self, failures: int) -> float:
        """The pause after so many deaths in a row (1 or more)."""
        return min(self.longest, self.first * 2.0 ** min(failures - 1, 30))


class StartError(Exception):
    """A process did not get ready; the message holds its last lines."""


class Supervisor:
    """Starts processes in order, restarts what dies, stops all in reverse order.

    Each line a process writes goes to `<log_dir>/<name>.log` with the name before it. `on_change`
    is called from other threads with each new Status. Leaving the context stops everything.
    """

    def __init__(
        self,
        processes: Iterable[Process] = (),
        *,
        log_dir: Path,
        on_change: Callable[[ProcessStatus], None] | None = None,
        back_off: BackOff = BackOff(),
        ready_seconds: float = 30.0,
    ) -> None:
        self._planned = tuple(processes)
        self._log_dir = log_dir
        self._on_change = on_change or (lambda _status: None)
        self._back_off = back_off
        self._ready_seconds = ready_seconds
        self._runners: dict[str, _Runner] = {}

    def __enter__(self) -> "Supervisor":
        try:
            for process in self._planned:
                self.start(process)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def start(self, process: Process) -> None:
        """Start one process and return when it is ready.

        Raises StartError when it dies first or isn't ready in time; it is stopped then.
        """
        if process.name in self._runners:
            raise ValueError(f"{process.name} is started already")
        self._log_dir.mkdir(parents=True, exist_ok=True)
        log = self._log_dir / f"{process.name}.log"
        runner = _Runner(process, log, self._on_change, self._back_off)
        self._runners[process.name] = runner
        runner.start()
        if not runner.became_ready(self._ready_seconds):
            failure = runner.failure("did not start")
            self.remove(process.name)
            raise failure

    def remove(self, name: str, seconds: float = 10.0) -> Process:
        """Stop one process and forget it; returns what it was, so that it can be started again."""
        runner = self._runners.pop(name)
        _stop([runner], seconds)
        return runner.process

    def kill(self, name: str) -> None:
        """SIGKILL one process, as a crash would; it is restarted."""
        self.signal(name, signal.SIGKILL)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one process and to what it started itself."""
        self._runners[name].signal(number)

    def statuses(self) -> list[ProcessStatus]:
        """All processes in the order they were started."""
        return [runner.status for runner in self._runners.values()]

    def check(self) -> None:
        """Raise StartError when a process does not start any more, with its last lines."""
        for runner in self._runners.values():
            if runner.status.state is ProcessState.FAILED:
                raise runner.failure("does not start any more")

    def stop(self, seconds: float = 10.0) -> None:
        """Stop all in reverse order: SIGTERM, and SIGKILL to what is left after `seconds`."""
        _stop(list(reversed(self._runners.values())), seconds)


def _stop(runners: list["_Runner"], seconds: float) -> None:
    # Each gets a short time alone, so that those who stop at once do so in order; a slow one
    # (a worker in the middle of a call) does not eat the time of the others.
    deadline = time.monotonic() + seconds
    for runner in runners:
        runner.terminate()
        runner.ended(seconds / 10)
    for runner in runners:
        if not runner.ended(max(0.0, deadline - time.monotonic())):
            runner.signal(signal.SIGKILL)
    for runner in runners:
        runner.ended(5.0)


@dataclass(slots=True)
class _Runner:
    process: Process
    log: Path
    on_change: Callable[[ProcessStatus], None]
    back_off: BackOff
    _thread: threading.Thread = field(init=False)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _settled: threading.Event = field(default_factory=threading.Event)  # first ready, or first dead
    _was_ready: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _running: subprocess.Popen[str] | None = None
    _tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))
    status: ProcessStatus = field(init=False)

    def __post_init__(self) -> None:
        name = self.process.name
        self.status = ProcessStatus(name, ProcessState.STARTING, None, time.monotonic(), 0, None)
        self._thread = threading.Thread(target=self._run, name=f"supervise-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def became_ready(self, seconds: float) -> bool:
        """Whether the first start went well; returns early when it did not."""
        self._settled.wait(seconds)
        return self._was_ready

    def ended(self, seconds: float) -> bool:
        try:
            self._thread.join(seconds)
        except RuntimeError:
            # A signal came before the thread began. Should it begin yet, it starts nothing.
            return True
        return not self._thread.is_alive()

    def terminate(self) -> None:
        self._stopping.set()
        with self._lock:
            if self._running is not None:
                self._running.terminate()

    def signal(self, number: signal.Signals) -> None:
        with self._lock:
            if self._running is not None:
                _signal_group(self._running.pid, number)

    def failure(self, what: str) -> StartError:
        """What to say of a process that is not there, with its last lines."""
        tail = "\n".join(self._tail)
        return StartError(
            f"{self.process.name} {what}. Its last lines (all are in {self.log}):\n{tail}"
        )

    def _run(self) -> None:
        failures = fruitless = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            code = self._once()
            if self._stopping.is_set():
                break
            failures = 1 if time.monotonic() - started >= WELL_AFTER else failures + 1
            # A signal is somebody else's doing.
            by_itself = code is not None and code > 0 and self.status.state is ProcessState.STARTING
            fruitless = fruitless + 1 if by_itself else 0
            if self._was_ready and fruitless >= MOST_FRUITLESS:
                self._change(ProcessState.FAILED, exit_code=code)
                return
            self._change(ProcessState.WAITING, exit_code=code)
            self._settled.set()
            self._stopping.wait(self.back_off.after(failures))
            self._change(ProcessState.STARTING, restarts=self.status.restarts + 1)
        self._change(ProcessState.STOPPED)
        self._settled.set()

    def _once(self) -> int | None:
        """One life of the process, from its start to its end; returns its exit code."""
        popen = self._spawn()
        if popen is None:
            return None
        reader = threading.Thread(target=self._read, args=(popen.stdout,), daemon=True)
        reader.start()
        self._change(ProcessState.STARTING, pid=popen.pid, since=time.monotonic())
        while popen.poll() is None and not self._stopping.is_set() and not self._is_ready():
            time.sleep(POLL_SECONDS)
        if popen.poll() is None and not self._stopping.is_set():
            self._change(ProcessState.RUNNING, pid=popen.pid)
            self._was_ready = True
            self._settled.set()
        code = popen.wait()
        with self._lock:
            self._running = None
            # What it had started itself (gunicorn's workers) must not hold its port.
            _signal_group(popen.pid, signal.SIGKILL)
        reader.join(5.0)
        return code

    def _spawn(self) -> subprocess.Popen[str] | None:
        with self._lock:
            if self._stopping.is_set():
                return None
            self._running = subprocess.Popen(
                bound_to_us(self.process.argv),
                env=dict(self.process.env),
                cwd=self.process.cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                # A group of its own: Ctrl-C at the terminal reaches the supervisor alone, which
                # then stops all in order.
                process_group=0,
            )
            return self._running

    def _is_ready(self) -> bool:
        return self.process.ready is None or self.process.ready()

    def _read(self, lines: IO[str]) -> None:
        with lines, self.log.open("a", encoding="utf-8") as log:
            for line in lines:
                self._tail.append(line.rstrip("\n"))
                log.write(f"{self.process.name} | {line}")
                log.flush()

    def _change(self, state: ProcessState, *, pid: int | None = None, **changes: Any) -> None:
        self.status = replace(self.status, state=state, pid=pid, **changes)
        self.on_change(self.status)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
