"""Bring patients or appointments of a file in."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click

from cli.commands.asking import yes_option
from cli.commands.bringing_in import endings, results, sending
from cli.commands.bringing_in.columns import WrongOptionError, chosen, what_to_add
from cli.commands.bringing_in.telling import show_columns
from cli.commands.operate import json_option, ring
from cli.environment import opened
from cli.output import TroubleError
from sync.core.batch.model import Kind
from sync.hosting import reason

if TYPE_CHECKING:
    from sync.batches.showing import Columns
    from sync.runtime import Sync

KINDS: Final = {"patients": Kind.IMPORT_PATIENTS, "appointments": Kind.IMPORT_APPOINTMENTS}


@dataclass(frozen=True, slots=True)
class Named:
    """What was said of the file's columns."""

    kind: Kind
    pairs: tuple[str, ...]
    date_format: str | None
    provider: str | None


@click.command("import")
@click.argument("file", metavar="FILE", type=click.Path(allow_dash=True))
@click.option(
    "--kind", type=click.Choice(list(KINDS)), required=True, help="What each line is about."
)
@click.option(
    "--map",
    "pairs",
    multiple=True,
    metavar="HEADER=FIELD",
    help="What a column holds, where its header does not tell; FIELD ignore: nothing.",
)
@click.option("--date-format", metavar="FORMAT", help="Where several fit, as mdy or DD/MM/YYYY.")
@click.option(
    "--provider", metavar="WHO", help="Whose lines without a provider are: an id, name or e-mail."
)
@sending.dry_run_option
@yes_option
@sending.result_option
@json_option
def import_file(
    file: str, kind: str, pairs: tuple[str, ...], result: Path | None, as_json: bool, **told: Any
) -> None:
    """Bring the patients or appointments of a CSV or XLSX file into OnCall.

    FILE may be - for standard input. Everything is read, compared and counted before anything is
    sent. Ends with 0 when all lines are done or were there already, 1 when some need a person, 2
    when nothing was sent.

    \b
    Examples:
      drchrono-oncall import patients.csv --kind patients --dry-run --result plan.csv
      drchrono-oncall import visits.xlsx --kind appointments --map "Appt Dt=date" --yes
    """
    said = Named(KINDS[kind], pairs, told["date_format"], told["provider"])
    how = sending.How(told["dry_run"], told["yes"], result, as_json)
    with endings.nothing_sent(as_json=as_json) as begun, opened() as sync:
        if result is not None and results.same_file(result, file):
            raise TroubleError("The result would replace the file: name another for --result.")
        batch = _taken_in(sync, said.kind, file)
        with sending.dropped_on_refusal(sync, batch):
            columns = _choose(sync, batch, said, quiet=as_json)
        ended = sending.plan_and_send(sync, batch, how, begun, headers=columns.headers)
    sys.exit(ended)


def _taken_in(sync: "Sync", kind: Kind, file: str) -> int:
    from sync.batches import steering
    from sync.sheets.errors import UnusableError

    try:
        with _opened(file) as source:
            return steering.open_file(sync, kind, source)
    except UnusableError as unusable:
        raise TroubleError(f"The file can't be used. {unusable}") from None
    except LookupError as refused:
        raise TroubleError(str(refused)) from None


@contextmanager
def _opened(file: str) -> "Iterator[BinaryIO]":
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        source = Path(file).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise TroubleError(f"The file can't be read: {reason(error)}.") from None
    with source:
        yield source


def _choose(sync: "Sync", batch: int, said: Named, *, quiet: bool) -> "Columns":
    from sync.batches import showing, steering
    from sync.sheets.errors import ChoiceError

    found = showing.columns(sync, batch)
    try:
        columns = chosen(found, said.kind, said.pairs)
    except WrongOptionError as wrong:
        raise TroubleError(str(wrong)) from None
    if not quiet:
        show_columns(said.kind, found, columns)
    try:
        rings = steering.choose(
            sync, batch, columns, date_format=said.date_format, provider=said.provider
        )
    except ChoiceError as wrong:
        raise TroubleError(what_to_add(wrong, found.date_formats)) from None
    except LookupError as refused:
        raise TroubleError(str(refused)) from None
    ring(sync, rings)
    return found
