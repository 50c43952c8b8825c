"""Do once in every test process what no single test should pay for."""

import gc
import logging
import os
import sys
import threading
from collections.abc import Generator, Iterator
from multiprocessing import forkserver, resource_tracker
from pathlib import Path

import argon2
import pytest
import structlog

from sync.operations import operators
from sync.store import database
from tests import once
from tests.guard import end_with_parent, watched_home


def pytest_configure(config: pytest.Config) -> None:
    """Have a worker of xdist end with its controller, and all keep what they compile.

    Its own way to end is a SIGINT, which a suite started in the background ignores. And where an
    environment forbids Python to keep what it compiles, each worker would compile every test, and
    each of some sixty processes started by them the whole service, anew.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    _plain_tracebacks()
    if hasattr(config, "workerinput"):
        end_with_parent()


def _plain_tracebacks() -> None:
    """Have a logged exception drawn as Python does, where nothing configured the log.

    structlog draws each local of each frame, by rich: of an error of the database that was a minute
    of a processor, and a test that ran out of time.
    """
    shown = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    usual = structlog.get_config()["processors"]
    structlog.configure(processors=[*usual[:-1], shown])


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Search for no garbage while tests are collected: there is none, and each search is longer.

    It was a third of the time of collecting, in each worker.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Leave what was collected out of every later search for garbage, and search less often.

    Six thousand tests and all modules are some 300,000 objects that live to the end; to walk them
    again and again was a tenth of a worker's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def home() -> Iterator[Path]:
    """A directory for the servers of this process; no process it starts outlives it."""
    with watched_home() as place:
        yield place
        # They end with this process; told to by a signal, the second does not, and is waited for.
        forkserver._forkserver._stop()  # type: ignore[attr-defined]
        resource_tracker._resource_tracker._stop()  # type: ignore[attr-defined]


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """Statements, templates and addresses are compiled once for all tests of this process."""
    with once.compiled_once():
        yield


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[argon2.PasswordHasher]:
    """Passwords are hashed at no cost; the value is what hashes them outside of tests."""
    with once.cheap_passwords() as costly:
        yield costly


@pytest.fixture
def costly_passwords(
    cheap_passwords: argon2.PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passwords are hashed as they are outside of tests, where just that is tried."""
    monkeypatch.setattr(operators, "_HASHER", cheap_passwords)
    monkeypatch.setattr(operators, "_NOBODY", cheap_passwords.hash("nobody's"))


@pytest.fixture(scope="session", autouse=True)
def no_power_cuts() -> Iterator[None]:
    """SQLite waits for no disk: processes are killed in these tests, never the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_SYNCHRONOUS", "OFF")
        yield


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Take back what a test configures of the log: its stream is closed with the test.

    A command or an entry that is called within a test sets the log up for its whole process. Every
    later test of that process wrote to a closed stream then, and failed or not by who shared it.
    """
    known, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook
    yield
    if structlog.get_config() != known:
        structlog.configure(**known)
    sys.excepthook, threading.excepthook = hooks
    for handler in [one for one in root.handlers if one not in handlers]:
        if type(handler) is logging.StreamHandler:
            root.removeHandler(handler)
    root.setLevel(level)
