"""Gather the facts of one patient: the chart as it is now, the contacts, and what SQL knows."""

from dataclasses import replace

from sync.core.records import present
from sync.core.wire import MalformedError
from sync.drchrono import translate as drchrono
from sync.mapping import Mapping
from sync.operations.why import chart, known
from sync.operations.why.asking import Asker, Record
from sync.operations.why.facts import Facts, Read, Side
from sync.people import mirror
from sync.store.lanes import Lane
from sync.store.tables import attendances, links
from sync.store.tables.links import Obj


def gather(asker: Asker, remote_id: str, row: Obj | None) -> Facts:
    """The facts of a patient; `row` is what SQL has of them. One read at most."""
    sync = asker.sync
    mapping = known.mapping(sync)
    read, json = asker.patient(remote_id)
    source = Side(
        "drchrono",
        remote_id,
        heard=known.is_heard(row),
        gone=row is not None and row.state == "gone",
        read=read,
        since=row.created_at if row is not None else None,
    )
    facts = Facts("patient", remote_id, sync.clock(), source, patient=remote_id)
    if read is Read.SHOWN and mapping is not None:
        found = chart.cause(asker, mapping, json)
        facts = replace(facts, chart=found, chart_read=True, zone=_zone(mapping, json))
    return _with_rows(asker, facts, row)


def _zone(mapping: Mapping, json: Record) -> str | None:
    """The zone of the doctor whose chart it is."""
    try:
        doctor = present(drchrono.to_person(json).doctor, "")
    except MalformedError:
        return None
    return mapping.zone(doctor) if doctor else None


def _with_rows(asker: Asker, facts: Facts, row: Obj | None) -> Facts:
    sync = asker.sync
    mirrored = mirror.is_mirrored(known.mapping(sync))
    facts = replace(facts, expected=mirrored)
    with sync.store.read() as conn:
        lane = Lane.LIVE
        if row is not None:
            key = links.survivor(conn, row.aggregate)
            queue, lane = known.queue(conn, key)
            contacts = [one for one in links.objects_of(conn, key) if one.kind == "contact"]
            facts = replace(
                facts,
                aggregate=key,
                others=tuple(_contact(one) for one in contacts if one.state != "skipped"),
                items=known.items(conn, key),
                waits=known.waits(conn, key),
                queue=queue,
                expected=mirrored
                or bool(attendances.open_attendances_of_person(conn, key, now=facts.now)),
            )
        return replace(
            facts,
            excluded=known.excluded(conn, facts.id),
            service=known.service(conn, sync, lane, facts.now, writes="oncall"),
            trouble=asker.trouble,
        )


def _contact(one: Obj) -> Side:
    return Side("oncall", one.remote_id, gone=one.state == "gone", since=one.created_at)
