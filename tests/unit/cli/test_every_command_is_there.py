"""Offer every command, whatever else was imported."""

import subprocess
import sys

import pytest

PRINT_SUBCOMMANDS = """
import importlib, pkgutil, sys
import click
import cli.commands
from cli.main import cli as program

name, everything = sys.argv[1], sys.argv[2] == "everything"
for module in pkgutil.iter_modules(cli.commands.__path__) if everything else ():
    importlib.import_module(f"cli.commands.{module.name}")
group = program.get_command(click.Context(program), name)
print(*group.list_commands(click.Context(group)))
"""


def subcommands(group: str, imported: str) -> list[str]:
    """A process of its own: this one has imported who knows what."""
    asked = [sys.executable, "-c", PRINT_SUBCOMMANDS, group, imported]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split()


@pytest.mark.parametrize(
    ("group", "names"),
    [
        ("attention", ["drop", "ls", "resolve", "retry"]),
        ("keys", ["lost", "renew", "status"]),
        ("mapping", ["check", "rollback", "show", "suggest", "versions"]),
    ],
)
def test_a_group_is_whole_in_a_fresh_process(group: str, names: list[str]) -> None:
    assert subcommands(group, "nothing") == names
    assert subcommands(group, "everything") == names
