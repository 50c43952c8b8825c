"""End what a test process started, however that process ends.

A killed pytest runs no fixture to its end; PostgreSQL is a daemon, and any child outlives its
parent. So a watcher waits at a pipe, which the kernel closes when the test process is gone. It then
ends each process that names the directory of that test process in its environment, which children
inherit, or in its arguments (PostgreSQL and Redis write over their environment), and removes the
directory. It reads /proc: Linux only, as the wheels of both servers are.
"""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import disk_usage, rmtree

MARK = "TESTS_HOME"  # an environment made from scratch must take it over
PATIENCE = 5.0  # seconds until SIGKILL
MEMORY = Path("/dev/shm")  # Linux's directory in memory; in a container it may be small
# Four test processes with a PostgreSQL each: its log keeps up to 80 MB, a database has 10 MB.
ROOM = 4 * 2**30


_PR_SET_PDEATHSIG = 1  # Linux, prctl(2)


def end_with_parent() -> None:
    """Have SIGTERM end this process when its parent dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@contextmanager
def watched_home() -> Iterator[Path]:
    """Make a directory, short to name; it and whatever names it end with the block or with us."""
    home, before = Path(tempfile.mkdtemp(prefix="sync-", dir=_root())), os.environ.get(MARK)
    watcher = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(home)],
        stdin=subprocess.PIPE,
        env={},  # the mark of a test process that started this one is not the watcher's
        start_new_session=True,  # a signal to the suite's group is not meant for it
    )
    os.environ[MARK] = str(home)
    try:
        yield home
    finally:
        watcher.communicate()
        os.environ.pop(MARK)
        if before is not None:
            os.environ[MARK] = before


def _root() -> Path | None:
    """Memory if there is room, else None: where the system has its temporary files.

    PostgreSQL makes a database of a thousand files; on a disk that took five times its processor.
    """
    with suppress(OSError):
        if os.access(MEMORY, os.W_OK) and disk_usage(MEMORY).free >= ROOM:
            return MEMORY
    return None


def processes_of(home: Path) -> set[int]:
    """The processes that name the directory, without the caller."""
    return {
        int(place.name)
        for place in Path("/proc").glob("[0-9]*")
        if int(place.name) != os.getpid() and _names(place, os.fsencode(home))
    }


def _names(process: Path, home: bytes) -> bool:
    with suppress(OSError):  # it has just ended, or is another user's
        return any(home in (process / name).read_bytes() for name in ("environ", "cmdline"))
    return False


def end(home: Path) -> None:
    """End the processes that name the directory, by SIGKILL where SIGTERM does not; remove it."""
    asked: set[int] = set()
    deadline = time.monotonic() + PATIENCE
    while running := processes_of(home):
        late = time.monotonic() > deadline
        for pid in running if late else running - asked:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
        asked |= running
        time.sleep(0.02)
    rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.stdin.read()  # until the test process is gone
    end(Path(sys.argv[1]))
