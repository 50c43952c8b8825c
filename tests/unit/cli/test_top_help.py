"""The help shows each command in one group; a shell completes what is imported late."""

import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from cli.main import COMMANDS, GROUPS, cli

SHELLS = ("bash", "zsh", "fish")


def completed(shell: str, *words: str) -> list[str]:
    """What a shell is offered after these words, by the program's own entry point."""
    line = " ".join(words)
    told = {
        "_DRCHRONO_ONCALL_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": words[-1] if shell == "fish" else str(len(words) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", "from cli.main import main; main()"],
        env={**os.environ, **told},
        check=True,
        capture_output=True,
        text=True,
    )
    assert not done.stderr
    lines = done.stdout.splitlines()
    if shell == "zsh":  # three lines each: kind, word, help
        return lines[1::3]
    return [one.partition(",")[2].partition("\t")[0] for one in lines]


def test_each_command_is_in_one_group() -> None:
    placed = [name for group in GROUPS.values() for name in group]
    assert sorted(placed) == sorted(set(placed))
    assert set(placed) == set(COMMANDS)


def test_the_help_shows_the_groups_in_their_order_and_each_command_once() -> None:
    told = CliRunner().invoke(cli, ["--help"]).output
    heads = [line[:-1] for line in told.splitlines() if line.endswith(":") and line[0] != " "]
    assert heads == ["Options", *GROUPS]
    for group in GROUPS.values():
        for name in group:
            assert sum(line.split()[:1] == [name] for line in told.splitlines()) == 1, name
    assert "..." not in told.partition("Options:")[2]  # each sentence is whole


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_commands_groups_and_choices(shell: str) -> None:
    assert completed(shell, "drchrono-oncall", "go") == ["go-live"]
    assert set(completed(shell, "drchrono-oncall", "attention", "re")) == {"resolve", "retry"}
    assert completed(shell, "drchrono-oncall", "why", "p") == ["patient"]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_is_given_its_script(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from cli.main import main; main()"],
        env={**os.environ, "_DRCHRONO_ONCALL_COMPLETE": f"{shell}_source"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert "drchrono-oncall" in done.stdout, done.stderr


def test_every_command_of_the_table_is_one() -> None:
    context = click.Context(cli)
    assert all(isinstance(cli.get_command(context, name), click.Command) for name in COMMANDS)
