"""Bring in what the record has already: the charts or the appointments of one system."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli.commands.asking import yes_option
from cli.commands.bringing_in import endings, sending
from cli.commands.operate import json_option, ring
from cli.environment import opened
from cli.output import TroubleError, say
from sync.core.batch.model import OVER, Kind, State

if TYPE_CHECKING:
    from sync.core.batch.model import Batch
    from sync.runtime import Sync

KINDS: Final = {"patients": Kind.BACKFILL_PATIENTS, "appointments": Kind.BACKFILL_APPOINTMENTS}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read: one with the same is the same."""

    kind: Kind
    source: str
    since: date | None
    doctor: str | None

    def is_of(self, options: Mapping[str, object]) -> bool:
        """Whether a batch was begun with these."""
        since = None if self.since is None else self.since.isoformat()
        told = {"source": self.source, "since": since, "doctor": self.doctor}
        return {name: options.get(name) for name in told} == told


@click.command()
@click.argument("what", type=click.Choice(list(KINDS)), metavar="patients|appointments")
@click.option(
    "--from",
    "source",
    type=click.Choice(("drchrono", "oncall")),
    default="drchrono",
    show_default=True,
    help="The system that is read; what it has is made in the other.",
)
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Only what was changed since this day.",
)
@click.option("--doctor", metavar="ID", help="Only this doctor's, by DrChrono's id.")
@sending.dry_run_option
@yes_option
@sending.result_option
@json_option
def backfill(
    what: str, result: Path | None, dry_run: bool, yes: bool, as_json: bool, **told: Any
) -> None:
    """Make in one system what the other has already.

    Reads all of it by the cheapest way, compares, and counts before anything is sent. One that was
    begun with the same options and is not over is gone on with. Exit status as of import.

    \b
    Examples:
      drchrono-oncall backfill patients --dry-run
      drchrono-oncall backfill appointments --since 2026-12-01 --doctor 201 --yes
      drchrono-oncall backfill patients --from oncall
    """
    how = sending.How(dry_run, yes, result, as_json)
    since: datetime | None = told["since"]
    wanted = Wanted(KINDS[what], told["source"], since and since.date(), told["doctor"])
    with endings.nothing_sent(as_json=as_json) as begun, opened() as sync:
        there = None if dry_run else _there(sync, wanted)
        if there is None:
            batch = _begun(sync, wanted)
        else:
            batch = there.id
            say(f"Batch {batch} is gone on with: it was begun with the same options.", err=True)
            begun.begun = there.state is not State.PLANNED and there.state is not State.PLANNING
            _resumed(sync, there)
        ended = sending.plan_and_send(sync, batch, how, begun, ours=there is None)
    sys.exit(ended)


def _there(sync: "Sync", wanted: Wanted) -> "Batch | None":
    """The newest one that was begun with the same options and is not over."""
    from sync.batches import showing

    for one in showing.listed(sync, imports=False):
        same = one.kind is wanted.kind and wanted.is_of(one.options)
        if same and one.state not in OVER and one.state is not State.ENDING:
            return one
    return None


def _begun(sync: "Sync", wanted: Wanted) -> int:
    from sync.batches import steering

    try:
        batch, rings = steering.open_backfill(
            sync, wanted.kind, source=wanted.source, since=wanted.since, doctor=wanted.doctor
        )
    except LookupError as refused:
        raise TroubleError(str(refused)) from None
    ring(sync, rings)
    return batch


def _resumed(sync: "Sync", there: "Batch") -> None:
    from sync.batches import steering

    if there.state is State.PAUSED:
        try:
            ring(sync, steering.resume(sync, there.id))
        except LookupError as refused:
            raise TroubleError(str(refused)) from None
