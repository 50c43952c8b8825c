"""Show what a doctor's changed time zone means, and carry it to the other system."""

import click

from cli.commands.asking import agreed, yes_option
from cli.commands.operate import json_option, ring
from cli.environment import opened
from cli.output import print_json, print_table


@click.command("zones")
@click.option("--look", "look_now", is_flag=True, help="Ask DrChrono for its doctors first.")
@click.option("--accept", is_flag=True, help="Move the visits to come, after asking.")
@click.option("--doctor", multiple=True, metavar="ID", help="Only this doctor; may be repeated.")
@yes_option
@json_option
def zones(look_now: bool, accept: bool, doctor: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Show which doctors have another time zone now, and how many visits to come it moves.

    Their wall clocks in DrChrono stay, so in OnCall these visits begin at another instant, and
    their patients get a mail. Nothing moves before it is accepted here (or where the mapping says
    on_zone_change = "carry").

    \b
    Examples:
      drchrono-oncall zones
      drchrono-oncall zones --accept --doctor 201
    """
    from sync.visits.state import zones as engine

    with opened() as sync:
        if look_now:
            ring(sync, engine.look(sync))
        found = [one for one in engine.changes(sync) if not doctor or one.doctor in doctor]
        if as_json:
            print_json(found)
        else:
            names = ("doctor", "stands by", "zone now", "visits to come", "mails", "state")
            rows = [
                (
                    *(one.doctor, ", ".join(one.before), one.now, one.visits, one.mails),
                    "under way" if one.carried else "to be accepted",
                )
                for one in found
            ]
            print_table("Changed time zones", names, rows)
        asked = [one for one in found if not one.carried]
        if not accept or not asked:
            return
        visits, mails = sum(one.visits for one in asked), sum(one.mails for one in asked)
        agreed(f"Move {visits} visits ({mails} mails)?", yes=yes)
        ring(sync, engine.accept(sync, [one.doctor for one in asked]))
    click.echo(f"Accepted; {visits} visits are moved.", err=True)
