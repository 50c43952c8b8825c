"""What is known of one group visit in a run: its members' rows, and what was read of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from sync.core import people
from sync.core.errors import Gone
from sync.core.group import Slot
from sync.core.lifecycle import attendee_state, terminal
from sync.core.merge import Seen
from sync.core.plan import Presence
from sync.core.records import Life, State
from sync.drchrono import translate as drchrono
from sync.engine import index, rereading
from sync.engine.arrivals import BUSY
from sync.engine.outcomes import LaterError
from sync.engine.seen import compare, matches
from sync.engine.visit_state import (
    LOOKS_AGAIN,
    Shown,
    look_again,
    now_real,
    participants_wire,
    read_side,
    was_deleted,
)
from sync.oncall import translate as oncall
from sync.store import attendances, baselines, journal, links, work
from sync.store.schema import attendance, attention, blocker, visit
from sync.store.work import Hints

if TYPE_CHECKING:
    from sync.core.records import Attendee
    from sync.core.wording import Json
    from sync.engine.visit_state import VisitState
    from sync.engine.visits import VisitRun
    from sync.store.attendances import Attendance
    from sync.store.links import Obj

LOST = "participant_lost"
TOLD = frozenset({"starts", "minutes", "type", "provider", "state", "patient"})


@dataclass
class Seat:
    """One current attendance: its appointment's row, and what was read of it in this run."""

    attended: Attendance
    appointment: Obj
    participant: Obj | None
    parked: bool = False
    shown: Shown | None = None
    gone: bool = False

    @property
    def read(self) -> bool:
        return self.shown is not None or self.gone


@dataclass
class GroupRun:
    """What the steps of one run of a group visit share."""

    started: VisitRun
    slot: Slot
    seats: list[Seat] = field(default_factory=list)
    parked: bool = False  # the visit as a whole waits for something
    emptied: bool = False  # its members have gone, and somebody else is in it

    @property
    def state(self) -> VisitState:
        return self.started.state

    def seat(self, attended: int) -> Seat:
        """The seat of an attendance."""
        return next(seat for seat in self.seats if seat.attended.id == attended)

    def oncall(self) -> Shown | None:
        """The OnCall visit as read in this run."""
        return self.state.read.get("oncall")

    def oncall_over(self) -> State | None:
        """How the OnCall visit ended; None when it is open, was not read, or is not made."""
        if self.state.presence("oncall") is Presence.GONE:
            return State(Life.DELETED)
        shown = self.oncall()
        ended = shown is not None and isinstance(shown.visit.state, State)
        if shown is None or not ended or not terminal(shown.visit.state):  # type: ignore[arg-type]
            return None
        return shown.visit.state  # type: ignore[return-value]


def load_seats(run: GroupRun) -> None:
    """The current members by what SQL knows; what was read of them stays."""
    state = run.state
    with run.started.sync.store.read() as conn:
        state.objects = links.objects_of(conn, state.key)
        current = [a for a in attendances.attendances(conn, state.key) if a.current]
        state.stored = baselines.stored_fields(conn, [o.id for o in state.objects])
        parked = set(
            conn.execute(select(blocker.c.object).where(blocker.c.aggregate == state.key)).scalars()
        )
    known = {obj.id: obj for obj in state.objects}
    before = {seat.appointment.id: seat for seat in run.seats}
    run.seats, run.parked = [], 0 in parked
    for one in current:
        appointment = known.get(one.appointment or 0)
        if appointment is None:
            continue
        seat = Seat(one, appointment, known.get(one.participant or 0))
        seat.parked = appointment.id in parked
        earlier = before.get(appointment.id)
        if earlier is not None:
            seat.shown, seat.gone = earlier.shown, earlier.gone
        run.seats.append(seat)


# --- reading --------------------------------------------------------------------------------------


def hinted(run: GroupRun) -> list[Seat]:
    """The members that something was said about; all when no delivery names one, or all waited."""
    said = [d for d in run.state.deliveries if d.source == "drchrono"]
    if not said or run.parked:
        return run.seats
    news = {
        d.object for d in said if not matches(d.digests or {}, d.key_id, d.object, run.state.stored)
    }
    return [seat for seat in run.seats if seat.appointment.id in news or seat.parked]


def read_seats(run: GroupRun, seats: Iterable[Seat]) -> None:
    """Read members' appointments by id, each once in a run; verbose until it bears our marker."""
    sync, state = run.started.sync, run.state
    for seat in seats:
        obj = seat.appointment
        if seat.read or obj.remote_id is None:
            continue
        if obj.state == "gone":
            seat.gone = True
            continue
        try:
            _read(run, seat)
        except Gone:
            real = None
            if not was_deleted(state, obj):
                real = now_real(sync, run.started.ticket, obj)
            if real is None:
                rereading.believe_gone(sync, state.lease, obj, state.deliveries)
                seat.gone = True
                continue
            seat.appointment = real
            _read(run, seat)
        if _is_stale(run, seat):
            raise look_again(state, "drchrono")


def _read(run: GroupRun, seat: Seat) -> None:
    sync, obj = run.started.sync, seat.appointment
    json = sync.drchrono.get_appointment(
        run.started.ticket, str(obj.remote_id), verbose=not obj.marked
    )
    wire = drchrono.wire("appointment", json)
    seen = compare(sync.digests, obj.id, wire, run.state.stored)
    shown = Shown(json, drchrono.to_visit(json, sync.mapping), wire, seen)
    rereading.believe(sync, run.state.lease, obj, wire, seen, mark=shown.visit.mark)
    seat.shown = shown


def _is_stale(run: GroupRun, seat: Seat) -> bool:
    """Whether a read is older than what a delivery told of this member, or than an earlier read."""
    told = [d.mark for d in run.state.deliveries if d.object == seat.appointment.id]
    marks = [mark for mark in (*told, seat.appointment.mark) if mark]
    mark = seat.shown.visit.mark if seat.shown is not None else None
    if mark is None or not marks or run.state.lease.attempts >= LOOKS_AGAIN:
        return False
    return mark < max(marks)


def read_oncall(run: GroupRun) -> None:
    """Read the OnCall visit, once in a run, and know our participants in it."""
    read_side(run.started.sync, run.state, "oncall", run.started.ticket)
    shown = run.oncall()
    if shown is None:
        return
    _believe_participants(run, shown.json)
    with run.started.sync.store.read() as conn:
        lost = _lost(conn, run, shown.json)
    for seat in lost:
        assert seat.participant is not None  # noqa: S101 - that is who was lost
        rereading.believe_gone(run.started.sync, run.state.lease, seat.participant)
    if lost and run.state.lease.attempts == 0:
        raise look_again(run.state, "oncall")
    with run.started.sync.store.write() as conn:
        found = know_participants(conn, run, shown.json)
        tell_lost(conn, run, shown.json)
    if found:
        load_seats(run)


def _believe_participants(run: GroupRun, json: dict[str, Json]) -> None:
    """Raise LaterError while the list may be from before a participant was cancelled by us."""
    sync, state = run.started.sync, run.state
    listed = participants_wire(json)
    for row in (seat.participant for seat in run.seats):
        wire = listed.get(str(row.remote_id)) if row is not None else None
        if row is not None and wire is not None:
            told = {name: wire[name] for name in ("state",) if name in wire}
            seen = compare(sync.digests, row.id, told, state.stored)
            rereading.believe(sync, state.lease, row, told, seen)


def know_participants(conn: Connection, run: GroupRun, json: dict[str, Json]) -> bool:
    """A member without a participant whose person is there has been added: by us, or by hand.

    E-mail and names decide, by the keyed index: of several who are that person the first, and none
    who is somebody's already. Returns whether any was found.
    """
    attendees = oncall.to_visit(json, run.started.mapping).attendees
    taken = {s.participant.remote_id for s in run.seats if s.participant is not None}
    found = False
    for seat in run.seats:
        if seat.attended.person is None or has_participant(seat):
            continue
        same = [
            who
            for who in attendees
            if who.remote_id not in taken
            and who.cancelled is not True
            and _is_person(conn, run, who, seat.attended.person)
            and is_free(conn, who.remote_id)
        ]
        if not same:
            continue
        keep_participant(conn, run, seat, same[0].remote_id, json)
        taken.add(same[0].remote_id)
        found = True
    return found


def tell_lost(conn: Connection, run: GroupRun, json: dict[str, Json]) -> None:
    """Tell once of a member who is in the visit's list no more; nobody is cancelled for that."""
    now = run.started.sync.clock()
    for seat in _lost(conn, run, json):
        object_id = seat.appointment.id
        journal.open_attention(conn, run.state.key, LOST, now=now, object_id=object_id)


def _lost(conn: Connection, run: GroupRun, json: dict[str, Json]) -> list[Seat]:
    shown = {who.remote_id for who in oncall.to_visit(json, run.started.mapping).attendees}
    told = set(
        conn.execute(
            select(attention.c.object).where(
                attention.c.aggregate == run.state.key, attention.c.cause == LOST
            )
        ).scalars()
    )
    found = []
    for seat in run.seats:
        row = seat.participant
        if row is None or row.remote_id is None or row.remote_id in shown:
            continue
        if seat.appointment.id not in told and not terminal(as_settled(run, row)[0]):
            found.append(seat)
    return found


def has_participant(seat: Seat) -> bool:
    """Whether the member is in the OnCall visit (cancelled or not), as far as is known."""
    return seat.participant is not None and seat.participant.remote_id is not None


def anybody(run: GroupRun) -> bool:
    """Whether a member stands for whom nothing was read yet: one who was just booked."""
    return any(not seat.read for seat in run.seats)


def is_free(conn: Connection, remote_id: str) -> bool:
    """Whether a participant stands for nobody: one of an earlier life is not taken up again."""
    row = links.find(conn, "oncall", "participant", remote_id)
    if row is None:
        return True
    held = select(attendance.c.id).where(attendance.c.participant == row.id).limit(1)
    return conn.execute(held).first() is None


def _is_person(conn: Connection, run: GroupRun, who: Attendee, person: int) -> bool:
    keys = dict(people.keys(who))
    if "email_name" not in keys:
        return False
    return person in index.find(conn, run.started.sync.digests, "email_name", keys["email_name"])


def keep_participant(
    conn: Connection, run: GroupRun, seat: Seat, remote_id: str, json: dict[str, Json]
) -> None:
    """Give a member its participant, with the baselines as the answer shows it."""
    sync, state = run.started.sync, run.state
    if seat.participant is not None:
        made = links.created(conn, seat.participant, remote_id, now=sync.clock())
        row = made or seat.participant
    else:
        row = links.find(conn, "oncall", "participant", remote_id) or links.add(
            conn, state.key, "oncall", "participant", remote_id, now=sync.clock()
        )
    wire = participants_wire(json)[remote_id]
    baselines.settle(conn, row.id, sync.digests.fields(row.id, wire), sync.digests.key_id)
    attendances.change_attendance(conn, seat.attended.id, participant=row.id)
    settle_seat(conn, run, seat)


def settle_seat(conn: Connection, run: GroupRun, seat: Seat, names: Iterable[str] = TOLD) -> None:
    """What the appointment showed was carried: those baselines move."""
    if seat.shown is None:
        return
    digests, obj = run.started.sync.digests, seat.appointment
    wire = {name: value for name, value in seat.shown.wire.items() if name in set(names)}
    if wire:
        baselines.settle(
            conn, obj.id, digests.fields(obj.id, wire), digests.key_id, zone=seat.shown.visit.zone
        )


def as_settled(run: GroupRun, row: Obj) -> tuple[State, Seen]:
    """How a participant stands who was not read: cancelled when that was what it settled at."""
    digests = run.started.sync.digests
    seen = compare(digests, row.id, {"state": True}, run.state.stored)["state"]
    return attendee_state(cancelled=seen is Seen.SAME), Seen.SAME


def is_taken(run: GroupRun, slot: Slot) -> bool:
    """Whether another open visit stands in that slot."""
    with run.started.sync.store.read() as conn:
        return holder(conn, slot, run.state.key) is not None


def take(run: GroupRun, slot: Slot) -> None:
    """Move the visit's slot; one that another visit took meanwhile is seen by the next run."""
    sync = run.started.sync
    try:
        with sync.store.write() as conn:
            now = sync.clock()
            work.hold(conn, run.state.lease, now=now, seconds=sync.settings.lease_seconds)
            conn.execute(
                update(visit)
                .where(visit.c.aggregate == run.state.key)
                .values(slot_key=slot.key, doctor=slot.doctor, starts_at=slot.starts)
            )
    except IntegrityError:
        raise LaterError(sync.clock() + BUSY, Hints.both()) from None
    run.slot = slot


def holder(conn: Connection, slot: Slot, besides: int) -> int | None:
    """The open group visit that has a slot."""
    found: int | None = conn.execute(
        select(visit.c.aggregate).where(
            visit.c.slot_key == slot.key, visit.c.state == "open", visit.c.aggregate != besides
        )
    ).scalar_one_or_none()
    return found
