"""Start our processes under test, with an environment of their own, and hear their lines."""

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from cryptography.fernet import Fernet

from tests.guard import MARK
from tests.support.servers.forks import Fork


class Process:
    """A Python process under test: its lines as they come, and what was heard of it so far.

    It is read all the time: who writes into a pipe that is full stands still.
    """

    def __init__(self, argv: list[str], env: dict[str, str], cwd: Path) -> None:
        assert argv[0] == sys.executable
        self._fork = Fork(argv[1:], env, cwd)
        self.said: list[str] = []
        self.pid = self._fork.pid
        self._lines: SimpleQueue[str | None] = SimpleQueue()  # None: no more come
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with self._fork.stdout as said:
            for line in said:
                self._lines.put(line)
        self._lines.put(None)

    def _heard(self) -> Iterator[str]:
        """What it says from here on; each line is noted as it is taken."""
        while (line := self._lines.get()) is not None:
            self.said.append(line)
            yield line
        self._lines.put(None)

    def wait_for(self, *wanted: str) -> str:
        """The next line that holds one of `wanted`; the test's own time limit ends a vain wait."""
        for line in self._heard():
            if any(words in line for words in wanted):
                return line
        raise AssertionError(f"{wanted!r} was never said: {''.join(self.said)}")

    def tell(self) -> None:
        """Let a run that reads its standard input go on."""
        self._fork.stdin.write("go\n")
        self._fork.stdin.flush()

    def send(self, number: signal.Signals) -> None:
        self._fork.send_signal(number)

    def end(self) -> int:
        """Wait for the end, noting what it says; returns the exit code."""
        deque(self._heard(), maxlen=0)
        return self._fork.wait(20)

    def close(self) -> None:
        self._fork.close()


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
