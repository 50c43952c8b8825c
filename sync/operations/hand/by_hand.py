"""Take apart what was linked wrongly, and leave a patient out, by hand.

Each has a preview, which writes nothing, and leaves a line of `decision` that says who did it.
Nothing is called in here but reads; what follows is written by the workers, by the usual rules.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from sync.core.errors import Gone
from sync.core.records import Absent, State, Visit
from sync.core.rules.lifecycle import terminal
from sync.core.rules.place import slot_from
from sync.drchrono import translate as drchrono
from sync.oncall import translate as oncall
from sync.operations.lookup import BusyError, UnknownError, aggregate_of
from sync.run import allowed, transfer
from sync.run.outcomes import LaterError
from sync.run.transfer import Held
from sync.runtime import Ring, Sync
from sync.store import attention
from sync.store.lanes import Hints, Lane
from sync.store.people import persons
from sync.store.tables import attendances, blockers, claims, decisions, links, work
from sync.store.tables.claims import Lease
from sync.store.tables.links import Obj
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed
from sync.store.visits import visits

SOON = timedelta(seconds=5)


class NotPossibleError(Exception):
    """What was asked can't be done as things stand; the text says why, in a sentence."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be written where, one line each without values, and how many mails that sends."""

    lines: tuple[str, ...]
    mails: int = 0


def lock(conn: Connection, sync: Sync, keys: list[int]) -> list[Lease]:
    """Take all of these aggregates or none. Raises BusyError while a worker has one."""
    now = sync.clock()
    leases = []
    for key in sorted(set(keys)):
        lease = claims.try_lock(
            conn, key, owner=sync.owner, now=now, seconds=sync.settings.lease_seconds
        )
        if lease is None:
            raise BusyError("a worker is at it", now + SOON)
        leases.append(lease)
    return leases


def holding(conn: Connection, sync: Sync, *keys: int) -> Held:
    """Hold these aggregates to the end of the transaction. Raises BusyError if a worker has one."""
    try:
        return transfer.hold(conn, sync, *keys)
    except LaterError:
        raise BusyError("a worker is at it", sync.clock() + SOON) from None


def raise_again(conn: Connection, key: int, now: datetime) -> Ring:
    """Have an aggregate done at once, whatever it waited for."""
    links.unblock(conn, key)
    work.raise_(conn, key, now=now, hints=Hints.both(), lane=Lane.LIVE)
    return Ring(key, Lane.LIVE)


# --- unlink ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Linked:
    """What is linked in one aggregate: DrChrono's objects, one of a group or all, and OnCall's."""

    key: int
    here: tuple[Obj, ...]
    there: Obj
    leaves: bool = False  # one of several: the others stay with OnCall's visit


def unlink_preview(sync: Sync, kind: str, object_id: str) -> Preview:
    """What taking the two sides of a visit, or a contact and its patient, apart leads to.

    Raises UnknownError, NotPossibleError, and the RemoteErrors of the reads.
    """
    with sync.store.read() as conn:
        pair = _linked(conn, kind, object_id)
    there = pair.there.remote_id
    if pair.there.kind == "contact":
        line = f"contact {there} is left as it is and patient {pair.here[0].remote_id}"
        return Preview((f"{line} gets a contact of their own with their next visit (0 mails)",))
    named = f"appointment{'s' if len(pair.here) > 1 else ''} {_ids(pair.here)}"
    lines = [
        f"{named} and OnCall visit {there} are told apart for good; neither is changed (0 mails)"
    ]
    made = [one for one in pair.here if _is_to_be_made(sync, "drchrono", one)]
    if made:
        mails = f"{len(made)} mail{'s' if len(made) > 1 else ''}"
        said = f"appointment{'s' if len(made) > 1 else ''} {_ids(made)}"
        lines.append(f"a new OnCall visit is made for {said} ({mails})")
    if pair.leaves:
        lines.append(
            f"its participant stays in OnCall visit {there}, as somebody without an appointment"
        )
    elif _is_to_be_made(sync, "oncall", pair.there):
        lines.append(f"a DrChrono appointment is made for OnCall visit {there} (0 mails)")
    return Preview(tuple(lines), len(made))


def _ids(rows: Iterable[Obj]) -> str:
    return ", ".join(str(one.remote_id) for one in rows)


def unlink(sync: Sync, kind: str, object_id: str) -> tuple[Ring, ...]:
    """Take them apart, never to be paired again; both are raised. Returns what to ring.

    Raises UnknownError, NotPossibleError, and BusyError while a worker has one.
    """
    with sync.store.write() as conn:
        now = sync.clock()
        pair = _linked(conn, kind, object_id)
        held = holding(conn, sync, pair.key)
        names = ("patient", "contact") if pair.there.kind == "contact" else ("appointment", "visit")
        for here in pair.here:
            one, other = (names[0], str(here.remote_id)), (names[1], str(pair.there.remote_id))
            decisions.tell_apart(conn, one, other, now=now)
        deeds.note(conn, Deed("unlink", _named(pair)), now)
        apart = _let_go(held, pair) if pair.leaves else _take_out(held, pair)
        attention.close_rest(conn, pair.key, now)
        return raise_again(conn, pair.key, now), raise_again(conn, apart, now)


def _linked(conn: Connection, kind: str, object_id: str) -> _Linked:
    key = aggregate_of(conn, kind, object_id)
    objects = [one for one in links.objects_of(conn, key) if one.known]
    if kind in {"patient", "person"}:
        raise NotPossibleError("Name the contact that is not theirs: unlink contact ID.")
    if kind == "contact":
        there = next(o for o in objects if (o.kind, o.remote_id) == ("contact", object_id))
        patient = links.patient_row(conn, key)
        if patient is None:
            raise NotPossibleError(f"Contact {object_id} is linked with no patient.")
        return _Linked(key, (patient,), there)
    here = [o for o in objects if (o.system, o.kind) == ("drchrono", "appointment")]
    there_ = [o for o in objects if (o.system, o.kind) == ("oncall", "appointment")]
    if not here or not there_:
        raise NotPossibleError(f"{kind} {object_id} is linked with nothing on the other side.")
    if not visits.is_shared(conn, key):
        return _Linked(key, (here[0],), there_[-1])
    seated = {a.appointment for a in attendances.attendances(conn, key) if a.current}
    members = tuple(one for one in here if one.id in seated)
    alone = tuple(one for one in members if kind == "appointment" and one.remote_id == object_id)
    if not members or (kind == "appointment" and not alone):
        raise NotPossibleError(f"{kind} {object_id} is in no visit any more.")
    if alone and len(members) > 1:
        return _Linked(key, alone, there_[-1], leaves=True)
    return _Linked(key, members, there_[-1])


def _named(pair: _Linked) -> tuple[tuple[str, object], ...]:
    here = tuple((one.kind, one.remote_id) for one in pair.here)
    return *here, (f"oncall-{pair.there.kind}", pair.there.remote_id)


def _let_go(held: Held, pair: _Linked) -> int:
    """Give one appointment of a group a visit of its own; its participant stays, as nobody's."""
    conn, (here,) = held.conn, pair.here
    stood = next(
        a for a in attendances.attendances(conn, pair.key) if a.current and a.appointment == here.id
    )
    key = transfer.hand_out(held, here, has_marker=False)
    attendances.change_attendance(conn, stood.id, participant=None)
    stands = visits.get(conn, pair.key)
    visits.change(conn, key, starts_at=stands.starts_at, doctor=stands.doctor)
    person = {"person": stood.person, "person_version": stood.person_version}
    attendances.attend(conn, key, appointment=here.id, **person)
    return key


def _take_out(held: Held, pair: _Linked) -> int:
    """Give the OnCall object an aggregate of its own; what hangs on it follows. Returns that."""
    conn = held.conn
    anew: dict[str, Any] = {"create_key": None, "has_marker": False}
    if pair.there.kind == "contact":
        return transfer.hand_out(held, pair.there, "person", **anew)
    anew |= {"made_by_us": False, "generation": 1}
    key = transfer.hand_out(held, pair.there, **anew)
    stands = visits.get(conn, pair.key)
    visits.change(conn, key, starts_at=stands.starts_at)
    # The next OnCall visit of the appointment is another life of it: its marker must differ.
    next_life: dict[str, Any] = {"generation": stands.generation + 1, "hold_until": None}
    next_life["slot_key"] = _slot_without(stands, str(pair.there.remote_id))
    visits.change(conn, pair.key, state="open", **next_life)
    for here in pair.here:
        links.change(conn, here.id, has_marker=False)
    for one in links.objects_of(conn, pair.key):
        if one.kind == "participant":
            links.change(conn, one.id, create_key=None)
            transfer.follow(held, one, key)
    attendances.forget_participants(conn, pair.key)
    return key


def _slot_without(stands: visits.VisitRow, visit_id: str) -> str | None:
    """A group keeps its place, under a key that OnCall's visit can't have; one person's is free."""
    if not stands.shared or stands.slot_key is None:
        return None
    slot = slot_from(stands.slot_key)
    return replace(slot, born=f"{visit_id}-{stands.generation}").key if slot.born else slot.key


def _is_to_be_made(sync: Sync, system: str, obj: Obj) -> bool:
    """Whether an object without a counterpart would get one now."""
    may_write = (
        sync.mapping.may_write_oncall if system == "drchrono" else (sync.mapping.may_write_drchrono)
    )
    shown = read(sync, system, str(obj.remote_id))
    open_ = isinstance(shown.state, State) and not terminal(shown.state)
    to_come = not isinstance(shown.starts, Absent) and shown.starts >= sync.clock()
    doctor = None if isinstance(shown.provider, Absent) else shown.provider
    return sync.live and may_write and open_ and to_come and allowed.may_create(sync, doctor)


def read(sync: Sync, system: str, remote_id: str) -> Visit:
    """A visit as one system shows it now. Raises UnknownError when it is gone."""
    ticket = sync.task_ticket(Lane.LIVE)
    try:
        if system == "drchrono":
            json = sync.drchrono.get_appointment(ticket, remote_id, verbose=True)
            return drchrono.to_visit(json, sync.mapping)
        return oncall.to_visit(sync.oncall.get_appointment(ticket, remote_id), sync.mapping)
    except Gone:
        raise UnknownError(f"It is not in {system} any more.") from None


# --- exclude --------------------------------------------------------------------------------------


def exclude_preview(sync: Sync, patient_id: str, *, undo: bool = False) -> Preview:
    """What leaving a patient out (or taking them in again) leads to. Raises UnknownError."""
    with sync.store.read() as conn:
        key = aggregate_of(conn, "patient", patient_id)
        count = len(attendances.open_attendances_of_person(conn, key, now=sync.clock()))
    if undo:
        line = f"patient {patient_id} is synced again; {count} visits to come are looked at"
        return Preview((line,), mails=count)
    line = f"nothing is written about patient {patient_id} any more (0 mails)"
    return Preview((line, f"{count} visits to come stay as they are, in both systems"))


def exclude(sync: Sync, patient_id: str, *, undo: bool = False) -> tuple[Ring, ...]:
    """Stop syncing a patient, or begin again. Returns what to ring. Raises UnknownError."""
    with sync.store.write() as conn:
        now = sync.clock()
        key = aggregate_of(conn, "patient", patient_id)
        persons.exclude(conn, key, excluded=not undo)
        if undo:
            decisions.forget(conn, "exclude", patient_id)
        action = "include" if undo else "exclude"
        decisions.note(conn, action, patient_id, "", now=now)
        deeds.note(conn, Deed(action, (("patient", patient_id),)), now)
        attended = attendances.open_attendances_of_person(conn, key, now=now)
        waiting = blockers.changed(conn, blockers.OPERATOR, f"excluded:{patient_id}", now)
        keys = {key, *(one.visit for one in attended), *waiting}
        return tuple(raise_again(conn, one, now) for one in sorted(keys))
