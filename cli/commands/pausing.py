"""Pause and resume: everything, one system's writes, a lane, a doctor."""

from datetime import UTC, datetime, timedelta

import click

from cli.commands.operate import json_option, ring
from cli.environment import opened
from cli.output import TroubleError, print_json, print_table

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class End(click.ParamType[datetime]):
    """A time to come: 30m, 2h, 1d from now, or a time in UTC."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read 30m, 2h, 1d, or a time in UTC."""
        if isinstance(value, datetime):
            return value
        told = str(value)
        unit = _UNITS.get(told[-1:])
        if unit is not None and told[:-1].isdigit() and len(told) < 6:
            return datetime.now(UTC) + timedelta(**{unit: int(told[:-1])})
        try:
            return datetime.fromisoformat(told.removesuffix("Z")).replace(tzinfo=UTC)
        except ValueError:
            return self.fail("write 30m, 2h, 1d, or a time in UTC: 2026-12-24T18:00", param, ctx)


@click.command()
@click.argument("what", required=False)
@click.option("--until", type=End(), help="Resume by itself then: 30m, 2h, 1d, or a time in UTC.")
@json_option
def pause(what: str | None, until: datetime | None, as_json: bool) -> None:
    """Hold back WHAT: nothing of it is written until it is resumed.

    WHAT is everything, drchrono or oncall (writes to that system), live, told, catchup or bulk (a
    lane), or doctor:ID (DrChrono's id). Webhooks are taken in and lists are read meanwhile; what is
    on its way goes on to its end. Without WHAT it lists what is paused.

    \b
    Examples:
      drchrono-oncall pause oncall --until 2h
      drchrono-oncall pause doctor:201
      drchrono-oncall pause
    """
    from sync.operations import pausing

    with opened() as sync:
        if what is not None:
            try:
                pausing.pause(sync, what, until)
            except ValueError as wrong:
                raise TroubleError(str(wrong)) from None
        found = pausing.held(sync)
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("Nothing is paused.")
        return
    rows = (
        (one.what, one.since, one.until or "resumed by hand", one.by, one.waiting) for one in found
    )
    print_table("Paused", ("what", "since", "until", "by", "waiting for it"), rows)


@click.command()
@click.argument("what")
def resume(what: str) -> None:
    """Let WHAT go on that was paused; what waited for it is done now.

    \b
    Example:
      drchrono-oncall resume oncall
    """
    from sync.operations import pausing

    with opened() as sync:
        before = {pausing.said(one.what) for one in pausing.paused(sync)}
        try:
            rings = pausing.resume(sync, what)
        except ValueError as wrong:
            raise TroubleError(str(wrong)) from None
        ring(sync, rings)
    if what not in before:
        click.echo(f"{what} was not paused.")
        return
    click.echo(f"{what} goes on; {len(rings)} visits and people waited for it.")
