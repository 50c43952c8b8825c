"""Answer why a visit or a patient isn't in the other system: the command `why`."""

import click

from cli.colours import GOOD, SOON
from cli.commands.operate import id_argument, json_option
from cli.environment import opened
from cli.output import TroubleError, print_json, say

_KINDS = ("appointment", "oncall-appointment", "patient")


@click.command()
@click.argument("kind", type=click.Choice(_KINDS), metavar="KIND")
@id_argument
@json_option
def why(kind: str, object_id: str, as_json: bool) -> None:
    """Say in one sentence why a visit isn't in the other system, or since when it is.

    KIND is appointment or patient (DrChrono's id), or oncall-appointment (OnCall's id). It costs at
    most two calls, and nothing is written. The exit code is 0 when there is an answer.

    \b
    Examples:
      drchrono-oncall why appointment 70211
      drchrono-oncall why oncall-appointment 5001
      drchrono-oncall why patient 88123 --json | jq -r .sentence
    """
    from sync.operations.lookup import UnknownError
    from sync.operations.why import ask

    with opened() as sync:
        try:
            answer = ask.why(sync, ask.kind_of(kind), object_id)
        except UnknownError as unknown:
            raise TroubleError(str(unknown)) from None
    if as_json:
        print_json(answer.as_dict())
        return
    say(answer.sentence, colour=SOON if answer.press else GOOD)
    if answer.press:
        say(f"What to do: {answer.press}")
    if answer.address:
        say(f"Open it: {answer.address}")
    if answer.command:
        say(f"Next: drchrono-oncall {answer.command}")
