"""List alerts, say that one is seen, keep one quiet, and try the channels."""

import sys
from datetime import datetime

import click

from cli.commands.operate import json_option
from cli.commands.pausing import End
from cli.environment import opened
from cli.output import TROUBLE, TroubleError, plain, print_json, print_table, unknown_told


@click.group()
def alerts() -> None:
    """Problems that people outside are told of: once, with reminders, and when they are over."""


@alerts.command("ls")
@json_option
def alerts_ls(as_json: bool) -> None:
    """List what is wrong now, since when, and who knows.

    \b
    Example:
      drchrono-oncall alerts ls
    """
    from sync.operations.alerting import shown

    with opened() as sync:
        found = shown.shown(sync)
    if as_json:
        print_json([plain(one) | plain(one.alert) | {"alert": one.alert.id} for one in found])
        return
    if not found:
        click.echo("Nothing is wrong.")
        return
    columns = ("id", "since", "what", "what to do", "last told", "not by", "next", "seen by")
    rows = (
        (
            *(str(one.alert.id), one.alert.began_at),
            one.problem.sentence if one.problem else one.alert.name,
            *(one.problem.press if one.problem else "", one.last_at, ", ".join(one.unheard)),
            *(one.next_at, one.alert.acknowledged),
        )
        for one in found
    )
    print_table("Alerts", columns, rows)


@alerts.command("ack")
@click.argument("number", type=int, metavar="ID")
def alerts_ack(number: int) -> None:
    """Say that somebody sees to it: no more reminders. Its end is told.

    \b
    Example:
      drchrono-oncall alerts ack 3
    """
    from sync.operations.alerting import tell

    with opened() as sync, unknown_told():
        tell.acknowledge(sync, number)
    click.echo("No more reminders of it.")


@alerts.command("snooze")
@click.argument("number", type=int, metavar="ID")
@click.option("--until", type=End(), required=True, help="30m, 2h, 1d, or a time in UTC.")
def alerts_snooze(number: int, until: datetime) -> None:
    """Send no reminder of it before a time.

    \b
    Example:
      drchrono-oncall alerts snooze 3 --until 4h
    """
    from sync.operations.alerting import tell

    with opened() as sync, unknown_told():
        tell.snooze(sync, number, until)
    click.echo(f"Quiet until {until:%Y-%m-%d %H:%M} UTC.")


@alerts.command("remind")
@click.argument("number", type=int, metavar="ID")
def alerts_remind(number: int) -> None:
    """Remind of it again: take back `ack` and `snooze`.

    \b
    Example:
      drchrono-oncall alerts remind 3
    """
    from sync.operations.alerting import tell

    with opened() as sync, unknown_told():
        tell.remind(sync, number)
    click.echo("Reminders come again.")


@alerts.command("test")
def alerts_test() -> None:
    """Tell a test by each channel that is set up. The exit code is 1 when one did not take it.

    \b
    Example:
      drchrono-oncall alerts test
    """
    from sync.operations.alerting import tell

    with opened() as sync:
        told = tell.try_out(sync)
    if not told:
        raise TroubleError("No channel is set up: ALERT_EMAIL, ALERT_WEBHOOK or ALERT_APPRISE.")
    for channel, wrong in told:
        click.echo(f"{channel}: {'told' if not wrong else f'not told: {wrong}'}")
    if any(wrong for _, wrong in told):
        sys.exit(TROUBLE)
