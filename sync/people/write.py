"""Write to contacts and participants, once, what the chart says and OnCall does not say yet.

A contact that nobody looked at for long is read before; an edit found there is told, and stands
until the chart changes. What OnCall refuses is told and blocks nothing else.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sync.core.errors import Gone, Refused
from sync.core.rules.people import NAMES
from sync.oncall import bodies as oncall_bodies
from sync.oncall import translate as oncall
from sync.outbound.gate import Ticket
from sync.people import charts, contact_search, due_fields
from sync.run.changes import compare
from sync.run.evidence import staleness
from sync.run.outcomes import LaterError
from sync.store import attention
from sync.store.lanes import Hints
from sync.store.tables import baselines, claims, links, work

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from sync.outbound.call import Answer
    from sync.people.model import PersonRun
    from sync.runtime import Sync
    from sync.store.tables.attendances import Attendance
    from sync.store.tables.claims import Lease
    from sync.store.tables.links import Obj

# Contacts are walked once a day: what was seen since then need not be read before it is written.
FRESH = timedelta(hours=25)
BUSY = timedelta(seconds=1)


# --- contacts -------------------------------------------------------------------------------------


def write_contact(run: PersonRun, contact: Obj) -> None:
    """Write to one contact what the chart says and it does not; read it first if it is not fresh.

    Raises the RemoteErrors of its calls but a refusal, which is told and blocks nothing else.
    """
    sync = run.sync
    hinted = any(d.object == contact.id for d in run.deliveries)
    fresh = contact.seen_at is not None and sync.clock() - contact.seen_at < FRESH
    if hinted or not fresh:
        _read_contact(run, contact)
    due = due_fields.of(run, contact, contact_search.FIELDS, "contact")
    if not due:
        return
    try:
        patch_contact(sync, run.ticket, contact, due, due_fields.with_both_names(run.person, due))
    except Gone:
        with sync.store.write() as conn:
            links.change(conn, contact.id, state="gone")
    except Refused as refusal:
        _told(run, contact, "contact_refused", refusal)


def patch_contact(
    sync: Sync,
    ticket: Ticket,
    contact: Obj,
    due: dict[str, object],
    written: dict[str, object] | None = None,
) -> None:
    """Write fields into a contact, by our names; raises the RemoteErrors of the call.

    `written` is what the body is made of, where that is more than what is `due`.
    """
    body = oncall_bodies.contact_body(
        due if written is None else written,
        base_url=sync.settings.oncall_base_url,
        mapping=sync.mapping,
    )
    digests = sync.digests.fields(contact.id, oncall.wire("contact", body))
    sync.oncall.patch_contact(
        ticket.then(_settling(sync, contact, "contact", due)),
        str(contact.remote_id),
        body,
        object_id=contact.id,
        fields=tuple(due),
        effect="update",
        pending={(contact.id, name): digests[name] for name in due},
    )


def _read_contact(run: PersonRun, contact: Obj) -> None:
    """Read a contact that something was said about, or that nobody looked at for long.

    Demographics flow from the record: an edit over there is told, and overwritten by the next
    change of the chart, not by this reading.
    """
    sync = run.sync
    try:
        json = sync.oncall.get_contact(run.ticket, str(contact.remote_id))
    except Gone:
        staleness.believe_gone(sync, run.lease, contact)
        with sync.store.write() as conn:
            links.change(conn, contact.id, state="gone")
        return
    wire = oncall.wire("contact", json)
    with sync.store.read() as conn:
        stored = baselines.stored_fields(conn, [contact.id])
    seen = compare(sync.digests, contact.id, wire, stored)
    staleness.believe(sync, run.lease, contact, wire, seen)
    with sync.store.write() as conn:
        claims.hold(conn, run.lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
        shown = charts.contact(sync, json)
        contact_search.adopt(conn, sync, contact, run.person, shown, json)
        links.change(conn, contact.id, seen_at=sync.clock())


def _settling(
    sync: Sync, target: Obj, kind: str, due: dict[str, object]
) -> Callable[[Connection, Answer], None]:
    def after(conn: Connection, answer: Answer) -> None:
        if isinstance(answer.json, dict):
            wire = oncall.wire(kind, answer.json)
            shown = {name: wire[name] for name in due if name in wire}
            digests = sync.digests.fields(target.id, shown)
            baselines.settle(conn, target.id, digests, sync.digests.key_id)
        links.change(conn, target.id, seen_at=sync.clock())
        for cause in (f"{kind}_refused", attention.NOT_BROUGHT_BACK):
            attention.close_object(conn, None, target.id, sync.clock(), cause=cause)

    return after


# --- participants ---------------------------------------------------------------------------------


def write_participant(run: PersonRun, attended: Attendance) -> None:
    """Write under the visit's lease: its own run may be at work on the same participant."""
    sync = run.sync
    if attended.participant is None:
        return
    with sync.store.read() as conn:
        target = links.get(conn, attended.participant)
    due = due_fields.of(run, target, NAMES, "participant")
    if not due or not target.known:
        return
    with sync.store.write() as conn:
        now = sync.clock()
        lease = claims.try_lock(
            conn,
            attended.visit,
            owner=sync.owner,
            now=now,
            seconds=sync.settings.lease_seconds,
        )
    if lease is None:
        raise LaterError(now + BUSY, Hints.of("drchrono"))
    try:
        _patch_participant(run, attended, target, due, lease)
    finally:
        with sync.store.write() as conn:
            claims.give_back(conn, lease)


def _patch_participant(
    run: PersonRun,
    attended: Attendance,
    target: Obj,
    due: dict[str, object],
    lease: Lease,
) -> None:
    sync = run.sync
    body = oncall_bodies.participant_body(due_fields.with_both_names(run.person, due))
    written = sync.digests.fields(target.id, oncall.wire("participant", body))
    try:
        sync.oncall.patch_participant(
            Ticket(run.lease.lane, lease).then(_settling(sync, target, "participant", due)),
            str(target.remote_id),
            body,
            object_id=target.id,
            fields=tuple(due),
            effect="update",
            pending={(target.id, name): written[name] for name in due},
        )
    except Refused as refusal:
        _told(run, target, "participant_refused", refusal)
    except Gone:
        with sync.store.write() as conn:
            work.raise_(conn, attended.visit, now=sync.clock(), hints=Hints.of("oncall"))


def _told(run: PersonRun, target: Obj, cause: str, refusal: Refused) -> None:
    """A refused change is told once and not tried again until the chart changes."""
    with run.sync.store.write() as conn:
        attention.open_item(
            conn,
            run.lease.aggregate,
            cause,
            now=run.sync.clock(),
            object_id=target.id,
            candidates=list(refusal.fields),
        )
