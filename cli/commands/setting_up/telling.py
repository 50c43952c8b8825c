"""Write the steps of the set-up as lines."""

from typing import Final

import click

from cli.colours import BAD, GOOD, QUIET, SOON, shaded
from cli.output import say
from sync.setup.walk.model import State, Step, Walk

_SIGNS: Final = {
    State.DONE: ("ok", GOOD),
    State.TODO: ("to do", SOON),
    State.WAITS: ("waits", QUIET),
    State.WRONG: ("WRONG", BAD),
}


def show(found: Walk) -> None:
    """One line for each step."""
    for number, step in enumerate(found.steps, start=1):
        sign, colour = _SIGNS[step.state]
        say_shaded(f"{number:>2}  {sign:<6}", colour, step.title)
        if step.missing and step.state is not State.WAITS:
            say(f"            {step.missing}")
    click.echo()


def tell(step: Step) -> None:
    """What is missing in one step, and what to do; what is entered elsewhere."""
    click.echo(shaded(step.title, SOON))
    for line in (step.missing, step.do):
        if line:
            say(f"  {line}")
    for one in step.enter:
        say(f"  {one.where}: {one.text}")
    if step.command:
        say(f"  In the terminal: drchrono-oncall {step.command}")


def say_shaded(head: str, colour: str, rest: str) -> None:
    """A line whose head has a colour."""
    click.echo(f"{shaded(head, colour)}  {rest}")
