"""End with a test process what it started, however it goes, and nothing else."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.guard import MARK, end, processes_of, watched_home
from tests.support.sandbox_client import ROOT

# Its children: one as any test starts it, and one that ignores SIGTERM under an environment of its
# own, known by its arguments. They hold the pipe that the test reads to its end.
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(flush=True)
time.sleep(600)
"""
DYING = f"""
import os, signal, subprocess, sys
from tests.guard import watched_home
with watched_home() as home:
    subprocess.Popen(["/bin/sleep", "600"])
    subprocess.Popen([sys.executable, "-I", "-S", "-c", {STUBBORN!r}, str(home)], env={{}})
    sys.stdin.readline()
    print(home, os.environ[{MARK!r}], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_all_ends_when_the_process_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", DYING],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as dying:
        assert dying.stdout is not None
        assert dying.stdout.readline() == "\n"  # the stubborn one ignores it by now
        told, _ = dying.communicate("go\n", timeout=20)
    home, mark = told.split()
    assert (dying.returncode, mark) == (-signal.SIGKILL, home)
    assert not processes_of(Path(home))


def test_all_ends_with_the_block_and_nothing_of_others(home: Path) -> None:
    with subprocess.Popen(["/bin/sleep", "600"]) as ours:
        with watched_home() as inner, subprocess.Popen(["/bin/sleep", "600"]) as its:
            assert processes_of(inner) >= {its.pid}
            its.terminate()
        assert not inner.exists()
        assert os.environ[MARK] == str(home)
        assert ours.poll() is None
        ours.terminate()
    assert its.returncode == ours.returncode == -signal.SIGTERM


def test_a_directory_that_nothing_names_is_just_removed(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    end(tmp_path / "home")
    assert not (tmp_path / "home").exists()
