"""Look at one visit for an answer: two reads at most, and the engine's own plan of them.

Nothing is stored or believed of what is read: that is left to a worker's run.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from sync.core.records import Life, State, Visit
from sync.core.rules.effects import (
    Book,
    CancelParticipant,
    CreateAppointment,
    CreateOncall,
    Effect,
    Invite,
    NextGeneration,
    Patch,
)
from sync.core.rules.plan import plan_visit
from sync.core.rules.views import Plan, Presence, SideView, VisitView
from sync.core.wire import MalformedError
from sync.drchrono import translate as drchrono
from sync.mapping import Mapping, UnmappedError, ZoneUnknownError, out_of_scope
from sync.oncall import translate as oncall
from sync.operations.why.asking import Asker, System
from sync.operations.why.facts import Kind, Planned, Read, Side, Trouble
from sync.operations.why.known import is_heard
from sync.run import allowed
from sync.store.lanes import Hints, Lane
from sync.store.tables import links
from sync.store.tables.claims import Lease
from sync.store.tables.links import Obj
from sync.visits import reconcile
from sync.visits.state import read as reading
from sync.visits.state.load import has_participant, load
from sync.visits.state.model import Seat, Shown, VisitRun, policy_of

SYSTEMS: Final[dict[str, System]] = {
    "appointment": "drchrono",
    "oncall-appointment": "oncall",
}
_READ: Final = frozenset({Read.SHOWN, Read.DENIED})
_MAKES: Final = (CreateOncall, CreateAppointment, NextGeneration, Invite, Book)


@dataclass
class Look:
    """One look at a visit: the parts, what was asked for, and what was found out so far."""

    asker: Asker
    mapping: Mapping
    kind: Kind
    id: str
    row: Obj | None
    visit: Visit | None = None
    plan: Planned | None = None
    about: frozenset[int] | None = None  # of a group: the rows that are about the one asked for
    others: tuple[Side, ...] = ()


# --- what both sides show -------------------------------------------------------------------------


def read(look: Look) -> Side:
    """Read what was asked for and its counterpart, and plan; returns what was asked for."""
    row = look.row
    if row is None or row.state == "skipped":
        return _read_alone(look)
    with look.asker.sync.store.read() as conn:
        state = load(conn, _no_lease(look, row.aggregate), look.asker.sync.clock())
    run = VisitRun(look.asker.sync, state.lease, look.asker.ticket, look.mapping, state)
    if look.kind == "appointment":
        seat = next((one for one in run.seats if one.appointment.id == row.id), None)
        return _read_alone(look) if seat is None else _from_drchrono(look, run, seat)
    there = state.object("oncall")
    if there is None or there.id != row.id:
        return _read_alone(look)  # of a former generation
    return _from_oncall(look, run)


def known(look: Look) -> Side:
    """What SQL knows of what was asked for and its counterpart, where nothing can be read."""
    row, system = look.row, SYSTEMS[look.kind]
    if row is None:
        return Side(system, look.id, heard=False)
    with look.asker.sync.store.read() as conn:
        objects = links.objects_of(conn, row.aggregate)
    others = [one for one in objects if one.system != system and one.kind == "appointment"]
    look.others = tuple(_unread(one) for one in others if one.known)
    return replace(_unread(row), heard=is_heard(row))


def _no_lease(look: Look, key: int) -> Lease:
    """A lease in name only: what is read under it is not stored, and nothing is written."""
    now = look.asker.sync.clock()
    fence = 2**31 - 1  # whatever has no outcome yet is of an earlier run
    return Lease(key, fence, "", now, 0, Lane.LIVE, Hints(), 0, "visit", now)


def _read_alone(look: Look) -> Side:
    """What stands for no visit here yet, or not any more."""
    read, json = look.asker.appointment(SYSTEMS[look.kind], look.id)
    row = look.row
    side = Side(
        SYSTEMS[look.kind],
        look.id,
        heard=is_heard(row),
        gone=row is not None and row.state == "gone",
        read=read,
        since=row.created_at if row is not None else None,
    )
    if read is not Read.SHOWN:
        return side
    try:
        translate = drchrono if look.kind == "appointment" else oncall
        look.visit = translate.to_visit(json, look.mapping)
    except MalformedError:
        look.plan = Planned(asks=("malformed",))
        return side
    if look.visit.remote_id != look.id and not side.heard:
        look.visit = None  # the same number written in another way: an answer about another id
        return replace(side, read=Read.DENIED)
    look.plan = _plan_alone(look, look.visit)
    return replace(side, life=_life(look.visit))


def _plan_alone(look: Look, visit: Visit) -> Planned:
    sync, mapping = look.asker.sync, look.mapping
    doctor = visit.provider if isinstance(visit.provider, str) else None
    own = SideView(Presence.LIVE, visit)
    view = VisitView(
        drchrono=own if look.kind == "appointment" else SideView(),
        oncall=own if look.kind != "appointment" else SideView(),
        creating=allowed.may_create(sync, doctor),
        in_scope=look.kind != "appointment" or not out_of_scope(mapping, visit),
    )
    return _planned(plan_visit(view, policy_of(sync, mapping), sync.clock()))


def _from_drchrono(look: Look, run: VisitRun, seat: Seat) -> Side:
    obj = seat.appointment
    source = _read_appointment(look, run, seat)
    there = run.state.object("oncall")
    if run.state.is_group:
        look.about = frozenset({obj.id, seat.participant.id if seat.participant else obj.id})
    if there is not None and (not run.state.is_group or has_participant(seat)):
        look.others = (_of_seat(_read_oncall(look, run, there), run, seat),)
    look.visit = seat.shown.visit if seat.shown is not None else None
    look.plan = _plan(run, (source, *look.others))
    return source


def _from_oncall(look: Look, run: VisitRun) -> Side:
    there = run.state.object("oncall")
    assert there is not None  # noqa: S101 - it is what was asked for
    source = _read_oncall(look, run, there)
    if run.state.is_group:
        look.about = frozenset()  # what is asked about one member keeps the visit from nothing
        look.others = tuple(_unread(seat.appointment) for seat in run.seats)
    else:
        look.others = tuple(_read_appointment(look, run, seat) for seat in run.seats)
    shown = run.oncall()
    look.visit = shown.visit if shown is not None else None
    look.plan = _plan(run, (source, *(() if run.state.is_group else look.others)))
    return source


def _of_seat(there: Side, run: VisitRun, seat: Seat) -> Side:
    """The OnCall visit as it stands for one member of a group: their own participation decides."""
    shown = run.oncall()
    if not run.state.is_group or shown is None or seat.participant is None:
        return there
    wire = oncall.participants_wire(shown.json).get(str(seat.participant.remote_id))
    if wire is None or wire.get("state") is not True:
        return there
    return replace(there, life=Life.CANCELLED)


def _read_appointment(look: Look, run: VisitRun, seat: Seat) -> Side:
    obj, state = seat.appointment, run.state
    if obj.remote_id is None:
        return _unread(obj)
    read, json = look.asker.appointment("drchrono", obj.remote_id, state.row.doctor)
    seat.gone = read is Read.DENIED
    if read is Read.SHOWN:
        try:
            seat.shown = reading.appointment_shown(look.asker.sync, state, obj, json)
            seat.gone = reading.is_deleted(seat.shown)
        except MalformedError:
            read = _unreadable(look, "drchrono")
    return _side(obj, read, seat.shown, gone=seat.gone)


def _read_oncall(look: Look, run: VisitRun, obj: Obj) -> Side:
    state = run.state
    if obj.remote_id is None:
        return _unread(obj)
    read, json = look.asker.appointment("oncall", obj.remote_id)
    state.oncall_gone = read is Read.DENIED
    if read is Read.SHOWN:
        try:
            state.oncall = reading.oncall_shown(look.asker.sync, state, obj, json)
            state.oncall_gone = reading.is_deleted(state.oncall)
        except MalformedError:
            read = _unreadable(look, "oncall")
    return _side(obj, read, state.oncall, gone=state.oncall_gone)


def _unreadable(look: Look, system: System) -> Read:
    look.asker.troubles.setdefault(system, Trouble(system, "malformed"))
    return Read.FAILED


def _unread(obj: Obj) -> Side:
    gone = obj.state == "gone"
    return Side(obj.system, obj.remote_id, gone=gone, since=obj.created_at)


def _side(obj: Obj, read: Read, shown: Shown | None, *, gone: bool) -> Side:
    """One side; a read that shows it decides, else the row."""
    known_gone = obj.state == "gone" and shown is None
    return Side(
        obj.system,
        obj.remote_id,
        heard=is_heard(obj),
        gone=gone or known_gone,
        read=read,
        life=_life(shown.visit) if shown is not None else None,
        since=obj.created_at,
    )


# --- what the engine would do ---------------------------------------------------------------------


def _plan(run: VisitRun, sides: Iterable[Side]) -> Planned | None:
    """The run's own plan; None where a side was not read, or a group has no place yet."""
    state = run.state
    unread = any(one.remote_id is not None and one.read not in _READ for one in sides)
    if unread or (state.is_group and state.place is None):
        return None
    try:
        return _planned(reconcile.make_plan(run))
    except ZoneUnknownError:
        return Planned(asks=("zone_unknown",))
    except UnmappedError:
        return Planned(asks=("unmapped",))


def _planned(plan: Plan) -> Planned:
    names = {name for effect in plan.effects for name in _fields(effect)}
    names |= {name for _system, name in plan.conflicts}
    return Planned(
        skipped=plan.skipped,
        asks=plan.asks,
        until=plan.wait_until,
        makes=any(isinstance(effect, _MAKES) for effect in plan.effects),
        anew=any(isinstance(effect, NextGeneration) for effect in plan.effects),
        fields=tuple(sorted(names)),
    )


def _fields(effect: Effect) -> tuple[str, ...]:
    if isinstance(effect, CancelParticipant):
        return ("state",)
    return tuple(effect.values) if isinstance(effect, Patch) else ()


def _life(visit: Visit) -> Life | None:
    return visit.state.life if isinstance(visit.state, State) else None
