"""Put a link right by hand: show what follows, then do it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from cli.commands.asking import agreed, yes_option
from cli.commands.operate import id_argument, kind_argument, ring
from cli.environment import opened
from cli.output import TroubleError, say

if TYPE_CHECKING:
    from sync.operations.hand.by_hand import Preview
    from sync.runtime import Ring, Sync


@click.command()
@click.argument("kind", type=click.Choice(["visit", "person"]), metavar="KIND")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@yes_option
def pair(kind: str, a: str, b: str, yes: bool) -> None:
    """Link A of DrChrono with B of OnCall: they are the same.

    KIND is visit (A an appointment's id, B an OnCall appointment's) or person (A a patient's id, B
    a contact's).

    \b
    Examples:
      drchrono-oncall pair visit 70211 5001
      drchrono-oncall pair person 88123 771 --yes
    """
    from sync.operations.hand import pair as pairing

    _done(
        lambda sync: pairing.pair_preview(sync, kind, a, b),
        lambda sync: pairing.pair(sync, kind, a, b),
        yes=yes,
    )


@click.command()
@kind_argument
@id_argument
@yes_option
def unlink(kind: str, object_id: str, yes: bool) -> None:
    """Take apart what was linked wrongly; the two are never paired again.

    KIND is appointment, oncall-appointment or visit for the two sides of a visit, contact for a
    contact and its patient. Of a group visit appointment takes one member out, the others stay.

    \b
    Examples:
      drchrono-oncall unlink appointment 70211
      drchrono-oncall unlink contact 771 --yes
    """
    from sync.operations.hand import by_hand

    _done(
        lambda sync: by_hand.unlink_preview(sync, kind, object_id),
        lambda sync: by_hand.unlink(sync, kind, object_id),
        yes=yes,
    )


@click.command()
@click.argument("side", type=click.Choice(["drchrono", "oncall"]), metavar="drchrono|oncall")
@kind_argument
@id_argument
@click.argument("fields", nargs=-1, metavar="[FIELD]...")
@yes_option
def keep(side: str, kind: str, object_id: str, fields: tuple[str, ...], yes: bool) -> None:
    """Have one side's fields overwrite the other's, where they differ.

    Of a visit: starts, minutes, type, provider, state. Of a person (drchrono only): first_name,
    last_name, email, phone, birth_date, sex. Without FIELD every one that differs.

    Of a group visit each appointment is compared with it; KIND appointment compares that one only,
    and state is then whether that member comes.

    \b
    Examples:
      drchrono-oncall keep oncall appointment 70211 starts
      drchrono-oncall keep drchrono patient 88123 email --yes
    """
    from sync.operations.hand import keep as keeping_side

    _done(
        lambda sync: keeping_side.keep_preview(sync, side, kind, object_id, fields),
        lambda sync: keeping_side.keep(sync, side, kind, object_id, fields),
        yes=yes,
    )


@click.command()
@click.argument("patient", metavar="PATIENT")
@click.option("--undo", is_flag=True, help="Sync the patient again.")
@yes_option
def exclude(patient: str, undo: bool, yes: bool) -> None:
    """Stop syncing a patient (DrChrono's id); what stands stays as it is.

    \b
    Examples:
      drchrono-oncall exclude 88123
      drchrono-oncall exclude 88123 --undo --yes
    """
    from sync.operations.hand import by_hand

    _done(
        lambda sync: by_hand.exclude_preview(sync, patient, undo=undo),
        lambda sync: by_hand.exclude(sync, patient, undo=undo),
        yes=yes,
    )


def _done(
    preview: "Callable[[Sync], Preview]",
    act: "Callable[[Sync], tuple[Ring, ...]]",
    *,
    yes: bool,
) -> None:
    """Show what follows, ask, do it, and tell the workers."""
    with opened() as sync, impossible_told():
        found = preview(sync)
        for line in found.lines:
            say(line)
        click.echo(f"Mails: {found.mails}")
        agreed("Do it?", yes=yes)
        ring(sync, act(sync))
    click.echo("Done; the workers go on from here.", err=True)


@contextmanager
def impossible_told() -> Iterator[None]:
    """Turn what the engine says about a wrong id, or an impossible wish, into a message."""
    from sync.operations.hand.by_hand import NotPossibleError
    from sync.operations.lookup import BusyError

    try:
        yield
    except (LookupError, NotPossibleError) as reason:
        raise TroubleError(str(reason)) from None
    except BusyError as busy:
        raise TroubleError(
            f"Not just now ({busy.code}): try again at {busy.until:%H:%M:%S} UTC."
        ) from None
