"""No command shows a piece of a setting, whatever is wrong: not ours, not a library's own text."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli.environment import own_names
from cli.main import cli
from cli.world import processes
from sync import assemble
from sync.settings_read import load_settings
from sync.store.database import Store

FERNET = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
# Where 1 is an answer: of `diff` it says that the systems differ.
TROUBLE = {"diff": 2, "import": 2, "backfill": 2}
ARGUMENTS = {
    "healthcheck": ["worker"],
    "import": ["-", "--kind", "patients", "--yes"],
    "backfill": ["patients", "--yes"],
    **{
        f"batches {one}": ["7"]
        for one in ("show", "follow", "start", "pause", "resume", "result", "drop")
    },
    "batches cancel": ["7", "--yes"],
    "resync": ["appointment", "1"],
    "plan": ["appointment", "1"],
    "explain": ["appointment", "1"],
    "timeline": ["appointment", "1"],
    "records": ["calls"],
    "why": ["appointment", "1"],
    "resume": ["everything"],
    "mapping rollback": ["1", "--yes"],
    "alerts ack": ["1"],
    "alerts remind": ["1"],
    "alerts snooze": ["1", "--until", "1h"],
    "attention retry": ["1"],
    "attention drop": ["1"],
    "attention resolve": ["1"],
    "pair": ["visit", "1", "2"],
    "unlink": ["visit", "1"],
    "operator add": ["ruth"],
    "operator remove": ["ruth"],
    "keep": ["oncall", "visit", "1"],
    "exclude": ["1"],
    "disconnect": ["--yes"],
    "go-live": ["--yes"],
    "relink": ["--yes"],
    "keys lost": ["--yes"],
}
LONG = {"run", "demo", "worker", "beat"}  # they wait, or make a world of their own
PLANTED = {
    "PUBLIC_URL": "http://Pl4nted.example/Pl4nted",
    "PORT": "Pl4nted",
    "DATABASE_URL": "postgresql://u:Pl4nted@ss:w0rd-Pl4nted@db/sync",
    "REDIS_URL": "redis://:Pl4nted@ss:w0rd@host/0",
    "REDIS_TLS_VERIFY": "Pl4nted",
    "PERSISTENT_DISK": "Pl4nted",
    "SYNC_MODE": "Pl4nted",
    "GO_LIVE": "Pl4nted",
    "LOG_LEVEL": "Pl4nted",
    "DRCHRONO_BASE_URL": "https://u:Pl4nted@host",
    "DRCHRONO_CLIENT_ID": "Pl4nted Pl4nted",
    "DRCHRONO_CLIENT_SECRET": "Pl4ntéd Pl4nted",
    "DRCHRONO_SCOPES": "Pl4nted;Pl4nted",
    "DRCHRONO_WEBHOOK_SECRETS": "Pl4nted,,Pl4nted",
    "DRCHRONO_HOURLY_LIMIT": "Pl4nted",
    "ONCALL_BASE_URL": "Pl4nted",
    "ONCALL_KEY": '"Pl4nted"',
    "ONCALL_KEY_PREFIX": "Pl4ntéd",
    "ONCALL_WEBHOOK_TOKENS": "Pl4nted/Pl4nted",
    "ENCRYPTION_KEYS": "Pl4nted",
    "DIGEST_KEYS": "Pl4nted",
    "LEASE_SECONDS": "Pl4nted",
    "KEEP_DAYS": "-1",
}
RIGHT = {
    "DATABASE_URL": "postgresql://Pl4nted:Pl4nted@127.0.0.1:1/Pl4nted",
    "REDIS_URL": "redis://:Pl4nted@127.0.0.1:1/0",
    "ENCRYPTION_KEYS": FERNET,
    "DIGEST_KEYS": "Pl4nted-x7Qb9Zr2" * 3,
    "ONCALL_KEY": "Pl4nted-key",
    "DRCHRONO_CLIENT_SECRET": "Pl4nted-client",
}


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[str]:
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name))


EVERY = list(commands(cli))


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    monkeypatch.chdir(tmp_path)
    for name in own_names():
        monkeypatch.delenv(name, raising=False)
    load_settings.cache_clear()
    yield CliRunner()
    load_settings.cache_clear()


def said(runner: CliRunner, command: str, env: dict[str, str]) -> str:
    """What it says; a text that Python would print itself counts too."""
    load_settings.cache_clear()
    arguments = [*command.split(), *ARGUMENTS.get(command, [])]
    result = runner.invoke(cli, arguments, env=env)
    assert result.exit_code == TROUBLE.get(command, 1)
    assert isinstance(result.exception, SystemExit)
    return str(result.output)


@pytest.mark.parametrize("command", [name for name in EVERY if name not in {"run", "demo"}])
def test_with_every_setting_wrong_each_is_named_and_none_shown(
    command: str, runner: CliRunner
) -> None:
    output = said(runner, command, PLANTED)
    for name in PLANTED:
        assert name in output.replace("\n", "")
    assert "Pl4n" not in output
    assert "w0rd" not in output


@pytest.mark.parametrize("command", [name for name in EVERY if name not in LONG | {"web"}])
def test_with_a_database_that_is_away(command: str, runner: CliRunner) -> None:
    if command == "mapping check":
        pytest.skip("needs no database")
    assert "Pl4n" not in said(runner, command, RIGHT)


@pytest.mark.parametrize("command", [name for name in EVERY if name not in LONG])
def test_an_error_that_nobody_expected_is_told_by_type_and_place(
    command: str, runner: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("Pl4nted")

    monkeypatch.setattr(assemble, "build", fail)
    monkeypatch.setattr(Store, "__init__", fail)
    monkeypatch.setattr("gunicorn.__main__.run", fail)
    monkeypatch.setattr("sync.mapping.load", fail)
    Path("mapping.toml").touch()
    monkeypatch.setattr(processes.embedded, "share", fail)
    output = said(runner, command, RIGHT)
    assert "RuntimeError at " in output
    assert "Pl4n" not in output


@pytest.mark.parametrize("module", ["service.server.gunicorn_conf", "service.wsgi"])
def test_gunicorn_without_the_command_in_front_of_it(module: str, tmp_path: Path) -> None:
    how = ["-b", "127.0.0.1:0"] if module == "service.wsgi" else ["-c", f"python:{module}"]
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", *how, "service.wsgi:app()"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **PLANTED},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3  # it does not try for ever
    assert "DATABASE_URL: can't be taken apart" in done.stderr
    assert "Pl4n" not in done.stdout + done.stderr
