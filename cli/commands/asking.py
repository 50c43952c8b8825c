"""Ask before a change: show a preview, then take --yes or an answer."""

import sys

import click

from cli.output import TroubleError

yes_option = click.option("--yes", is_flag=True, help="Do it without asking.")


def agreed(question: str, *, yes: bool) -> None:
    """Return when the operator agrees; ends the command otherwise.

    Raises TroubleError where nobody can be asked, click.Abort for a no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise TroubleError("Nothing was done: say it again with --yes.")
    click.confirm(question, abort=True, err=True)
