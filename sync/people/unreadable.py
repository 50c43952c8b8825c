"""Settle a person's baselines anew that are under a digest key that we don't have (ADR 0018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.oncall import translate as oncall
from sync.run.outcomes import ParkedError
from sync.run.unreadable import CAUSE, _settle, _unreadable, is_in
from sync.store.tables import attendances, baselines, links

if TYPE_CHECKING:
    from sync.core.records import Person
    from sync.core.wording import Json
    from sync.people.model import PersonRun
    from sync.store.tables.baselines import StoredFields
    from sync.store.tables.links import Obj


def of_person(run: PersonRun, chart: StoredFields) -> None:
    """Compare with the chart what a person's contacts and participants show, where no baseline can.

    What says the same is settled anew. Raises ParkedError when anything differs.
    """
    sync, key = run.sync, run.lease.aggregate
    with sync.store.read() as conn:
        targets = [one for one in links.objects_of(conn, key) if one.kind == "contact"]
        attended = attendances.open_attendances_of_person(conn, key, now=sync.clock())
        targets += [links.get(conn, one.participant) for one in attended if one.participant]
        stored = baselines.stored_fields(conn, [one.id for one in targets])
    if not is_in(sync.digests, {**chart, **stored}):
        return
    left: list[str] = []
    for obj in targets:
        names = [
            name
            for (row, name) in stored
            if row == obj.id and _unreadable(sync.digests, stored, row, name)
        ]
        if names and obj.known:
            left += _of_target(run, obj, names)
    if left:
        names = list(dict.fromkeys(left))
        raise ParkedError("operator", CAUSE, CAUSE, candidates=tuple(names))


def _of_target(run: PersonRun, obj: Obj, names: list[str]) -> list[str]:
    sync, client, chart = run.sync, run.sync.oncall, run.person
    if obj.kind == "contact":
        json = client.get_contact(run.ticket, str(obj.remote_id))
        shown: object = oncall.to_person(json)
    else:
        json = client.get_participant(run.ticket, str(obj.remote_id))
        shown = oncall.to_attendee(json)
    wire = oncall.wire(obj.kind, json)
    same: dict[str, Json] = {}
    left: list[str] = []
    for name in names:
        if name == "state" or name not in wire:
            continue  # its visit's own run sees to that
        if _says_the_same(chart, shown, name):
            same[name] = wire[name]
        else:
            left.append(name)
    if same:
        _settle(sync, obj, same)
    return left


def _says_the_same(chart: Person, shown: object, name: str) -> bool:
    return bool(getattr(chart, name, None) == getattr(shown, name, None))
