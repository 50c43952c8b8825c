"""Show who did what, prove that nothing of it was changed, and hand it out."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from cli.commands.operate import json_option
from cli.environment import opened
from cli.output import TROUBLE, TroubleError, plain, print_json, print_table

if TYPE_CHECKING:
    from sync.operations.audit import Filter, Report

_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
_MOST = 50
_SAID = {
    "changed": "it is not what was written",
    "removed": "it is missing",
    "not_chained": "it does not follow the row before it",
}


def _asked_options(command: Any) -> Any:
    options = (
        click.option("--since", type=click.DateTime(_TIMES), help="Not before this time (UTC)."),
        click.option("--until", type=click.DateTime(_TIMES), help="Before this time (UTC)."),
        click.option("--actor", help="Who did it, as the list names them."),
        click.option("--action", help="What was done: write, retry, pair, connect, ..."),
        click.option("--subject", help="An id, or kind:id, that it was done to."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def audit() -> None:
    """Who did what, when and by which door: ids and names of fields, never a value."""


@audit.command("ls")
@_asked_options
@click.option("--most", default=_MOST, show_default=True, type=click.IntRange(1, 10_000))
@json_option
def audit_ls(most: int, as_json: bool, **asked: Any) -> None:
    """List deeds, newest first.

    \b
    Examples:
      drchrono-oncall audit ls --subject 70211
      drchrono-oncall audit ls --action write --since 2026-11-01 --json
    """
    from sync.operations import audit as engine

    with opened(anyway=True) as sync:
        found = engine.newest(sync, _filter(asked), most)
    if as_json:
        print_json(found)
        return
    columns = ("no", "when", "who", "door", "what", "of what", "fields", "outcome")
    print_table(
        "The audit",
        columns,
        (
            (
                *(str(one.seq), one.at, f"{one.kind} {one.actor}", one.door, one.action),
                *(one.subjects, one.fields, one.outcome),
            )
            for one in found
        ),
    )


@audit.command("verify")
@json_option
def audit_verify(as_json: bool) -> None:
    """Prove that no row was changed, removed or chained anew. The exit code is 1 when one was.

    What AUDIT_SINK was told is compared too: the rows alone can't tell that the last of them are
    missing.

    \b
    Example:
      drchrono-oncall audit verify
    """
    from sync.operations import audit as engine

    with opened(anyway=True) as sync, _sink_told():
        found = engine.verify(sync)
    if as_json:
        print_json({"ok": found.sound, **plain(found)})
    else:
        _show(found)
    if not found.sound:
        sys.exit(TROUBLE)


def _show(found: "Report") -> None:
    for one in found.findings:
        click.echo(f"Row {one.seq}: {_SAID[one.what]}.")
    if found.without_key:
        click.echo(
            f"{found.without_key} rows were written with a key that DIGEST_KEYS lacks: "
            "whether they were changed can't be told."
        )
    verdict = "Nothing was changed or removed" if found.sound else "The audit was tampered with"
    compared = f", {found.heads} compared with AUDIT_SINK" if found.heads else ""
    click.echo(f"{verdict}: {found.rows} rows, {found.first} to {found.last}{compared}.")


@contextmanager
def _sink_told() -> Iterator[None]:
    from sync.operations.audit import SinkError

    try:
        yield
    except SinkError as error:
        raise TroubleError(f"AUDIT_SINK can't be read: {error}.") from None


@audit.command("export")
@_asked_options
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
def audit_export(form: str, file: Path | None, **asked: Any) -> None:
    """Write deeds to FILE, or to standard output, oldest first.

    \b
    Examples:
      drchrono-oncall audit export audit.csv
      drchrono-oncall audit export --format jsonl --since 2026-01-01 | gzip > audit.jsonl.gz
    """
    from sync.operations import audit as engine

    with opened(anyway=True) as sync:
        told = (plain(one) for one in engine.every(sync, _filter(asked)))
        if file is None:
            _write(sys.stdout, form, told)
        else:
            with file.open("x", encoding="utf-8", newline="") as out:
                _write(out, form, told)


def _write(out: TextIO, form: str, told: Iterator[dict[str, Any]]) -> None:
    if form == "jsonl":
        for one in told:
            out.write(json.dumps(one) + "\n")
        return
    from sync.core.printable import row
    from sync.operations.audit import Row

    out.write(row(Row.__slots__))
    for one in told:
        out.write(row(one[name] for name in Row.__slots__))


def _filter(asked: dict[str, Any]) -> "Filter":
    from sync.operations.audit import Filter

    def utc(at: datetime | None) -> datetime | None:
        return None if at is None else at.replace(tzinfo=UTC)

    return Filter(
        since=utc(asked["since"]),
        until=utc(asked["until"]),
        actor=asked["actor"],
        action=asked["action"],
        subject=asked["subject"],
    )
