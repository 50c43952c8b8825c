"""Bring an object to the visit that its marker names, when it is met for the first time.

The remote's own webhook can bring an object of ours under an aggregate of its own, before the
answer of the create did, or after a crash. The marker names where it belongs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.records import Absent, Marker
from sync.run import attempts, transfer
from sync.run.evidence import behind, sealing
from sync.run.evidence.sealing import Origin
from sync.run.outcomes import BUSY, AbsorbedError, LaterError, ParkedError
from sync.store.lanes import Hints
from sync.store.tables import attendances, baselines, decisions, links
from sync.store.tables.links import Obj
from sync.store.visits import moves

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.runtime import Sync
    from sync.visits.state.model import VisitRun


def settle(run: VisitRun) -> None:
    """Hand an unlinked object over to the aggregate that its marker names.

    Raises AbsorbedError when this aggregate was merged away, LaterError when the other one is busy,
    ParkedError when the marker is foreign or tells what this database does not know (`behind`).
    """
    state = run.state
    for system, shown in state.read.items():
        obj, marker = state.object(system), shown.visit.marker
        if obj is None or obj.has_marker or isinstance(marker, Absent) or marker is None:
            continue
        with run.sync.store.read() as conn:
            standing = _standing(conn, run.sync, obj, marker)
        if standing is Origin.FOREIGN:
            raise _foreign(obj)
        if standing is not Origin.COPY and _is_believed(run, obj, marker, standing):
            _claimed(run, obj, marker)


def _foreign(obj: Obj) -> ParkedError:
    return ParkedError("operator", str(obj.id), "foreign_marker", obj.id)


def _standing(conn: Connection, sync: Sync, obj: Obj, marker: Marker) -> Origin:
    """Say what the marker is: without a seal an old one, once the links were rebuilt."""
    ours, remote_id = sync.installations(), str(obj.remote_id)
    found = sealing.judge(conn, sync.digests, ours, obj.system, remote_id, marker)
    unsealed = marker.seal is None and marker.installation in ours
    if unsealed and behind.was_looked_at(conn, obj.created_at):
        return Origin.OLD
    if found is Origin.FOREIGN and marker.installation in ours:
        former = sealing.is_of_a_former(conn, sync.digests, obj.system, marker)
        return Origin.COPY if former else found
    return found


def _is_believed(run: VisitRun, obj: Obj, marker: Marker, standing: Origin) -> bool:
    """Whether a marker of ours says what our rows say.

    One that does not is old, when the links were rebuilt since this object was met or a person has
    told the two apart. Else the database is behind: raises ParkedError until they are rebuilt. One
    from before there were seals proves nothing: it parks its own object.
    """
    sync = run.sync
    with sync.store.write() as conn:
        if behind.agrees(conn, obj.system, str(obj.remote_id), marker):
            return True
        if behind.was_looked_at(conn, obj.created_at) or _is_old(conn, obj, marker):
            return False
        if standing is Origin.OLD:
            raise _foreign(obj)
        behind.notice(conn, sync.clock(), system=obj.system, aggregate=marker.aggregate)
    raise ParkedError("operator", behind.CAUSE, object_id=obj.id)  # it was told by the notice


def _is_old(conn: Connection, obj: Obj, marker: Marker) -> bool:
    """Whether it was unlinked by hand from what its marker names, or has left that group."""
    kind, other = ("appointment", "visit") if obj.system == "drchrono" else ("visit", "appointment")
    named = [marker.other] if marker.other is not None else []
    if decisions.apart(conn, kind, str(obj.remote_id), other, named):
        return True
    if links.kind_of(conn, marker.aggregate) != "visit":
        return False
    own = links.survivor(conn, marker.aggregate)
    # A group's visit names no appointment: it may have several.
    return _told_apart(conn, obj, links.objects_of(conn, own)) or _has_left(conn, obj, own)


def _claimed(run: VisitRun, obj: Obj, marker: Marker) -> None:
    sync, state = run.sync, run.state
    with sync.store.read() as conn:
        target = links.survivor(conn, marker.aggregate)
        theirs = links.objects_of(conn, target)
        apart = _told_apart(conn, obj, theirs) or _has_left(conn, obj, target)
    if target == state.key:
        if marker.generation == (obj.generation if obj.system == "oncall" else state.generation):
            with sync.store.write() as conn:
                links.change(conn, obj.id, has_marker=True)
        return
    if apart:
        return  # an old marker: it was unlinked by hand, or has left the group
    standing = [
        o
        for o in theirs
        if (o.system, o.kind) == (obj.system, obj.kind)
        and o.state not in {"gone", "skipped"}
        and (obj.system == "drchrono" or o.generation == marker.generation)
    ]
    if any(o.remote_id is not None for o in standing):
        if any(o.remote_id is None for o in standing):
            # A group is finding out which of its members this is; it takes the row then.
            raise LaterError(sync.clock() + BUSY * 10, Hints.of(obj.system))
        return  # a copied marker: its owner stands elsewhere, and this is another visit
    hand_over(run, target, obj, standing[0] if standing else None, marker)


def _has_left(conn: Connection, obj: Obj, target: int) -> bool:
    """Whether an appointment was a member of that visit and stands in one of its own since."""
    return any(
        a.appointment == obj.id and not a.current for a in attendances.attendances(conn, target)
    )


def _told_apart(conn: Connection, obj: Obj, theirs: list[Obj]) -> bool:
    kind, other = ("appointment", "visit") if obj.system == "drchrono" else ("visit", "appointment")
    there = [str(o.remote_id) for o in theirs if o.kind == "appointment" and o.system != obj.system]
    return bool(decisions.apart(conn, kind, str(obj.remote_id), other, there))


def hand_over(run: VisitRun, target: int, obj: Obj, making: Obj | None, marker: Marker) -> None:
    """Merge this aggregate into `target`, whose creating row (if any) this object fulfils."""
    sync, state = run.sync, run.state
    with sync.store.write() as conn:
        held = transfer.hold(conn, sync, target, lease=state.lease)
        if making is not None:
            _settle_as_sent(conn, run, obj, making)
        transfer.absorb(held, state.key, target, hints=Hints.both())
        _join(conn, target, obj, making, marker)
    raise AbsorbedError(target)


def _settle_as_sent(conn: Connection, run: VisitRun, obj: Obj, making: Obj) -> None:
    """The baselines of what our own create made are what it sent, or was answered then."""
    sync, shown = run.sync, run.state.read[obj.system]
    wire = attempts.as_made(conn, sync, making, shown.json, shown.visit)
    digests = sync.digests.fields(obj.id, wire)
    baselines.settle(conn, obj.id, digests, sync.digests.key_id, zone=shown.visit.zone)


def _join(conn: Connection, target: int, obj: Obj, making: Obj | None, marker: Marker) -> None:
    values: dict[str, object] = {"generation": marker.generation, "has_marker": True}
    if making is not None:
        moves.replace(conn, making, obj)
        values |= {"create_key": making.create_key, "made_by_us": True}
    elif obj.system == "drchrono":
        for attended in attendances.attendances(conn, target):
            if attended.current and attended.appointment is None:
                attendances.change_attendance(conn, attended.id, appointment=obj.id)
    links.change(conn, obj.id, **values)
