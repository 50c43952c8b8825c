"""Walk through the set-up in the terminal: the command `setup`."""

import sys

import click

from cli.commands.operate import json_option
from cli.commands.setting_up.telling import show, tell
from cli.environment import opened
from cli.output import TROUBLE, print_json
from sync.settings_read import missing_settings, settings_anyway
from sync.setup.walk.model import Walk


@click.command()
@json_option
def setup(as_json: bool) -> None:
    """Walk through the set-up: say what is missing, do what can be done here, wait for the rest.

    It can be left at any time (Ctrl-C) and goes on at the first open step. Where it is no terminal
    it says how each step stands, and ends. The exit code is 0 when all of it is done.

    \b
    Examples:
      drchrono-oncall setup
      drchrono-oncall setup --json | jq -r .next
    """
    found, wrong = settings_anyway()
    if wrong or missing_settings(found) is not None:
        from sync.setup.walk.known import of_settings
        from sync.setup.walk.steps import walk

        _end(walk(of_settings(found, wrong)), as_json=as_json)
    from cli.commands.setting_up.walking import Walker

    with opened(anyway=True) as sync:
        walker = Walker(sync)
        if not as_json and _at_a_terminal():
            show(walker.look())
            walker.go()
        _end(walker.look(), as_json=as_json)


def _at_a_terminal() -> bool:
    """Whether somebody can be asked, and sees it."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _end(found: Walk, *, as_json: bool) -> None:
    """Say how all of it stands, and end with the exit code for that."""
    if as_json:
        print_json(found)
    else:
        show(found)
        step = found.step(found.next)
        if step is None:
            click.echo("All of it is done.")
        else:
            tell(step)
            click.echo("Then run drchrono-oncall setup again: it goes on here.")
    sys.exit(0 if found.complete else TROUBLE)
