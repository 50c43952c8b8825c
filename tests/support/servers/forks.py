"""Fork a process from a server that has imported what it needs: in milliseconds, not in a second.

What runs is what `python -c` or `python -m` would run, in an environment and a directory of its
own. What is about the start itself starts an interpreter.
"""

import atexit
import multiprocessing
import os
import runpy
import signal
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import IO

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.support.servers.preloaded"])


class Fork:
    """A process that runs `arguments` of Python (`-c code` or `-m module …`)."""

    def __init__(self, arguments: list[str], env: dict[str, str], cwd: Path) -> None:
        told, tell = CONTEXT.Pipe(duplex=False)
        hear, say = CONTEXT.Pipe(duplex=False)
        self._process = CONTEXT.Process(target=_become, args=(arguments, env, str(cwd), told, say))
        self._process.start()
        told.close()
        say.close()
        self.stdin: IO[str] = _file_of(tell, "w")
        self.stdout: IO[str] = _file_of(hear, "r")

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def send_signal(self, number: signal.Signals) -> None:
        """Send it unless the process has ended."""
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def wait(self, seconds: float) -> int:
        """Its exit code, below zero for a signal's number; AssertionError if it goes on."""
        self._process.join(seconds)
        assert self._process.exitcode is not None, f"it did not end in {seconds} s"
        return self._process.exitcode

    def close(self) -> None:
        """Kill it; that may be done twice. Its output is closed by who reads it to its end."""
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
        self.stdin.close()


def _file_of(end: Connection, mode: str) -> IO[str]:
    file = os.fdopen(os.dup(end.fileno()), mode, encoding="utf-8")
    end.close()
    return file


# --- in the process -------------------------------------------------------------------------------


def _become(
    arguments: list[str], env: dict[str, str], cwd: str, told: Connection, say: Connection
) -> None:
    os.dup2(told.fileno(), 0)
    os.dup2(say.fileno(), 1)
    told.close()
    say.close()
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - to the end
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    try:
        _run(*arguments)
    finally:
        # What an interpreter does at its end, and a fork of multiprocessing does not.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()


def _run(kind: str, what: str, *more: str) -> None:
    if kind == "-m":
        sys.argv = [what, *more]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
        return
    assert kind == "-c"
    sys.argv = ["-c", *more]
    main = sys.modules["__main__"] = ModuleType("__main__")
    exec(compile(what, "<string>", "exec"), main.__dict__)  # noqa: S102 - the test's own text
