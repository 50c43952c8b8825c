"""Colour words at a terminal: nowhere else, and nowhere with NO_COLOR (no-color.org)."""

import os
import sys
from dataclasses import dataclass
from typing import Final

import click

GOOD: Final = "green"
SOON: Final = "yellow"
BAD: Final = "red"
QUIET: Final = "bright_black"


@dataclass(frozen=True, slots=True)
class Shade:
    """A text with the colour that it has where there are colours."""

    text: str
    colour: str


def are_there() -> bool:
    """Whether standard output is a terminal that shows colours, and nobody minds them."""
    quiet = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not quiet


def shaded(text: str, colour: str) -> str:
    """The text in that colour; as it is where there are none."""
    return click.style(text, fg=colour) if are_there() else text
