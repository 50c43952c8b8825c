"""Have our pages shown inside DrChrono, or no longer."""

import click

from cli.environment import opened
from cli.output import TroubleError

_NOT_YET = (
    "DrChrono has not approved the framed pages of this application yet ({0}): its developers look "
    "at them first. Register {1}/iframe/patient and {1}/iframe/clinical-note with the application, "
    "ask for the review, and run this again."
)


@click.group()
def iframe() -> None:
    """The pages inside DrChrono that say whether a patient or a visit is in OnCall."""


@iframe.command()
def enable() -> None:
    """Show them on DrChrono's patient page and clinical note.

    It acts for the doctor whose account is connected.

    \b
    Example:
      drchrono-oncall iframe enable
    """
    _switch(shown=True)
    click.echo("DrChrono shows the pages now, for the doctor whose account is connected.")


@iframe.command()
def disable() -> None:
    """Show them no longer.

    \b
    Example:
      drchrono-oncall iframe disable
    """
    _switch(shown=False)
    click.echo("DrChrono does not show the pages any more.")


def _switch(*, shown: bool) -> None:
    from sync.core.errors import Gone, Refused
    from sync.operations.framed.switch import switch

    with opened() as sync:
        try:
            switch(sync, shown=shown)
        except (Refused, Gone) as refusal:
            raise TroubleError(_NOT_YET.format(refusal.code, sync.settings.public_url)) from None
