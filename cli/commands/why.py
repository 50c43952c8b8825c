"""Answer why a visit or a patient isn't in the other system: the command `why`."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from cli.colours import GOOD, SOON, Shade
from cli.commands.operate import id_argument, json_option
from cli.environment import opened
from cli.output import TroubleError, print_json, print_table, say

if TYPE_CHECKING:
    from sync.operations.why.answer import Answer
    from sync.runtime import Sync

_KINDS = ("appointment", "oncall-appointment", "patient", "doctor")


@click.command()
@click.argument("kind", type=click.Choice(_KINDS), metavar="KIND")
@id_argument
@click.option(
    "--day", type=click.DateTime(["%Y-%m-%d"]), help="Of a doctor: the day, on their own clock."
)
@json_option
def why(kind: str, object_id: str, day: datetime | None, as_json: bool) -> None:
    """Say in one sentence why a visit isn't in the other system, or since when it is.

    KIND is appointment or patient (DrChrono's id), or oncall-appointment (OnCall's id). It costs at
    most two calls, and nothing is written. Of a doctor (DrChrono's id) each visit of a day is said,
    for a call or some. The exit code is 0 when there is an answer.

    \b
    Examples:
      drchrono-oncall why appointment 70211
      drchrono-oncall why oncall-appointment 5001
      drchrono-oncall why patient 88123 --json | jq -r .sentence
      drchrono-oncall why doctor 201 --day 2026-11-30
    """
    if (kind == "doctor") is (day is None):
        raise click.UsageError("A doctor needs --day, and nothing else takes it.")
    from sync.operations.lookup import UnknownError

    with opened() as sync:
        try:
            if day is not None:
                _say_day(sync, object_id, day.date(), as_json=as_json)
            else:
                _say_one(sync, kind, object_id, as_json=as_json)
        except UnknownError as unknown:
            raise TroubleError(str(unknown)) from None


def _say_one(sync: "Sync", kind: str, object_id: str, *, as_json: bool) -> None:
    from sync.operations.why import ask

    answer = ask.why(sync, ask.kind_of(kind), object_id)
    if as_json:
        print_json(answer.as_dict())
        return
    say(answer.sentence, colour=_colour(answer))
    if answer.press:
        say(f"What to do: {answer.press}")
    if answer.address:
        say(f"Open it: {answer.address}")
    if answer.command:
        say(f"Next: drchrono-oncall {answer.command}")


def _colour(answer: "Answer") -> str:
    return SOON if answer.press else GOOD


def _say_day(sync: "Sync", doctor: str, on: date, *, as_json: bool) -> None:
    from sync.operations.why.day import of_day

    found = of_day(sync, doctor, on)
    if as_json:
        visits = [
            {"kind": one.kind, "id": one.id, "starts": one.starts, **one.answer.as_dict()}
            for one in found.entries
        ]
        told = {"doctor": found.doctor, "day": str(found.day), "zone": found.zone}
        print_json({**told, "visits": visits, "whole": found.whole, "trouble": found.trouble})
        return
    print_table(
        f"Doctor {doctor} on {on}, times in {found.zone or 'UTC'}",
        ("at", "which", "why"),
        (
            (_clock(one.starts, found.zone), f"{one.kind} {one.id}", _shaded(one.answer))
            for one in found.entries
        ),
    )
    if found.trouble:
        say(found.trouble)
    if not found.whole:
        click.echo("This is not all of that day.")


def _clock(at: datetime | None, zone: str | None) -> str:
    return "–" if at is None else f"{at.astimezone(ZoneInfo(zone) if zone else UTC):%H:%M}"


def _shaded(answer: "Answer") -> Shade:
    return Shade(" ".join(filter(None, (answer.sentence, answer.press))), _colour(answer))
