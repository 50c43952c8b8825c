"""What a test process started ends when the process is killed, and only then."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guard import should_we_die
from tests.support.sandbox_client import ROOT

DYING = """
import os, signal, sys
from tests.guard import should_we_die
with should_we_die("/bin/sh", "-c", 'echo done >"$0"', sys.argv[1]):
    os.kill(os.getpid(), int(sys.argv[2]))
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_it_is_done_when_the_process_is_killed(how: signal.Signals, tmp_path: Path) -> None:
    told = tmp_path / "told"
    os.mkfifo(told)
    dead = subprocess.run(
        [sys.executable, "-c", DYING, str(told), str(int(how))], cwd=ROOT, check=False
    )
    assert dead.returncode == -how
    assert told.read_text() == "done\n"


def test_it_is_not_done_when_the_block_ends(tmp_path: Path) -> None:
    told = tmp_path / "told"
    with pytest.raises(ValueError, match="of the test"), should_we_die("/bin/touch", str(told)):
        raise ValueError("of the test")
    assert not told.exists()
