"""Keep one side of a visit by hand: find what differs, show what keeping it writes, note it.

Of a visit that several share, time, length, type and provider are compared for each appointment,
and whether it stands is compared with its participant.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sync.core.records import Absent, State
from sync.core.rules.effects import (
    CancelParticipant,
    Effect,
    Invite,
    Mark,
    Patch,
    SendAway,
    TakeSlot,
)
from sync.core.rules.lifecycle import terminal
from sync.core.rules.merge import Seen
from sync.core.rules.views import FIELDS
from sync.core.wording import Json
from sync.oncall.translate import participants_wire
from sync.operations.hand.by_hand import NotPossibleError, Preview
from sync.outbound.gate import Ticket
from sync.run.outcomes import ParkedError
from sync.runtime import Sync
from sync.store.lanes import Lane
from sync.store.tables import baselines, claims
from sync.store.tables.baselines import Stored
from sync.store.tables.claims import Lease
from sync.store.tables.links import Obj
from sync.visits import reconcile
from sync.visits.state.load import load
from sync.visits.state.model import Seat, Shown, VisitRun
from sync.visits.state.view import view

# The baseline of a kept field: no value of either side has this digest, so the field is an edit.
KEPT = "kept by hand"


@dataclass(frozen=True)
class Differing:
    """One object of a visit, as it stands, and its fields of which the other side says otherwise.

    `shown` is what was read of it; a participant has none of its own.
    """

    system: str
    obj: Obj
    names: tuple[str, ...]
    wire: dict[str, Json]
    shown: Shown | None


@dataclass(frozen=True)
class ComparedVisit:
    """A visit with both sides read, and what differs (of those fields that were asked for)."""

    run: VisitRun
    differing: tuple[Differing, ...]


def find(
    sync: Sync, lease: Lease, kind: str, object_id: str, fields: tuple[str, ...]
) -> ComparedVisit:
    """Read the visit; of a shared one an `appointment` is compared alone.

    Raises NotPossibleError for an unknown field, when one side is not there, or nothing differs.
    """
    with sync.store.read() as conn:
        state = load(conn, lease, sync.clock())
    run = VisitRun(sync, lease, Ticket(Lane.LIVE, lease), sync.mapping, state)
    try:
        reconcile.without_effects(run)
    except ParkedError as parked:
        raise NotPossibleError(f"What it says can't be compared: {parked.cause}.") from None
    alone = object_id if state.is_group and kind == "appointment" else None
    seats = [
        seat
        for seat in run.seats
        if seat.shown is not None and alone in {None, seat.appointment.remote_id}
    ]
    there = run.oncall()
    if there is None or not seats:
        raise NotPossibleError("Only one side of it is there.")
    found = _of_several(run, seats, there) if state.is_group else _of_one(run, seats[0], there)
    return ComparedVisit(run, chosen(found, fields))


def _of_one(run: VisitRun, seat: Seat, there: Shown) -> list[Differing]:
    shown, oncall = seat.shown, run.state.object("oncall")
    assert shown is not None and oncall is not None  # noqa: S101, PT018 - both were read
    names = _places(shown, there)
    if _is_over(shown.visit.state) is not _is_over(there.visit.state):
        names = (*names, "state")
    return [
        Differing("drchrono", seat.appointment, names, shown.wire, shown),
        Differing("oncall", oncall, names, there.wire, there),
    ]


def _of_several(run: VisitRun, seats: list[Seat], there: Shown) -> list[Differing]:
    oncall, members = run.state.object("oncall"), {one.id: one for one in view(run).members}
    assert oncall is not None  # noqa: S101 - it was read
    found, places, over = [], set[str](), run.oncall_over() is not None
    listed = participants_wire(there.json)
    for seat in seats:
        shown, member, row = seat.shown, members[seat.attended.id], seat.participant
        if shown is None or row is None or member.there is None:
            continue  # it is not in the OnCall visit: nothing there is told of it
        names = () if over else _places(shown, there)
        places.update(names)
        if _is_over(member.state) is not _is_over(member.there):
            names = (*names, "state")
            if over:
                places.add("state")
            else:
                wire = listed.get(str(row.remote_id), {})
                found.append(Differing("oncall", row, ("state",), wire, None))
        found.append(Differing("drchrono", seat.appointment, names, shown.wire, shown))
    names = tuple(name for name in (*FIELDS, "state") if name in places)
    return [*found, Differing("oncall", oncall, names, there.wire, there)]


def _places(shown: Shown, there: Shown) -> tuple[str, ...]:
    left, right = shown.visit, there.visit
    return tuple(name for name in FIELDS if differ(getattr(left, name), getattr(right, name)))


def differ(left: object, right: object) -> bool:
    """Whether two values say different things; what one side does not tell is no difference."""
    return not isinstance(left, Absent) and not isinstance(right, Absent) and left != right


def _is_over(state: object) -> bool:
    return isinstance(state, State) and terminal(state)


def chosen(differing: list[Differing], asked: tuple[str, ...]) -> tuple[Differing, ...]:
    """What differs of the fields asked for."""
    refuse_unknown(asked, (*FIELDS, "state"))
    kept = []
    for one in differing:
        names = tuple(name for name in one.names if not asked or name in asked)
        if names:
            kept.append(Differing(one.system, one.obj, names, one.wire, one.shown))
    if not kept:
        raise NotPossibleError("Both sides say the same: there is nothing to keep.")
    return tuple(kept)


def refuse_unknown(asked: tuple[str, ...], known: tuple[str, ...]) -> None:
    """Raise NotPossibleError for a field that is none."""
    for name in asked:
        if name not in known:
            raise NotPossibleError(f"{name} is none of {', '.join(known)}.")


# --- showing it -----------------------------------------------------------------------------------


def preview(sync: Sync, side: str, compared: ComparedVisit) -> Preview:
    """What the next run would write if that side is kept."""
    run = compared.run
    for one in compared.differing:
        if one.shown is not None:
            seen = Seen.CHANGED if one.system == side else Seen.SAME
            one.shown.seen |= dict.fromkeys(one.names, seen)
        for name, digest in _as_kept(sync, one, side).items():
            run.state.stored[one.obj.id, name] = Stored(sync.digests.key_id, digest)
    plan = reconcile.make_plan(run)
    said = [line for effect in plan.effects for line in _line(run, effect, live=sync.live)]
    lines = [line for line, _mails in said]
    lines += [f"{name}: waits for its direction to be allowed" for name in plan.held]
    lines += [f"a person is asked: {cause}" for cause in plan.asks]
    if not lines:
        lines = ["nothing is written: the appointments differ, and most of them do not say so"]
    return Preview(tuple(lines), sum(mails for _line, mails in said))


def _line(run: VisitRun, effect: Effect, *, live: bool) -> Iterator[tuple[str, int]]:
    """One effect in words, and how many mails it sends."""
    match effect:
        case Patch(system, values, _, attendance):
            mails = _coming(run) if live and system == "oncall" else 0
            where = system if attendance is None else f"appointment {_named(run, attendance)}"
            yield f"{', '.join(values)}: written to {where} ({_mails(mails)})", mails
        case CancelParticipant(attendance):
            said = f"the participant of appointment {_named(run, attendance)}"
            yield f"{said}: cancelled in oncall ({_mails(int(live))})", int(live)
        case Invite(joins, again):
            mails = (len(joins) + len(again)) * int(live)
            yield f"participants: added in oncall ({_mails(mails)})", mails
        case SendAway(leaving):
            for one in leaving:
                said = f"appointment {_named(run, one)}: gets a visit of its own"
                yield f"{said} ({_mails(int(live))})", int(live)
        case TakeSlot() | Mark():
            pass  # nobody sees it
        case _:
            yield type(effect).__name__, 0


def _mails(count: int) -> str:
    return f"{count} mail{'' if count == 1 else 's'}"


def _named(run: VisitRun, attendance: int) -> str:
    return str(run.seat(attendance).appointment.remote_id)


def _coming(run: VisitRun) -> int:
    """How many participants OnCall mails about a change of the visit."""
    shown = run.oncall()
    if shown is None or not run.state.is_group:
        return 1
    return sum(who.cancelled is not True for who in shown.visit.attendees)


# --- keeping it -----------------------------------------------------------------------------------


def keep(sync: Sync, lease: Lease, side: str, compared: ComparedVisit) -> None:
    """Settle the losing side as it stands, and have the kept one count as changed."""
    with sync.store.write() as conn:
        claims.hold(conn, lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
        for one in compared.differing:
            zone = one.shown.visit.zone if one.shown is not None else None
            digests = _as_kept(sync, one, side)
            baselines.settle(conn, one.obj.id, digests, sync.digests.key_id, zone=zone)


def _as_kept(sync: Sync, one: Differing, side: str) -> dict[str, str]:
    wire = {name: one.wire[name] for name in one.names if name in one.wire}
    if one.system == side:
        wire = dict.fromkeys(wire, KEPT)
    return sync.digests.fields(one.obj.id, wire)
