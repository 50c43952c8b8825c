"""Show the records: what happened to one thing, what came, was called and was overwritten."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from cli.commands.operate import id_argument, json_option, kind_argument
from cli.environment import opened
from cli.output import TroubleError, print_json, print_table, say, unknown_told

if TYPE_CHECKING:
    from sync.operations.timeline.model import Event, Timeline

_MOST = 50
_SORTS = ("came", "read", "decided", "written", "conflict", "asked", "done")
_RECORDS = ("deliveries", "calls", "conflicts", "audit")
_after_option = click.option("--after", default="", help="Go on after the page that ended so.")
_most_option = click.option(
    "--most", default=_MOST, show_default=True, type=click.IntRange(1, 1_000)
)


@click.command()
@kind_argument
@id_argument
@click.option("--sort", "sorts", multiple=True, type=click.Choice(_SORTS), help="Only these.")
@_most_option
@_after_option
@json_option
def timeline(
    kind: str, object_id: str, sorts: tuple[str, ...], most: int, after: str, as_json: bool
) -> None:
    """Show what happened to one visit or person, newest first.

    What came, was read, decided and written, conflicts, questions, and what people did.

    \b
    Examples:
      drchrono-oncall timeline appointment 70211
      drchrono-oncall timeline patient 88123 --sort written --sort conflict --json
    """
    from sync.operations.timeline.assemble import timeline as engine

    with opened() as sync, unknown_told():
        found = engine(sync, kind, object_id, sorts=sorts, after=after, most=most)
    if as_json:
        print_json(found)
        return
    _show(found)


def _show(found: "Timeline") -> None:
    absorbed = f", with {', '.join(map(str, found.absorbed))}" if found.absorbed else ""
    say(f"{found.kind} {found.aggregate}{absorbed}: {', '.join(found.objects) or 'no object'}")
    for event in found.events:
        say(f"{event.at:%Y-%m-%d %H:%M:%S} UTC  {_line(event)}")
    if found.after:
        say(f"More: --after {found.after}")


def _line(event: "Event") -> str:
    differs = sorted({one.field for one in event.compared if not one.equal})
    told = (
        event.sort.ljust(8),
        f"{event.about}:" if event.about else "",
        event.sentence,
        f"Fields: {', '.join(event.fields)}." if event.fields else "",
        f"Not equal: {', '.join(differs)}." if differs else "",
        f"By {event.by}." if event.by else "",
        f"Rule {event.rule}." if event.rule else "",
    )
    return " ".join(part for part in told if part)


@click.command()
@click.argument("name", type=click.Choice(_RECORDS), metavar="NAME")
@click.option("--about", default="", help="A number of either system, or KIND:ID.")
@click.option("--since", default="", help="Not before this time (UTC).")
@click.option("--until", default="", help="Before this time (UTC), or to the end of this day.")
@click.option("--only", multiple=True, metavar="COLUMN=WORD", help="Rows with this word alone.")
@_most_option
@_after_option
@json_option
def records(name: str, most: int, after: str, as_json: bool, **asked: Any) -> None:
    """List deliveries, calls, conflicts or the audit, newest first.

    \b
    Examples:
      drchrono-oncall records deliveries --about 70211
      drchrono-oncall records calls --only state=refused --since 2026-11-01 --json
    """
    from sync.operations.records.asked import moment, record
    from sync.operations.records.listed import Question, listed
    from sync.store.listing import places

    words = dict(one.split("=", 1) if "=" in one else (one, "") for one in asked["only"])
    place = places.read(after)
    if after and place is None:
        raise TroubleError("There is no such page.")
    of = record(name)
    with opened() as sync, unknown_told():
        since, until = moment(asked["since"]), moment(asked["until"], end=True)
        question = Question(asked["about"], since, until, words)
        found = listed(sync, of, question, place, most)
    further = found.after.written() if found.after else None
    if as_json:
        rows = [{**line.values, "about": line.leads_to} for line in found.lines]
        print_json({"rows": rows, "after": further, "looked_to": found.looked_to})
        return
    shown = (_cells(line.values.values(), line.leads_to) for line in found.lines)
    print_table(of.title, (*of.columns.values(), "Timeline"), shown)
    if further:
        say(f"More: --after {further}")


def _cells(values: Iterable[object], leads_to: tuple[str, str] | None) -> tuple[object, ...]:
    return (*values, " ".join(leads_to) if leads_to else None)
