"""List what a person must decide, and take the answer: the command `attention`."""

from typing import TYPE_CHECKING

import click

from cli.commands.asking import agreed, yes_option
from cli.commands.by_hand import impossible_told
from cli.commands.operate import json_option, ring, unknown_told
from cli.environment import opened
from cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from sync.operations.attention import OpenItem


@click.group()
def attention() -> None:
    """What a person must decide: list it, try it again, or drop it."""


@attention.command("ls")
@json_option
def attention_ls(as_json: bool) -> None:
    """List what is open, oldest first: what happened, and what to do about it.

    \b
    Examples:
      drchrono-oncall attention ls
      drchrono-oncall attention ls --json | jq '.[] | .cause'
    """
    from sync.operations import attention as operate

    with opened() as sync:
        items = operate.attention_list(sync)
    if as_json:
        print_json(items)
        return
    if not items:
        click.echo("Nothing is open.")
        return
    columns = ("id", "about", "what happened", "what to do")
    print_table("For a person to decide", columns, map(_cells, items))
    click.echo(
        "Next: drchrono-oncall attention resolve ID, attention retry ID or attention drop ID"
    )


def _cells(item: "OpenItem") -> tuple[object, ...]:
    about = f"{item.about} {item.aggregate}" if item.aggregate else item.about
    about += f", {item.object}" if item.object else ""
    return item.id, about, item.sentence, item.press


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
