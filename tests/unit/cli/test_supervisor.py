"""The supervisor with real, small processes."""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.world.supervisor import (
    MOST_FRUITLESS,
    BackOff,
    Process,
    ProcessState,
    ProcessStatus,
    StartError,
    Supervisor,
)

FAST = BackOff(first=0.01, longest=0.05)


class Seen:
    """Every status change, and a way to wait for one."""

    def __init__(self) -> None:
        self.statuses: list[ProcessStatus] = []
        self._changed = threading.Condition()

    def __call__(self, status: ProcessStatus) -> None:
        with self._changed:
            self.statuses.append(status)
            self._changed.notify_all()

    def wait_for(self, wanted: Callable[[ProcessStatus], bool]) -> ProcessStatus:
        with self._changed:
            assert self._changed.wait_for(lambda: any(map(wanted, self.statuses)), 20)
            return next(status for status in self.statuses if wanted(status))


def python(name: str, code: str, ready: Path | None = None, *args: str) -> Process:
    """A process that runs `code`; it is ready when the file `ready` is there."""
    return Process(
        name,
        (sys.executable, "-u", "-c", code, *args),
        dict(os.environ),
        ready=ready.exists if ready else None,
    )


def forever(name: str, ready: Path) -> Process:
    code = "import pathlib, signal, sys; pathlib.Path(sys.argv[1]).touch(); signal.pause()"
    return python(name, code, ready, str(ready))


def is_gone(pid: int, seconds: float = 10) -> bool:
    """Whether the process ends within the time; waits for it."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with os.fdopen(handle):
        ended, _, _ = select.select([handle], [], [], seconds)
        return bool(ended)


def test_starts_in_order_and_waits_until_each_is_ready(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    # The second fails unless the first was ready before it was started.
    code = (
        "import pathlib, signal, sys; assert pathlib.Path(sys.argv[2]).exists();"
        "pathlib.Path(sys.argv[1]).touch(); signal.pause()"
    )
    slow = python(
        "first",
        "import pathlib, signal, sys, time; time.sleep(0.3);"
        "pathlib.Path(sys.argv[1]).touch(); signal.pause()",
        first,
        str(first),
    )
    plan = [slow, python("second", code, second, str(second), str(first))]
    with Supervisor(plan, log_dir=tmp_path / "log") as supervisor:
        assert [(s.name, s.state) for s in supervisor.statuses()] == [
            ("first", ProcessState.RUNNING),
            ("second", ProcessState.RUNNING),
        ]
    assert [s.state for s in supervisor.statuses()] == [ProcessState.STOPPED, ProcessState.STOPPED]


def test_what_dies_is_started_again(tmp_path: Path) -> None:
    seen = Seen()
    worker = forever("worker", tmp_path / "ready")
    with Supervisor([worker], log_dir=tmp_path, on_change=seen, back_off=FAST) as supervisor:
        first = supervisor.statuses()[0].pid
        supervisor.kill("worker")
        again = seen.wait_for(lambda s: s.state is ProcessState.RUNNING and s.restarts == 1)
        assert again.pid != first
        assert again.exit_code == -signal.SIGKILL


def test_a_process_that_keeps_dying_is_tried_again_and_again(tmp_path: Path) -> None:
    seen = Seen()
    # It gets ready the first time, then dies at once for ever.
    dying = python("dying", "print('ended'); raise SystemExit(3)")
    with Supervisor(log_dir=tmp_path, on_change=seen, back_off=FAST) as supervisor:
        supervisor.start(dying)
        status = seen.wait_for(lambda s: s.restarts == 4)
    assert status.exit_code == 3


def test_what_does_not_start_any_more_is_given_up_and_told(tmp_path: Path) -> None:
    """Its setting went bad while it ran: each further life would end alike."""
    seen, ready, bad = Seen(), tmp_path / "ready", tmp_path / "bad"
    code = (
        "import pathlib, signal, sys\n"
        "if pathlib.Path(sys.argv[2]).exists(): sys.exit('PORT: write a whole number')\n"
        "pathlib.Path(sys.argv[1]).touch(); signal.pause()\n"
    )
    web = python("web", code, ready, str(ready), str(bad))
    with Supervisor([web], log_dir=tmp_path, on_change=seen, back_off=FAST) as supervisor:
        supervisor.check()
        bad.touch()
        ready.unlink()
        supervisor.kill("web")
        status = seen.wait_for(lambda s: s.state is ProcessState.FAILED)
        assert (status.exit_code, status.restarts) == (1, MOST_FRUITLESS)
        with pytest.raises(StartError, match=r"web does not start any more(.|\n)*PORT: write"):
            supervisor.check()


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (6, 10.0), (99, 10)]
)
def test_the_pause_doubles_from_half_a_second_to_ten(failures: int, seconds: float) -> None:
    assert BackOff().after(failures) == seconds


def test_stops_in_reverse_order(tmp_path: Path) -> None:
    code = (
        "import pathlib, signal, sys\n"
        "def end(*_):\n"
        "    with open(sys.argv[2], 'a') as ends: ends.write(sys.argv[3] + ' ')\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "pathlib.Path(sys.argv[1]).touch()\n"
        "while True: signal.pause()\n"
    )
    ends = tmp_path / "ends"
    names = ("redis", "web", "worker")
    plan = [
        python(name, code, tmp_path / name, str(tmp_path / name), str(ends), name) for name in names
    ]
    with Supervisor(plan, log_dir=tmp_path):
        pass
    assert ends.read_text().split() == ["worker", "web", "redis"]


def test_an_end_that_comes_before_a_process_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = Supervisor(log_dir=tmp_path)
    supervisor.start(forever("redis", tmp_path / "redis"))
    pid = supervisor.statuses()[0].pid

    def interrupted(_runner: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.world.supervisor._Runner.start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        supervisor.start(forever("web", tmp_path / "web"))
    supervisor.stop()
    assert pid is not None
    assert is_gone(pid)


def test_what_ignores_sigterm_is_killed_in_time_with_its_own_children(tmp_path: Path) -> None:
    code = (
        "import pathlib, signal, subprocess, sys\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "ready = pathlib.Path(sys.argv[1])\n"
        "part = ready.with_suffix('.part'); part.write_text(str(child.pid)); part.rename(ready)\n"
        "while True: signal.pause()\n"
    )
    ready = tmp_path / "stubborn"
    supervisor = Supervisor(log_dir=tmp_path)
    supervisor.start(python("stubborn", code, ready, str(ready)))
    pid = supervisor.statuses()[0].pid
    assert pid is not None
    started = time.monotonic()
    supervisor.stop(seconds=0.5)
    assert time.monotonic() - started < 8
    assert is_gone(pid)
    assert is_gone(int(ready.read_text()))


def test_what_a_crashed_process_leaves_behind_is_ended_before_it_starts_again(
    tmp_path: Path,
) -> None:
    # As gunicorn's workers would, the child stays when its parent crashes.
    code = (
        "import os, pathlib, subprocess, sys\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "ready = pathlib.Path(sys.argv[1])\n"
        "part = ready.with_suffix('.part'); part.write_text(str(child.pid)); part.rename(ready)\n"
        "child.wait()\n"
    )
    ready, seen = tmp_path / "web", Seen()
    web = python("web", code, ready, str(ready))
    with Supervisor([web], log_dir=tmp_path, on_change=seen, back_off=FAST) as supervisor:
        left = int(ready.read_text())
        leader = supervisor.statuses()[0].pid
        assert leader is not None
        os.kill(leader, signal.SIGKILL)
        seen.wait_for(lambda s: s.state is ProcessState.WAITING)
        assert is_gone(left)


def test_what_cannot_start_is_told_with_its_last_lines(tmp_path: Path) -> None:
    broken = python("web", "print('port is taken'); raise SystemExit(1)", tmp_path / "never")
    supervisor = Supervisor(log_dir=tmp_path)
    with pytest.raises(StartError, match="web did not start") as told:
        supervisor.start(broken)
    assert "port is taken" in str(told.value)
    assert supervisor.statuses() == []


def test_what_never_gets_ready_is_told_and_stopped(tmp_path: Path) -> None:
    silent = python("silent", "import signal; signal.pause()", tmp_path / "never")
    seen = Seen()
    supervisor = Supervisor(log_dir=tmp_path, ready_seconds=0.3, on_change=seen)
    with pytest.raises(StartError, match="silent did not start"):
        supervisor.start(silent)
    pid = next(status.pid for status in seen.statuses if status.pid)
    assert is_gone(pid)


def test_each_line_goes_to_the_log_with_the_name_before_it(tmp_path: Path) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr)"
    seen = Seen()
    with Supervisor(log_dir=tmp_path, on_change=seen, back_off=BackOff(60, 60)) as supervisor:
        supervisor.start(python("talker", code))
        seen.wait_for(lambda s: s.state is ProcessState.WAITING)
    assert (tmp_path / "talker.log").read_text() == "talker | out\ntalker | err\n"


def test_a_removed_process_can_be_started_anew(tmp_path: Path) -> None:
    with Supervisor([forever("web", tmp_path / "ready")], log_dir=tmp_path) as supervisor:
        first = supervisor.statuses()[0].pid
        supervisor.start(supervisor.remove("web"))
        status = supervisor.statuses()[0]
        assert status.state is ProcessState.RUNNING
        assert status.pid != first


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_nothing_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, signal, os\n"
        "from cli.world.supervisor import Process, Supervisor\n"
        "argv = (sys.executable, '-c', 'import signal; signal.pause()')\n"
        "with Supervisor([Process('child', argv, dict(os.environ))],\n"
        "                log_dir=pathlib.Path(sys.argv[1])) as supervisor:\n"
        "    print(supervisor.statuses()[0].pid, flush=True)\n"
        "    signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as supervising:
        assert supervising.stdout is not None
        child = int(supervising.stdout.readline())
        supervising.kill()
    assert is_gone(child)
