"""Keep one side by hand: overwrite what the other says of a visit or a person.

The losing side's fields are settled as they stand and the kept side's count as changed, so that the
next run carries them, by the usual rules: brake, budget, direction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sync.core.errors import Gone
from sync.core.rules.people import NAMES
from sync.core.wording import Json
from sync.oncall import translate as oncall
from sync.operations.hand import by_hand, keep_visit
from sync.operations.hand.by_hand import NotPossibleError, Preview
from sync.operations.hand.keep_visit import KEPT, differ, refuse_unknown
from sync.operations.lookup import BusyError, UnknownError, aggregate_of
from sync.outbound.gate import Ticket
from sync.people import charts, contact_search
from sync.run.outcomes import LaterError
from sync.runtime import Ring, Sync
from sync.store import attention
from sync.store.lanes import Lane
from sync.store.tables import attendances, baselines, claims, decisions, links
from sync.store.tables.claims import Lease
from sync.store.tables.links import Obj
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed


def keep_preview(
    sync: Sync, side: str, kind: str, object_id: str, fields: tuple[str, ...] = ()
) -> Preview:
    """What keeping a side would write; every differing field, or those named.

    Raises UnknownError, NotPossibleError, BusyError, and the RemoteErrors of the reads.
    """
    with _leased(sync, kind, object_id) as lease:
        if _is_person(sync, lease):
            return _people_preview(_differing(sync, lease, side, fields))
        return keep_visit.preview(sync, side, keep_visit.find(sync, lease, kind, object_id, fields))


def keep(
    sync: Sync, side: str, kind: str, object_id: str, fields: tuple[str, ...] = ()
) -> tuple[Ring, ...]:
    """Have one side overwrite the other. Returns what to ring. Raises as `keep_preview`."""
    with _leased(sync, kind, object_id) as lease:
        if _is_person(sync, lease):
            _keep_people(sync, lease, _differing(sync, lease, side, fields))
        else:
            found = keep_visit.find(sync, lease, kind, object_id, fields)
            keep_visit.keep(sync, lease, side, found)
        with sync.store.write() as conn:
            now = sync.clock()
            claims.hold(conn, lease, now=now, seconds=sync.settings.lease_seconds)
            decisions.note(conn, "keep", f"{kind}:{object_id}"[:64], side, now=now)
            subjects = ((kind, object_id), ("kept", side))
            deeds.note(conn, Deed("keep", subjects, fields), now)
            return (by_hand.raise_again(conn, lease.aggregate, now),)


@contextmanager
def _leased(sync: Sync, kind: str, object_id: str) -> Iterator[Lease]:
    with sync.store.write() as conn:
        key = aggregate_of(conn, kind, object_id)
        (lease,) = by_hand.lock(conn, sync, [key])
    try:
        yield lease
    except LaterError as later:
        raise BusyError("what was read may be older than what we know", later.due) from None
    finally:
        with sync.store.write() as conn:
            claims.give_back(conn, lease)


def _is_person(sync: Sync, lease: Lease) -> bool:
    with sync.store.read() as conn:
        return links.kind_of(conn, lease.aggregate) == "person"


# --- people ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Target:
    """A contact or participant, which of its fields are not the chart's, and how they stand."""

    obj: Obj
    names: tuple[str, ...]
    digests: dict[str, str]


def _differing(sync: Sync, lease: Lease, side: str, fields: tuple[str, ...]) -> list[_Target]:
    if side != "drchrono":
        raise NotPossibleError(
            "Names and addresses flow from the chart: change it in DrChrono, "
            "or say keep drchrono to write it to OnCall."
        )
    ticket = Ticket(Lane.LIVE, lease)
    with sync.store.read() as conn:
        patient = links.patient_row(conn, lease.aggregate)
    if patient is None:
        raise NotPossibleError("No DrChrono patient is linked with it.")
    try:
        json = sync.drchrono.get_patient(ticket, str(patient.remote_id))
    except Gone:
        raise UnknownError("The patient is not in DrChrono any more.") from None
    table = sync.mapping.addresses
    chart, found = charts.read(sync, json), []
    for obj in _targets(sync, lease.aggregate):
        names = contact_search.FIELDS if obj.kind == "contact" else NAMES
        if obj.kind == "contact":
            record = sync.oncall.get_contact(ticket, str(obj.remote_id))
            shown: object = oncall.to_person(record, table)
        else:
            record = sync.oncall.get_participant(ticket, str(obj.remote_id))
            shown = oncall.to_attendee(record, table)
        wire = oncall.wire(obj.kind, record)
        differs = [n for n in names if n in wire and differ(getattr(chart, n), getattr(shown, n))]
        chosen = tuple(n for n in differs if not fields or n in fields)
        if chosen:
            stands = {name: wire[name] for name in chosen}
            found.append(_Target(obj, chosen, sync.digests.fields(obj.id, stands)))
    refuse_unknown(fields, contact_search.FIELDS)
    if not found:
        raise NotPossibleError("Both sides say the same: there is nothing to keep.")
    return found


def _targets(sync: Sync, key: int) -> list[Obj]:
    """The person's contacts, and their participants of open visits still to come."""
    with sync.store.read() as conn:
        attended = attendances.open_attendances_of_person(conn, key, now=sync.clock())
        found = [one for one in links.objects_of(conn, key) if one.kind == "contact"]
        found += [links.get(conn, one.participant) for one in attended if one.participant]
    return [one for one in found if one.known]


def _people_preview(targets: list[_Target]) -> Preview:
    lines, mails = [], 0
    for one in targets:
        mail = int(one.obj.kind == "participant")
        mails += mail
        said = f"{', '.join(one.names)}: written to {one.obj.kind} {one.obj.remote_id}"
        lines.append(f"{said} ({mail} mail{'' if mail == 1 else 's'})")
    return Preview(tuple(lines), mails)


def _keep_people(sync: Sync, lease: Lease, targets: list[_Target]) -> None:
    with sync.store.write() as conn:
        now = sync.clock()
        claims.hold(conn, lease, now=now, seconds=sync.settings.lease_seconds)
        for one in targets:
            baselines.settle(conn, one.obj.id, one.digests, sync.digests.key_id)
            links.change(conn, one.obj.id, seen_at=now)  # the run need not read it again
        patient = links.patient_row(conn, lease.aggregate)
        if patient is not None:
            kept: dict[str, Json] = dict.fromkeys((n for one in targets for n in one.names), KEPT)
            digests = sync.digests.fields(patient.id, kept)
            baselines.settle(conn, patient.id, digests, sync.digests.key_id)
        attention.close_cause(conn, lease.aggregate, "contact_differs", now)
