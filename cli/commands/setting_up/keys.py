"""Show the digest keys, and give up one that is lost."""

import sys
from typing import TYPE_CHECKING

import click

from cli.commands.operate import json_option
from cli.environment import opened
from cli.output import TROUBLE, print_json, print_table

if TYPE_CHECKING:
    from sync.setup.keys import KeyStatus


@click.group()
def keys() -> None:
    """DIGEST_KEYS: which rows need which key, and what to do when one is lost."""


@keys.command()
@json_option
def status(as_json: bool) -> None:
    """Show each key and how many rows need it; keys are named by their ids, never shown.

    An older key may go from DIGEST_KEYS when nothing needs it. The exit code is 1 while one is
    needed and missing.

    \b
    Example:
      drchrono-oncall keys status
    """
    from sync.setup.keys import status as found_keys

    with opened(anyway=True) as sync:
        found = found_keys(sync)
    if as_json:
        print_json(found)
    else:
        rows = []
        for one in found:
            needed = ", ".join(f"{count} {what}" for what, count in one.needed.items())
            rows.append((one.key_id, _said(one), needed or "-"))
        print_table("Digest keys", ("key", "", "needed by"), rows)
    if any(not one.configured and not one.lost and one.needed for one in found):
        sys.exit(TROUBLE)


def _said(one: "KeyStatus") -> str:
    if one.current:
        word = "current"
    elif one.configured:
        word = "read with"
    else:
        word = "given up" if one.lost else "MISSING"
    return f"{word}, names the markers: keep it with the backups" if one.names else word


@keys.command()
@click.confirmation_option(
    prompt="Visits that differ between both systems will wait for a person. Give the keys up?"
)
def lost() -> None:
    """Say that the missing keys are lost for good, so that work goes on without them.

    What they were made for is unknown then: where both systems say the same it is settled anew, and
    where they differ a person is asked; nothing is written or ended for it. Should a key be found,
    put it behind the others in DIGEST_KEYS, and what waits goes on.

    \b
    Example:
      drchrono-oncall keys lost --yes
    """
    from sync.setup.keys import give_up

    with opened(anyway=True) as sync:
        given_up = give_up(sync)
    if given_up:
        click.echo(f"Given up: {', '.join(given_up)}. Start the processes again.")
    else:
        click.echo("No key is missing.")


@keys.command()
@click.option(
    "--most",
    type=click.IntRange(1, 100_000),
    default=1000,
    show_default=True,
    help="How many contacts to read at most.",
)
def renew(most: int) -> None:
    """Take the current key over for OnCall's contacts, which no list shows whole.

    One OnCall call each, none of DrChrono. Whatever else needs an older key is taken over within a
    day, as the nightly lists show it.

    \b
    Example:
      drchrono-oncall keys renew
    """
    from sync.operations.renew import contacts

    with opened() as sync:
        left = contacts(sync, most)
    click.echo(f"{left} contacts are left." if left else "No contact is left.")
