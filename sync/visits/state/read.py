"""Read what both systems show of a visit now, each object by its id and once in a run.

What may be older than what is known is looked at again: by DrChrono's revisions, and as `staleness`
says.
"""

from collections.abc import Iterable
from dataclasses import replace

from sync.core.errors import Gone
from sync.core.records import Absent, Life, State, Visit
from sync.core.rules import place
from sync.core.rules.lifecycle import terminal
from sync.core.rules.merge import Seen
from sync.core.wording import Json
from sync.drchrono import translate as drchrono
from sync.oncall import translate as oncall
from sync.run import occurrences
from sync.run.changes import compare
from sync.run.evidence import staleness
from sync.run.evidence.staleness import DELETED, LISTED_DELETED, LOOKS_AGAIN
from sync.run.hinted import reads
from sync.run.outcomes import LOOK_AGAIN, LaterError
from sync.runtime import Sync
from sync.store.lanes import Hints
from sync.store.tables.links import Obj
from sync.visits.state import zones
from sync.visits.state.load import has_participant
from sync.visits.state.model import Seat, Shown, VisitRun, VisitState


def read_side(run: VisitRun, system: str) -> None:
    """Read all of one side, each object by its id and once in a run."""
    if system == "oncall":
        read_oncall(run)
    else:
        read_appointments(run, run.seats)


def read_appointments(run: VisitRun, seats: Iterable[Seat]) -> None:
    """Read the appointments of these seats by id, each once in a run.

    Raises LaterError when one may be older than what is known of it, and NothingThereError when
    only a caller told of it.
    """
    for seat in seats:
        if not seat.read and seat.appointment.remote_id is not None:
            _read_appointment(run, seat)


def _read_appointment(run: VisitRun, seat: Seat) -> None:
    sync, state, obj = run.sync, run.state, seat.appointment
    if reads.is_closed(obj):
        seat.gone = True
        return
    # The marker is only in the verbose form, which is asked for until it is known. So is the
    # clinical note's lock.
    locked = _note_was_locked(state, obj)
    try:
        json = sync.drchrono.get_appointment(
            run.ticket, str(obj.remote_id), verbose=locked or not obj.has_marker
        )
    except Gone:
        _appointment_denied(run, seat)
        return
    shown = appointment_shown(sync, state, obj, json)
    if locked and isinstance(shown.visit.state, State) and terminal(shown.visit.state):
        # A lock is in no digest: with the event, what was read is news.
        shown.seen["state"] = Seen.CHANGED
    if reads.is_unread(obj):
        if obj.state == "gone" and is_deleted(shown):
            _appointment_denied(run, seat)
            return
        obj = seat.appointment = _now_a_fact(run, obj, shown)
    if _is_stale(state, obj, shown):
        raise look_again(state, "drchrono")
    if state.place is not None and has_participant(seat):
        # A slip of the keys, or a length taken away, moves nobody out of the visit they are in.
        shown.visit, seat.odd = place.kept_in(state.place, shown.visit, state.now)
    staleness.believe(sync, state.lease, obj, shown.wire, shown.seen, revision=shown.visit.revision)
    seat.shown = shown
    seat.gone = is_deleted(shown)


def _appointment_denied(run: VisitRun, seat: Seat) -> None:
    """A read by id found nothing: never there, gone still, under another id now, or gone."""
    sync, state, obj = run.sync, run.state, seat.appointment
    if _is_denied_again(run, obj):
        seat.gone = True
        return
    # An occurrence that became an appointment has another id; its own is gone then (D43).
    real = None
    if not _was_deleted(state, obj):
        real = occurrences.look_for_real(sync, run.ticket, obj)
    if real is None:
        staleness.believe_gone(sync, state.lease, obj, state.deliveries)
        seat.gone = True
        return
    seat.appointment = real
    state.replace(real)
    _read_appointment(run, seat)


def read_oncall(run: VisitRun) -> None:
    """Read the OnCall visit by its id, once in a run; raises as `read_appointments`."""
    sync, state = run.sync, run.state
    obj = state.object("oncall")
    if state.oncall is not None or state.oncall_gone or obj is None or obj.remote_id is None:
        return
    if reads.is_closed(obj):
        state.oncall_gone = True
        return
    try:
        json = sync.oncall.get_appointment(run.ticket, obj.remote_id)
    except Gone:
        if not _is_denied_again(run, obj):
            staleness.believe_gone(sync, state.lease, obj, state.deliveries)
        state.oncall_gone = True
        return
    shown = oncall_shown(sync, state, obj, json)
    if reads.is_unread(obj):
        obj = _now_a_fact(run, obj, shown)
    staleness.believe(sync, state.lease, obj, shown.wire, shown.seen, revision=shown.visit.revision)
    state.oncall, state.newcomers = shown, None
    state.oncall_gone = is_deleted(shown)


def _now_a_fact(run: VisitRun, obj: Obj, shown: Shown) -> Obj:
    """The row of an object that a read has shown for the first time, or again; raises as that."""
    state, seen = run.state, shown.visit
    if obj.state == "gone":
        shown.seen["state"] = Seen.CHANGED
    now = reads.shown(run.sync, state.lease, obj, seen.remote_id, seen, shown.json, shown.wire)
    state.replace(now)
    if obj.told and state.row.starts_at is None and not isinstance(seen.starts, Absent):
        state.row = replace(state.row, starts_at=seen.starts)  # it was noted with the fact
    return now


def _is_denied_again(run: VisitRun, obj: Obj) -> bool:
    """Whether what a read has denied was gone before; raises where only a caller told of it."""
    if obj.told:
        raise reads.denied(run.sync, run.state.lease, obj)
    if obj.state == "gone":
        reads.still_gone(run.sync, run.state.lease, obj)
        return True
    return False


def _was_deleted(state: VisitState, obj: Obj) -> bool:
    """Whether a webhook or a list told that it was deleted."""
    told = (DELETED, LISTED_DELETED)
    return any(d.object == obj.id and d.event in told for d in state.deliveries)


def _note_was_locked(state: VisitState, obj: Obj) -> bool:
    return any(d.event == "CLINICAL_NOTE_LOCK" and d.object == obj.id for d in state.deliveries)


def look_again(state: VisitState, system: str) -> LaterError:
    """Another look at this side, and at what was hinted before."""
    hints = state.lease.hints
    both = Hints(hints.drchrono or system == "drchrono", hints.oncall or system == "oncall")
    return LaterError(state.now + LOOK_AGAIN, both, failed=True)


def _is_stale(state: VisitState, obj: Obj, shown: Shown) -> bool:
    """Whether a read is older than what a delivery told, or than what was read before.

    DrChrono's `updated_at` dates nothing, but it grows (docs/api-facts.md, D27). After some looks
    what is shown is taken as it is.
    """
    if state.lease.attempts >= LOOKS_AGAIN:
        return False
    told = [d for d in state.deliveries if d.object == obj.id]
    if told and told[-1].event in (DELETED, LISTED_DELETED):
        return not is_deleted(shown)
    said = told if state.is_group else [d for d in state.deliveries if d.source == "drchrono"]
    revisions = [revision for revision in (obj.revision, *(d.revision for d in said)) if revision]
    return bool(shown.visit.revision and revisions and shown.visit.revision < max(revisions))


def is_deleted(shown: Shown) -> bool:
    """Whether a read shows its object as deleted."""
    return isinstance(shown.visit.state, State) and shown.visit.state.life is Life.DELETED


def appointment_shown(sync: Sync, state: VisitState, obj: Obj, json: dict[str, Json]) -> Shown:
    """An appointment's answer against what is stored of it. Raises MalformedError."""
    wire = drchrono.wire("appointment", json)
    seen = compare(sync.digests, obj.id, wire, state.stored)
    shown = Shown(json, drchrono.to_visit(json, sync.mapping), wire, seen)
    zones.read_as_settled(sync, obj, shown, state.stored)
    return shown


def oncall_shown(sync: Sync, state: VisitState, obj: Obj, json: dict[str, Json]) -> Shown:
    """An OnCall visit's answer against what is stored of it. Raises MalformedError."""
    wire = oncall.wire("appointment", json)
    seen = compare(sync.digests, obj.id, wire, state.stored)
    shown = oncall.to_visit(json, sync.mapping)
    if seen.get("state") is Seen.NEW and obj.made_by_us and _is_open(shown):
        # The answer of its create told no status (O12): as we made it, it is open.
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
    return any(one.object == obj.id and one.effect == "cancel" for one in state.unresolved)


def _with_attendee(sync: Sync, state: VisitState, shown: Shown) -> None:
    """A 1:1 visit whose patient's participant was cancelled is a cancelled visit."""
    row = state.participant
    if row is None:
        return
    items = shown.json.get("participants")
    for item in items if isinstance(items, list) else []:
        attendee = oncall.to_attendee(item, sync.mapping.addresses)
        if attendee.remote_id != row.remote_id:
            continue
        state.attendee = attendee
        seen = compare(sync.digests, row.id, oncall.wire("participant", item), state.stored)
        if attendee.cancelled is True and _is_open(shown.visit):
            shown.visit = replace(shown.visit, state=State(Life.CANCELLED))
            shown.seen["state"] = seen.get("state", Seen.NEW)
