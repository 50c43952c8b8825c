"""Help with an example, name plain errors, and exit with the right code."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from click.testing import CliRunner

from cli.environment import own_names, read_env_file, without_settings
from cli.main import cli
from cli.output import TroubleError, plain, seconds_text
from sync.settings_read import load_settings


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    """In an empty directory and with none of our settings in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in own_names():
        monkeypatch.delenv(name, raising=False)
    load_settings.cache_clear()
    yield CliRunner()
    load_settings.cache_clear()


def test_the_commands_are_those_of_the_documentation() -> None:
    assert {" ".join(path) for path in commands(cli)} >= {
        *("run", "web", "worker", "beat", "migrate", "connect", "check", "status"),
        "disconnect",
        *("mapping suggest", "mapping check", "resync", "plan", "explain", "healthcheck"),
        *("attention ls", "attention retry", "attention drop"),
    }


@pytest.mark.parametrize("path", list(commands(cli)), ids=" ".join)
def test_each_help_has_an_example(path: tuple[str, ...], runner: CliRunner) -> None:
    result = runner.invoke(cli, [*path, "--help"])
    assert result.exit_code == 0
    assert "Example" in result.output
    assert "drchrono-oncall " + path[0] in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["resync"],
        ["resync", "doctor", "1"],
        ["run", "--port", "70000"],
        ["run", "--workers", "0"],
        ["healthcheck", "redis"],
        ["attention", "retry", "abc"],
        ["--env", "not-there.env", "status"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], runner: CliRunner) -> None:
    assert runner.invoke(cli, arguments).exit_code == 2


def test_wrong_settings_are_named_without_their_values(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "s3cret-port")
    monkeypatch.setenv("SYNC_MODE", "s3cret-mode")
    monkeypatch.setenv("BUDGET_RESERVE", "7")
    result = runner.invoke(cli, ["migrate"])
    assert result.exit_code == 1
    assert "PORT: write a whole number, in digits alone" in result.output
    assert "SYNC_MODE: write 'shadow', 'live' or 'paused'" in result.output
    assert "BUDGET_RESERVE: write less than 1" in result.output
    assert "s3cret" not in result.output


def test_missing_keys_are_named_with_how_to_make_them(runner: CliRunner) -> None:
    result = runner.invoke(cli, ["mapping", "suggest"])
    assert result.exit_code == 1
    assert "DIGEST_KEYS: a long random word" in result.output
    assert "ENCRYPTION_KEYS: a Fernet key" in result.output


def test_migrate_makes_the_database_and_may_be_run_again(runner: CliRunner, tmp_path: Path) -> None:
    environment = {"DATABASE_URL": f"sqlite:///{tmp_path / 'some' / 'sync.db'}"}
    for _ in range(2):
        result = runner.invoke(cli, ["migrate"], env=environment)
        assert result.exit_code == 0
        assert "up to date" in result.output
    assert (tmp_path / "some" / "sync.db").exists()


def test_a_database_without_tables_says_migrate(runner: CliRunner, tmp_path: Path) -> None:
    environment = {"DATABASE_URL": f"sqlite:///{tmp_path / 'sync.db'}"}
    result = runner.invoke(cli, ["healthcheck", "worker"], env=environment)
    assert result.exit_code == 1
    assert "drchrono-oncall migrate" in result.output


def test_a_database_that_is_away_is_told_without_its_address(runner: CliRunner) -> None:
    url = "postgresql://user:s3cret@127.0.0.1:1/clinic"
    result = runner.invoke(cli, ["healthcheck", "beat"], env={"DATABASE_URL": url})
    assert result.exit_code == 1
    assert "look at DATABASE_URL" in result.output
    assert "s3cret" not in result.output


def test_a_web_process_that_is_not_there_is_not_well(runner: CliRunner) -> None:
    result = runner.invoke(cli, ["healthcheck", "web", "--json"], env={"PORT": "1"})
    assert result.exit_code == 1
    assert json.loads(result.output)["ok"] is False


def test_mapping_check_names_the_line(runner: CliRunner, tmp_path: Path) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text('[policy]\ndirection = "sideways"\n')
    environment = {"MAPPING_FILE": str(path)}
    result = runner.invoke(cli, ["mapping", "check"], env=environment)
    assert result.exit_code == 1
    assert "mapping.toml line 2: policy.direction" in result.output
    told = json.loads(runner.invoke(cli, ["mapping", "check", "--json"], env=environment).output)
    assert told["ok"] is False
    assert len(told["problems"]) == 1


def test_mapping_check_accepts_a_right_file(runner: CliRunner, tmp_path: Path) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text("[[doctors]]\ndrchrono = 1\noncall_provider = 2\noncall_division = 3\n")
    result = runner.invoke(cli, ["mapping", "check"], env={"MAPPING_FILE": str(path)})
    assert result.exit_code == 0
    assert "1 doctor" in result.output


def test_env_files_hold_names_and_values(tmp_path: Path) -> None:
    path = tmp_path / "world.env"
    path.write_text("# a comment\n\nPORT=8000\nDRCHRONO_SCOPES=a b=c\n")
    assert read_env_file(path) == {"PORT": "8000", "DRCHRONO_SCOPES": "a b=c"}
    path.write_text("PORT=8000\nnonsense s3cret\n")
    with pytest.raises(TroubleError, match="line 2: write NAME=value") as told:
        read_env_file(path)
    assert "s3cret" not in str(told.value)


def test_nothing_of_our_settings_leaks_into_another_world() -> None:
    environment = {"PATH": "/bin", "DATABASE_URL": "x", "digest_keys": "y", "REDIS_URL": "z"}
    assert without_settings(environment) == {"PATH": "/bin"}


class Lane(IntEnum):
    LIVE = 0


class Ring(NamedTuple):
    aggregate: int
    lane: Lane


@dataclass(frozen=True)
class Shown:
    at: datetime
    rings: tuple[Ring, ...]
    counts: dict[Lane, int]


def test_json_is_plain() -> None:
    shown = Shown(datetime(2027, 1, 2, 3, 4, tzinfo=UTC), (Ring(7, Lane.LIVE),), {Lane.LIVE: 2})
    assert plain(shown) == {
        "at": "2027-01-02T03:04:00Z",
        "rings": [{"aggregate": 7, "lane": "live"}],
        "counts": {"live": 2},
    }


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0.85, "850 ms"), (12, "12 s"), (240, "4 min"), (10800, "3 h"), (172800, "2 d")],
)
def test_lengths_of_time_read_well(seconds: float | None, text: str) -> None:
    assert seconds_text(seconds) == text
