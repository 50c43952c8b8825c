"""Show what going live would do, and do it on the operator's word."""

import click

from cli.commands.asking import agreed, yes_option
from cli.commands.operate import json_option, ring
from cli.environment import opened
from cli.output import TroubleError, plain, print_json, print_table


@click.command("go-live")
@click.option("--dry-run", is_flag=True, help="Show what it would do, and stop.")
@yes_option
@json_option
def go_live(dry_run: bool, yes: bool, as_json: bool) -> None:
    """Compare what both systems have, show what would be made, and allow it.

    Nothing is made in either system before this was accepted (or where GO_LIVE is auto). Calls
    are what such visits usually cost; mails are the most there can be.

    \b
    Examples:
      drchrono-oncall go-live --dry-run
      drchrono-oncall go-live --yes
    """
    from sync.matching import preview as engine

    with opened() as sync:
        try:
            found = engine.preview(sync)
        except engine.NotConnectedError as missing:
            raise TroubleError(str(missing)) from None
        if as_json:
            print_json(found)
        else:
            _show(found)
        if dry_run:
            return
        if found.accepted:
            click.echo("It was accepted before.", err=True)
            return
        agreed("Go live with this?", yes=yes)
        waited = engine.accept(sync)
        ring(sync, waited)
    mode = str(sync.settings.sync_mode)
    click.echo(f"Accepted; {len(waited)} visits and people waited for it. Mode: {mode}.", err=True)


def _show(preview: object) -> None:
    told = plain(preview)
    causes = told.pop("to_decide")
    rows = ((name.replace("_", " "), value) for name, value in told.items())
    print_table("Going live", ("what", "count"), rows)
    if causes:
        from sync.core.causes.table import say

        decide = ((say(cause).sentence, count) for cause, count in causes.items())
        print_table("For a person to decide, or to put right", ("what", "count"), decide)
