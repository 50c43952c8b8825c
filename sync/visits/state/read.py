"""What is known of one visit at the start of a run: from SQL first, then what the remotes show."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from sync.core.errors import Gone
from sync.core.records import Absent, Life, State, Visit
from sync.core.rules.lifecycle import terminal
from sync.core.rules.merge import Seen
from sync.core.wording import Json
from sync.drchrono import translate as drchrono
from sync.oncall import translate as oncall
from sync.outbound.gate import Ticket
from sync.run import hinted_ids, occurrences
from sync.run.changes import compare, matches
from sync.run.evidence import staleness
from sync.run.evidence.staleness import DELETED, LISTED_DELETED, LOOKS_AGAIN
from sync.run.outcomes import LOOK_AGAIN, LaterError
from sync.runtime import Sync
from sync.store.schema import call, visit
from sync.store.tables import attendances, baselines, journal, links
from sync.store.tables.links import Obj
from sync.store.tables.work import Hints, Lease
from sync.visits.state import zones
from sync.visits.state.model import UNRESOLVED, Shown, VisitState


def load(conn: Connection, lease: Lease, now: datetime) -> VisitState:
    """Everything SQL knows of a leased visit."""
    key = lease.aggregate
    row = conn.execute(select(visit).where(visit.c.aggregate == key)).mappings().one()
    objects = links.objects_of(conn, key)
    current = [a for a in attendances.attendances(conn, key) if a.current and a.role == "patient"]
    unresolved = (
        conn.execute(
            select(call)
            .where(
                call.c.aggregate == key,
                call.c.fence < lease.fence,
                call.c.effect != "",
                call.c.state.in_(UNRESOLVED),
            )
            .order_by(call.c.id)
        )
        .mappings()
        .all()
    )
    return VisitState(
        key=key,
        lease=lease,
        now=now,
        generation=row["generation"],
        row=row,
        objects=objects,
        attendance=current[0] if current else None,
        stored=baselines.stored_fields(conn, [obj.id for obj in objects]),
        deliveries=journal.unexplained(conn, key),
        unresolved=list(unresolved),
    )


def hints_left(state: VisitState) -> Hints:
    """The hints that still ask for a read.

    DrChrono's deliveries may be explained by what is stored: an echo that came while we were busy
    equals the baseline by now.
    """
    hints = state.lease.hints
    said = [d for d in state.deliveries if d.source == "drchrono"]
    if hints.oncall and not any(d.source == "oncall" for d in state.deliveries):
        return hints  # not said by a webhook alone: somebody wants both sides looked at
    if state.lease.own:
        return hints  # asked for by ourselves: no body explains that
    explained = said and all(
        matches(d.digests or {}, d.key_id, d.object, state.stored) for d in said
    )
    return Hints(drchrono=hints.drchrono and not explained, oncall=hints.oncall)


def wait_for_unresolved(sync: Sync, state: VisitState) -> Hints:
    """Which sides must be read because a write there has no known outcome.

    Raises LaterError while such a write is younger than the settling time: it may still land.
    """
    settled = timedelta(seconds=sync.settings.late_seconds)
    for row in state.unresolved:
        ready = row["at"] + settled
        if state.now < ready:
            raise LaterError(ready, Hints.both())
    systems = {row["system"] for row in state.unresolved}
    return Hints(drchrono="drchrono" in systems, oncall="oncall" in systems)


def looked_at(conn: Connection, state: VisitState) -> None:
    """The unresolved writes were looked at; what of them is still pending may land late yet."""
    ids = [row["id"] for row in state.unresolved]
    if ids:
        conn.execute(update(call).where(call.c.id.in_(ids)).values(state="looked"))


def read_side(sync: Sync, state: VisitState, system: str, ticket: Ticket) -> None:
    """Read one side's object by id, once per run."""
    obj = state.object(system)
    if system in state.read or system in state.gone or obj is None or obj.remote_id is None:
        return
    if hinted_ids.is_closed(obj):
        state.gone.add(system)
        return
    try:
        if system == "drchrono":
            # The marker is only in the verbose form, which is asked for until it is known.
            # So is the clinical note's lock.
            verbose = note_was_locked(state, obj) or not obj.marked
            json = sync.drchrono.get_appointment(ticket, obj.remote_id, verbose=verbose)
            shown = _drchrono(sync, state, obj, json)
            hear_of_lock(state, obj, shown)
        else:
            shown = _oncall(sync, state, obj, sync.oncall.get_appointment(ticket, obj.remote_id))
    except Gone:
        _denied(sync, state, system, obj, ticket)
        return
    if hinted_ids.is_unread(obj):
        if obj.state == "gone" and is_deleted(shown):
            _denied(sync, state, system, obj, ticket)
            return
        obj = now_a_fact(sync, state.lease, obj, shown)
        state.objects = [obj if one.id == obj.id else one for one in state.objects]
    if system == "drchrono" and is_older(state, obj, shown, newest_mark(state)):
        raise look_again(state, system)
    staleness.believe(sync, state.lease, obj, shown.wire, shown.seen, mark=shown.visit.mark)
    state.read[system] = shown
    if isinstance(shown.visit.state, State) and shown.visit.state.life is Life.DELETED:
        state.gone.add(system)


def now_a_fact(sync: Sync, lease: Lease, obj: Obj, shown: Shown) -> Obj:
    """The row of an object that a read has shown for the first time, or again; raises as that."""
    if obj.state == "gone":
        shown.seen["state"] = Seen.CHANGED
    seen = shown.visit
    return hinted_ids.shown(sync, lease, obj, seen.remote_id, seen, shown.json, shown.wire)


def _denied(sync: Sync, state: VisitState, system: str, obj: Obj, ticket: Ticket) -> None:
    """A read by id found nothing: never there, gone still, under another id now, or gone."""
    if obj.told:
        raise hinted_ids.denied(sync, state.lease, obj)
    if obj.state == "gone":
        hinted_ids.still_gone(sync, state.lease, obj)
        state.gone.add(system)
        return
    real = None if was_deleted(state, obj) else now_real(sync, ticket, obj)
    if real is None:
        staleness.believe_gone(sync, state.lease, obj, state.deliveries)
        state.gone.add(system)
    else:
        state.objects = [real if one.id == real.id else one for one in state.objects]
        read_side(sync, state, system, ticket)


def was_deleted(state: VisitState, obj: Obj) -> bool:
    """Whether a webhook or a list told that it was deleted."""
    told = (DELETED, LISTED_DELETED)
    return any(d.object == obj.id and d.event in told for d in state.deliveries)


def now_real(sync: Sync, ticket: Ticket, obj: Obj) -> Obj | None:
    """The appointment that an occurrence became; its own id is gone then (API v4)."""
    return occurrences.look_for_real(sync, ticket, obj) if obj.system == "drchrono" else None


def note_was_locked(state: VisitState, obj: Obj) -> bool:
    """Whether a webhook told that the clinical note of this appointment was locked."""
    return any(d.event == "CLINICAL_NOTE_LOCK" and d.object == obj.id for d in state.deliveries)


def hear_of_lock(state: VisitState, obj: Obj, shown: Shown) -> None:
    """Take the end that a locked note is for news: a lock is in no digest."""
    ended = isinstance(shown.visit.state, State) and terminal(shown.visit.state)
    if ended and note_was_locked(state, obj):
        shown.seen["state"] = Seen.CHANGED


def look_again(state: VisitState, system: str) -> LaterError:
    """Another look at this side, and at what was hinted before."""
    hints = state.lease.hints
    both = Hints(hints.drchrono or system == "drchrono", hints.oncall or system == "oncall")
    return LaterError(state.now + LOOK_AGAIN, both, failed=True)


def is_older(state: VisitState, obj: Obj, shown: Shown, told_mark: str | None) -> bool:
    """Whether a read is older than what a delivery told, or than what was read before.

    Marks are DrChrono's `updated_at`, opaque but growing (facts); `told_mark` is the newest of the
    deliveries. After some looks what is shown is taken as it is.
    """
    if state.lease.attempts >= LOOKS_AGAIN:
        return False
    told = [d for d in state.deliveries if d.object == obj.id]
    if told and told[-1].event in (DELETED, LISTED_DELETED):
        return not is_deleted(shown)
    marks = [mark for mark in (told_mark, obj.mark) if mark]
    return bool(shown.visit.mark and marks and shown.visit.mark < max(marks))


def is_deleted(shown: Shown) -> bool:
    """Whether a read shows its object as deleted."""
    return isinstance(shown.visit.state, State) and shown.visit.state.life is Life.DELETED


def _drchrono(sync: Sync, state: VisitState, obj: Obj, json: dict[str, Json]) -> Shown:
    wire = drchrono.wire("appointment", json)
    seen = compare(sync.digests, obj.id, wire, state.stored)
    shown = Shown(json, drchrono.to_visit(json, sync.mapping), wire, seen)
    zones.read_as_settled(sync, obj, shown, state.stored)
    return shown


def _oncall(sync: Sync, state: VisitState, obj: Obj, json: dict[str, Json]) -> Shown:
    wire = oncall.wire("appointment", json)
    seen = compare(sync.digests, obj.id, wire, state.stored)
    shown = oncall.to_visit(json, sync.mapping)
    if seen.get("state") is Seen.NEW and obj.made_by_us and _is_open(shown):
        # The answer that made it did not tell a status (guide): as we made it, it is open.
        seen["state"] = Seen.SAME
    if seen.get("state") is Seen.CHANGED and _is_cancelled(shown) and _cancelled_by_us(state, obj):
        seen["state"] = Seen.OURS
    sent = None if shown.provider_wire else _provider_sent(sync, state, obj)
    if sent is not None:
        shown, seen["provider"] = replace(shown, provider=sent), Seen.SAME
    found = Shown(json, shown, wire, seen)
    _with_attendee(sync, state, found)
    return found


def _provider_sent(sync: Sync, state: VisitState, obj: Obj) -> str | None:
    """The doctor of an OnCall visit that does not tell its provider: what we last sent says it."""
    known = state.stored.get((obj.id, "provider"))
    if known is None or known.digest is None or known.key_id not in sync.digests.key_ids:
        return None
    doctors = [
        entry.drchrono
        for entry in sync.mapping.doctors
        if sync.digests.field(obj.id, "provider", entry.oncall_provider, known.key_id)
        == known.digest
    ]
    # One provider may stand for several doctors, each in a division of their own.
    return doctors[0] if len(doctors) == 1 else None


def _is_open(shown: Visit) -> bool:
    return isinstance(shown.state, State) and not terminal(shown.state)


def _is_cancelled(shown: Visit) -> bool:
    return isinstance(shown.state, State) and shown.state.life is Life.CANCELLED


def _cancelled_by_us(state: VisitState, obj: Obj) -> bool:
    """Whether a cancellation of ours has no known outcome.

    OnCall sets a status of its own beside the flag that we write, so no digest can tell it is ours.
    """
    return any(row["object"] == obj.id and row["effect"] == "cancel" for row in state.unresolved)


def _with_attendee(sync: Sync, state: VisitState, found: Shown) -> None:
    """A 1:1 visit whose patient's participant was cancelled is a cancelled visit."""
    row = state.participant
    if row is None:
        return
    items = found.json.get("participants")
    for item in items if isinstance(items, list) else []:
        attendee = oncall.to_attendee(item, sync.mapping.addresses)
        if attendee.remote_id != row.remote_id:
            continue
        state.attendee = attendee
        seen = compare(sync.digests, row.id, oncall.wire("participant", item), state.stored)
        if attendee.cancelled is True and _is_open(found.visit):
            found.visit = replace(found.visit, state=State(Life.CANCELLED))
            found.seen["state"] = seen.get("state", Seen.NEW)


def is_quiet(state: VisitState, system: str) -> bool:
    """Whether what was read of this side asks for nothing: all as settled, linked and marked."""
    shown, obj = state.read.get(system), state.object(system)
    if shown is None or obj is None or system in state.gone:
        return False
    if not obj.marked and not shown.visit.virtual:
        return False
    other = state.object("oncall" if system == "drchrono" else "drchrono")
    if other is None or other.remote_id is None:
        return False
    told = {"starts", "minutes", "type", "provider", "state", "patient"}
    return all(seen is Seen.SAME for name, seen in shown.seen.items() if name in told)


def newest_mark(state: VisitState) -> str | None:
    """The highest `updated_at` mark among DrChrono's unexplained deliveries."""
    marks = [d.mark for d in state.deliveries if d.source == "drchrono" and d.mark]
    return max(marks, default=None)


def starts_of(state: VisitState) -> datetime | None:
    """When the visit begins, by what was read (DrChrono first), else by what is stored."""
    for system in ("drchrono", "oncall"):
        shown = state.read.get(system)
        if shown is not None and not isinstance(shown.visit.starts, Absent):
            return shown.visit.starts
    stored: datetime | None = state.row["starts_at"]
    return stored


def doctor_of(state: VisitState) -> str | None:
    """The doctor concerned, as DrChrono shows it, else OnCall, else as stored."""
    for system in ("drchrono", "oncall"):
        shown = state.read.get(system)
        if shown is not None and not isinstance(shown.visit.provider, Absent):
            return shown.visit.provider
    stored: str | None = state.row["doctor"]
    return stored
