"""A suite that is cut off leaves no server behind: the pytest process, or xdist's controller."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.guard import MARK
from tests.support.sandbox_client import ROOT

SUITE = """
import os, subprocess, sys, time
from pathlib import Path

def test_that_never_ends(home, postgres_server, redis_server, sandbox_process):
    worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    postgres = (home / "postgres" / "postmaster.pid").read_text().splitlines()[0]
    redis = next(Path("/proc", "self", "task").glob("*/children")).read_text().split()
    with open(os.environ["TOLD"], "w") as told:
        print(home, os.getpid(), postgres, worker.pid, *redis, file=told)
    time.sleep(600)
"""


# Whoever starts a program in the background may have it ignore SIGINT, and so what that starts.
PYTEST = """
import pytest, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(pytest.main())
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "test_suite.py").write_text(SUITE)
    os.mkfifo(tmp_path / "told")
    return tmp_path


@contextmanager
def started(suite: Path, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    servers = ("-p", "tests.conftest", "-p", "tests.integration.conftest")
    place = ("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(suite), "-p", "no:cacheprovider")
    with subprocess.Popen(
        [sys.executable, "-c", PYTEST, "-q", *servers, *place, *options, str(suite)],
        cwd=ROOT,
        env={**os.environ, "TOLD": str(suite / "told")},
        stdout=subprocess.DEVNULL,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


@pytest.mark.parametrize(
    ("number", "options"),
    [
        pytest.param(signal.SIGTERM, (), id="SIGTERM"),
        pytest.param(signal.SIGINT, (), id="SIGINT"),
        pytest.param(signal.SIGTERM, ("-n", "1"), id="SIGTERM to the controller"),
        pytest.param(signal.SIGKILL, ("-n", "1"), id="SIGKILL of the controller"),
    ],
)
def test_nothing_is_left(suite: Path, number: signal.Signals, options: tuple[str, ...]) -> None:
    with started(suite, *options) as running, ExitStack() as open_files:
        home, *pids = (suite / "told").read_text().split()
        assert home != os.environ[MARK]
        assert len(pids) >= 6  # pytest, PostgreSQL and a child; the watcher, Redis, the sandbox
        handles = [os.pidfd_open(int(pid)) for pid in pids]
        for handle in handles:
            open_files.callback(os.close, handle)
        running.send_signal(number)
        running.wait(60)
        for pid, handle in zip(pids, handles, strict=True):
            ended, _, _ = select.select([handle], [], [], 60)
            assert ended, Path("/proc", pid, "cmdline").read_text()
    assert not Path(home).exists()
