"""Handle baselines under a digest key that we don't have: nothing follows from them.

Such a baseline is neither a change nor none (ADR 0018). What can be told without it, from ids and
places that are stored in clear or because both sides say the same, is settled anew; the rest waits
for a person, once, and nothing is written. When the key is configured again it goes on by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.records import Absent, State
from sync.core.rules import place
from sync.core.rules.lifecycle import terminal
from sync.core.rules.merge import Seen
from sync.core.rules.people import NAMES
from sync.oncall.translate import participants_wire
from sync.run.outcomes import ParkedError
from sync.run.unreadable import CAUSE, _settle, _unreadable, is_in
from sync.store.tables import baselines, links

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from sync.core.records import Visit
    from sync.runtime import Sync
    from sync.store.tables.links import Obj
    from sync.visits.state.model import Seat, Shown, VisitRun, VisitState

PLACE = ("starts", "minutes", "provider")


def patient(conn: Connection, person: int | None, shown: str) -> Seen:
    """How an appointment's patient stands to who attends it, by the ids, which we store."""
    known = links.patient_row(conn, person) if person is not None else None
    if known is None:
        return Seen.UNKNOWN
    return Seen.SAME if known.remote_id == shown else Seen.CHANGED


# --- a visit --------------------------------------------------------------------------------------


def of_visit(run: VisitRun) -> None:
    """Settle anew what can be told without the baseline; the plan asks about what is left.

    Of a shared visit a person is asked at once: raises ParkedError.
    """
    sync, state = run.sync, run.state
    if not is_in(sync.digests, state.stored, frozenset(NAMES) if state.is_group else frozenset()):
        return
    if state.is_group:
        _of_several(run)
        return
    left, right = state.read.get("drchrono"), state.read.get("oncall")
    own, attended = state.object("drchrono"), state.attendance
    if left is None or own is None:
        return
    if left.seen.get("patient") is Seen.UNKNOWN and left.visit.patient:
        with sync.store.read() as conn:
            person = attended.person if attended else None
            left.seen["patient"] = patient(conn, person, left.visit.patient)
    untold = right is not None and isinstance(right.visit.provider, Absent)
    # Where OnCall does not tell its provider, the doctor whom the visit was last brought to does.
    as_noted = left.visit.provider == state.row.doctor
    if left.seen.get("provider") is Seen.UNKNOWN and untold and as_noted:
        left.seen["provider"] = Seen.SAME
    _anew(sync, state, own, left, ("patient", "provider"))
    there = state.object("oncall")
    if untold and as_noted and there is not None:
        _provider_anew(sync, state, there, str(left.visit.provider))


def _anew(sync: Sync, state: VisitState, obj: Obj, shown: Shown, names: Iterable[str]) -> None:
    """Settle fields that were found the same under the current key."""
    wire = {
        name: shown.wire[name]
        for name in names
        if shown.seen.get(name) is Seen.SAME
        and name in shown.wire
        and _unreadable(sync.digests, state.stored, obj.id, name)
    }
    if wire:
        _settle(sync, obj, wire, shown.visit)


def _provider_anew(sync: Sync, state: VisitState, obj: Obj, doctor: str) -> None:
    """What OnCall was sent and does not show: the provider of the doctor whom the visit is with."""
    entry = sync.mapping.doctor(doctor)
    if entry is not None and _unreadable(sync.digests, state.stored, obj.id, "provider"):
        _settle(sync, obj, {"provider": entry.oncall_provider})


# --- a group --------------------------------------------------------------------------------------


def _of_several(run: VisitRun) -> None:
    """All of it was read. Raises ParkedError when anything is left."""
    shown, open_ = run.oncall(), [seat for seat in run.seats if _is_open(seat)]
    left: list[str] = []
    for seat in run.seats:
        left += _of_seat(run, seat, shown)
    obj = run.state.object("oncall")
    if shown is not None and obj is not None:
        same = _stands_in_slot(run, shown.visit)
        for name in [name for name, how in shown.seen.items() if how is Seen.UNKNOWN]:
            alike = {
                "type": all(
                    seat.shown.visit.type == shown.visit.type for seat in open_ if seat.shown
                ),
                "state": run.oncall_over() is None,
            }
            if alike.get(name, same if name in PLACE else False):
                shown.seen[name] = Seen.SAME
            else:
                left.append(name)
        _anew(run.sync, run.state, obj, shown, (*PLACE, "type", "state"))
        if isinstance(shown.visit.provider, Absent) or "provider" not in shown.wire:
            _provider_anew(run.sync, run.state, obj, run.slot.doctor)
    if left:
        names = tuple(dict.fromkeys(left))
        raise ParkedError("operator", CAUSE, CAUSE, candidates=names)


def _is_open(seat: Seat) -> bool:
    state = seat.shown.visit.state if seat.shown is not None else None
    return isinstance(state, State) and not terminal(state)


def _stands_in_slot(run: VisitRun, there: Visit) -> bool:
    told = {"starts": there.starts, "minutes": there.minutes, "doctor": there.provider}
    return all(
        isinstance(value, Absent) or value == getattr(run.slot, name)
        for name, value in told.items()
    )


def _of_seat(run: VisitRun, seat: Seat, there: Shown | None) -> list[str]:
    """The fields of one member that can't be told; the others are settled anew."""
    sync, state, shown, left = run.sync, run.state, seat.shown, list[str]()
    if shown is not None:
        for name in [name for name, how in shown.seen.items() if how is Seen.UNKNOWN]:
            shown.seen[name] = _seat_field(run, seat, shown, there, name)
            left += [name] if shown.seen[name] is Seen.UNKNOWN else []
        _anew(sync, state, seat.appointment, shown, (*PLACE, "type", "state", "patient"))
    row = seat.participant
    if row is None or not _unreadable(sync.digests, state.stored, row.id, "state"):
        return left
    wire = participants_wire(there.json).get(str(row.remote_id), {}) if there else {}
    if wire.get("state") is not (not _is_open(seat)):
        return [*left, "participants"]
    _settle(sync, row, {"state": wire["state"]})
    state.stored |= _stored(sync, row)
    return left


def _seat_field(run: VisitRun, seat: Seat, shown: Shown, there: Shown | None, name: str) -> Seen:
    if name in PLACE:
        return Seen.SAME if place.slot_of(shown.visit) == run.slot else Seen.UNKNOWN
    if name == "patient":
        with run.sync.store.read() as conn:
            return patient(conn, seat.attended.person, shown.visit.patient or "")
    if name == "type":
        alike = there is not None and there.visit.type == shown.visit.type
        return Seen.SAME if alike else Seen.UNKNOWN
    return Seen.SAME if name == "state" and _is_open(seat) else Seen.UNKNOWN


def _stored(sync: Sync, row: Obj) -> dict[tuple[int, str], baselines.Stored]:
    with sync.store.read() as conn:
        return baselines.stored_fields(conn, [row.id])


# --- a person -------------------------------------------------------------------------------------
