"""List what a person must decide, and take the answer: the command `attention`."""

from typing import TYPE_CHECKING

import click

from cli.colours import SOON, Shade
from cli.commands.asking import agreed, yes_option
from cli.commands.by_hand import impossible_told
from cli.commands.operate import json_option, ring, unknown_told
from cli.environment import opened
from cli.output import TroubleError, plain, print_json, print_table, say

if TYPE_CHECKING:
    from sync.operations.attention import OpenItem

_NOTHING = "Nothing is open."


@click.group()
def attention() -> None:
    """What a person must decide: list it, try it again, or drop it."""


@attention.command("ls")
@click.option("--cause", default="", metavar="CAUSE", help="Only this cause, as --json names it.")
@click.option("--about", default="", metavar="WHAT", help="Only visit, person or service.")
@click.option("--older", default="", metavar="AGE", help="Older than hour, day, week or month.")
@click.option("--find", default="", metavar="ID", help="About this id, or naming it.")
@json_option
def attention_ls(cause: str, about: str, older: str, find: str, as_json: bool) -> None:
    """List what is open, oldest first: what happened, and what to do about it.

    ID is of either system, alone or behind its kind (`appointment 70211`, `contact 771`), or a
    pasted address.

    \b
    Examples:
      drchrono-oncall attention ls
      drchrono-oncall attention ls --cause patient_without_email --older day
      drchrono-oncall attention ls --find "patient 88123"
      drchrono-oncall attention ls --json | jq '.[] | .cause'
    """
    from sync.operations.inbox import listing
    from sync.operations.inbox.asked import Asked
    from sync.operations.lookup import UnknownError

    with opened() as sync:
        try:
            rows = list(listing.every(sync, Asked(cause, about, older, find)))
        except UnknownError as reason:
            raise TroubleError(str(reason)) from None
    if as_json:
        print_json([plain(row.item) | {"title": row.title, "ids": row.ids} for row in rows])
        return
    if not rows:
        click.echo("Nothing like that is open." if cause or about or older or find else _NOTHING)
        return
    columns = ("id", "about", "what happened", "what to do")
    print_table("For a person to decide", columns, (_cells(row.item) for row in rows))
    click.echo(
        "Next: drchrono-oncall attention resolve ID, attention retry ID or attention drop ID"
    )


def _cells(item: "OpenItem") -> tuple[object, ...]:
    about = f"{item.about} {item.aggregate}" if item.aggregate else item.about
    about += f", {item.object}" if item.object else ""
    return item.id, about, Shade(item.sentence, SOON), item.press


@attention.command("retry")
@click.argument("item", type=int, metavar="ID")
def attention_retry(item: int) -> None:
    """Close an item and try what it is about again.

    \b
    Example:
      drchrono-oncall attention retry 12
    """
    from sync.operations import attention as operate

    with opened() as sync, unknown_told("attention item", str(item)):
        ring(sync, operate.attention_retry(sync, item) or ())
    click.echo(f"Item {item} is closed, and what it is about is tried again.")


@attention.command("drop")
@click.argument("item", type=int, metavar="ID")
def attention_drop(item: int) -> None:
    """Close an item and leave things as they are.

    \b
    Example:
      drchrono-oncall attention drop 12
    """
    from sync.operations import attention as operate

    with opened() as sync, unknown_told("attention item", str(item)):
        operate.attention_drop(sync, item)
    click.echo(f"Item {item} is closed.")


@attention.command("resolve")
@click.argument("item", type=int, metavar="ID")
@click.argument("chosen", required=False, metavar="[CANDIDATE|none]")
@yes_option
def attention_resolve(item: int, chosen: str | None, yes: bool) -> None:
    """Say which candidate it is, or that it is none of them. Without an answer, show them.

    What is shown is read from the two systems now; it is kept nowhere.

    \b
    Examples:
      drchrono-oncall attention resolve 12
      drchrono-oncall attention resolve 12 88123
      drchrono-oncall attention resolve 12 none --yes
    """
    from sync.core.causes import table
    from sync.operations.hand import resolve

    with opened() as sync, impossible_told():
        asked = resolve.question(sync, item)
        said = table.say(asked.cause)
        say(said.sentence)
        say(f"It is about: {asked.subject}")
        for one in asked.candidates:
            say(f"  {asked.kind} {one.id}: {one.words}")
        if not asked.candidates:
            say(f"  no candidates: name the id of a {asked.kind}, or none")
        if chosen is None:
            return
        agreed(f"Is it {chosen}?", yes=yes)
        ring(sync, resolve.resolve(sync, item, chosen))
    click.echo(f"Item {item} is answered.", err=True)
