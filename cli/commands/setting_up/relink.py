"""Rebuild the links when the database was lost, or is an older copy."""

import click

from cli.commands.asking import agreed, yes_option
from cli.commands.operate import json_option, ring
from cli.environment import opened
from cli.output import TroubleError, counted, plain, print_json, print_table

FOREIGN = (
    "No marker was written by this installation: {0} name another one, or were made with a key of "
    "DIGEST_KEYS that is not configured. Put the old keys behind the present one."
)
AGAIN = "A worker was at a part of it; the beat goes on with it, or run this again."


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what the markers say, and stop.")
@yes_option
@json_option
def relink(dry_run: bool, yes: bool, as_json: bool) -> None:
    """Rebuild all links from the markers in both systems.

    For a database that was lost (connect an empty one first), or is an older copy. Nothing is
    written to either system and nobody is mailed; what differs by now is seen to afterwards, by
    the mapping's rules. Until it is done, nothing else is worked on.

    \b
    Examples:
      drchrono-oncall relink --dry-run
      drchrono-oncall relink --yes
    """
    from sync.matching import match
    from sync.matching import relink as engine
    from sync.matching.preview import NotConnectedError

    with opened() as sync:
        try:
            with counted() as told:
                scan = engine.read(sync, told)
        except NotConnectedError as missing:
            raise TroubleError(str(missing)) from None
        found = engine.preview(scan)
        if as_json:
            print_json(found)
        else:
            rows = ((name.replace("_", " "), value) for name, value in plain(found).items())
            print_table("By the markers", ("what", "count"), rows)
        if found.foreign and not found.visits:
            raise TroubleError(FOREIGN.format(found.foreign))
        if dry_run:
            return
        if not found.visits:
            click.echo("No visit bears a marker: there is nothing to rebuild.", err=True)
            return
        agreed("Rebuild the links?", yes=yes)
        engine.begin(sync)
        with counted() as scan.progress:
            rings, whole = match.match(scan)
        ring(sync, rings)
    if not whole:
        raise TroubleError(AGAIN)
    click.echo("Rebuilt; the workers look at what differs.", err=True)
