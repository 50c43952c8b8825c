"""Start our processes under test, with an environment of their own, and hear their lines."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from tests.guard import MARK


class Process:
    """A worker under test: its lines as they come, and what it said so far."""

    def __init__(self, argv: list[str], env: dict[str, str], cwd: Path) -> None:
        self._popen = subprocess.Popen(
            argv, env=env, cwd=cwd, text=True, stdout=subprocess.PIPE, stdin=subprocess.PIPE
        )
        self.said: list[str] = []
        self.pid = self._popen.pid

    def wait_for(self, *wanted: str) -> str:
        """The next line that holds one of `wanted`; the test's own time limit ends a vain wait."""
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            self.said.append(line)
            if any(words in line for words in wanted):
                return line
        raise AssertionError(f"{wanted!r} was never said: {''.join(self.said)}")

    def tell(self) -> None:
        """Let a run that reads its standard input go on."""
        assert self._popen.stdin is not None
        self._popen.stdin.write("go\n")
        self._popen.stdin.flush()

    def send(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def read_on(self) -> None:
        """Read what it says until it ends; for a thread beside a test that makes it say much."""
        assert self._popen.stdout is not None
        self.said += list(self._popen.stdout)

    def end(self) -> int:
        """Wait for the end, reading on; returns the exit code."""
        assert self._popen.stdout is not None
        self.said += list(self._popen.stdout)
        return self._popen.wait(20)

    def close(self) -> None:
        self._popen.kill()
        self._popen.communicate()


def environment(redis_url: str, database_url: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        MARK: os.environ[MARK],
        "REDIS_URL": redis_url,
        "DATABASE_URL": database_url,
        "OPS_PORT": "0",  # several of them run at once on this machine
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "DIGEST_KEYS": "a-digest-key-for-tests-of-32-bytes!",
    }


def soon(true: Callable[[], Any], seconds: float = 10) -> None:
    """Wait for what only another process can tell."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.02)
