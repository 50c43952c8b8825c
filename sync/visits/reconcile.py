"""Run one visit: read what was hinted, link what belongs together, plan, send, settle.

A visit has attendances, one or several (ADR 0031). The plan is `core.rules.plan`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sync.core.records import SYSTEMS
from sync.core.rules.fates import ASKING, Fate
from sync.core.rules.merge import Seen
from sync.core.rules.people import NAMES
from sync.core.rules.plan import plan_visit
from sync.core.rules.views import FIELDS, Plan
from sync.outbound.gate import Ticket
from sync.people import demographics
from sync.run import allowed
from sync.run.hinted import fruitless, reads
from sync.run.outcomes import LOOK_AGAIN, LaterError, ParkedError
from sync.run.unreadable import is_in
from sync.store.lanes import Hints
from sync.store.service import installation
from sync.store.visits import visits
from sync.visits.creating import newcomers, record, recover
from sync.visits.execute import execute
from sync.visits.linking import (
    by_marker,
    joining,
    listed,
    merged_charts,
    second_patient,
    successors,
)
from sync.visits.settle import finish
from sync.visits.state import later, model, read, slot, unreadable
from sync.visits.state.echo import is_own_echo
from sync.visits.state.load import hints_left, load, wait_for_unresolved
from sync.visits.state.model import VisitRun, VisitState
from sync.visits.state.summary import is_quiet, starts_of
from sync.visits.state.view import view

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.core.errors import NotBefore
    from sync.runtime import Sync
    from sync.store.service.installation import Making
    from sync.store.tables.claims import Lease
    from sync.visits.state.model import Seat


@dataclass(frozen=True, slots=True)
class Begun:
    """A leased visit as it was loaded, and what its run is asked first.

    `hints`: those that ask for a read still; `closed`: why the budgets have no room for it;
    `making`: what making its other side rests on.
    """

    state: VisitState
    hints: Hints
    ticket: Ticket
    closed: NotBefore | None
    making: Making | None


def begin(conn: Connection, sync: Sync, lease: Lease) -> Begun:
    """Load a leased visit, in the transaction that takes the lease.

    Raises ParkedError where a person must decide first.
    """
    state = load(conn, lease, sync.clock())
    if state.row.frozen_at is not None:
        raise ParkedError("operator", "frozen", "too_many_writes")
    allowed.of_visit(conn, state.key, state.people.values(), asked=state.unsure)
    ticket, alone = _ticket(sync, state), None in map(state.object, SYSTEMS)
    making = installation.making(conn) if alone and not state.is_group else None
    closed = sync.gate.closed_until(conn, ticket)
    return Begun(state, hints_left(state), ticket, closed, making)


def first_read(begun: Begun) -> str | None:
    """The system whose side the run of a visit of one reads first; None where that isn't sure."""
    state, hints = begun.state, begun.hints
    unsure = begun.closed is not None or state.is_group or bool(state.unresolved)
    if unsure or not all(one.known for one in state.objects):
        return None
    system = "drchrono" if hints.drchrono else "oncall" if hints.oncall else None
    obj = state.object(system) if system is not None else None
    return None if obj is None or reads.is_closed(obj) else system


def run_of(sync: Sync, begun: Begun) -> VisitRun:
    """The run of a visit that was loaded, by the mapping as it is now."""
    state = begun.state
    run = VisitRun(sync, state.lease, begun.ticket, sync.mapping, state, begun.closed)
    run.known_making = begun.making
    return run


def reconcile(run: VisitRun) -> None:
    """Bring one visit to where both sides agree, and give its lease back as done.

    Raises LaterError, ParkedError and the RemoteErrors of the calls; the caller gives back then.
    An attendance that can't be invited stops no other.
    """
    if run.state.is_group:
        slot.find_place(run)
    recover.resolve(run)
    due = wait_for_unresolved(run.sync, run.state)
    recover.resolve_participants(run)
    hints = hints_left(run.state)
    if not (hints.drchrono or hints.oncall or due.drchrono or due.oncall) and run.state.deliveries:
        finish(run, _as_known(run))
        return
    run.require_room()
    _read_hinted(run, hints, due)
    _hear(run)
    if not run.state.is_group and _is_quiet(run):
        _look_again_if_stale(run, Plan())
        _note_fruitless(run)
        finish(run, Plan())
        return
    _read_rest(run)
    plan = _link(run)
    parked = execute(run, plan) if run.sync.live else {}
    run.has_written = bool(plan.effects) and run.sync.live
    _look_again_if_stale(run, plan)
    finish(run, plan, parked)


def _ticket(sync: Sync, state: VisitState) -> Ticket:
    starts = starts_of(state)
    imminent = starts is not None and state.now <= starts <= state.now + sync.settings.imminent
    return Ticket(state.lease.lane, state.lease, imminent=imminent)


def _as_known(run: VisitRun) -> Plan:
    """How a visit stands whose deliveries are all explained by what is stored."""
    return replace(make_plan(run), effects=()) if run.state.is_group else Plan()


# --- reading --------------------------------------------------------------------------------------


def _read_hinted(run: VisitRun, hints: Hints, due: Hints) -> None:
    """Read the sides that something was said about, or where a write has no known outcome.

    Both, when nothing says which.
    """
    left, right = hints.drchrono or due.drchrono, hints.oncall or due.oncall
    if run.state.is_group:
        hinted = listed.hinted(run) if hints.drchrono else []
        read.read_appointments(run, run.seats if due.drchrono else hinted)
    elif left or not right:
        read.read_appointments(run, run.seats)
    if right or not (left or run.state.is_group):
        listed.read_oncall(run)


def _read_rest(run: VisitRun) -> None:
    """Read what the plan may be wrong without.

    Of a shared visit: OnCall before anything is written there; every member before the visit moves,
    ends or follows. What follows for a member that was not read is a guess: its appointment is
    read.
    """
    if not run.state.is_group:
        _read_all(run)
        return
    plan = make_plan(run)
    if plan.is_quiet and not (_news_of_oncall(run) or _news_of_members(run)):
        _note_fruitless(run)
    else:
        listed.read_oncall(run)
        read.read_appointments(run, _to_read(run, plan))
    if is_in(run.sync.digests, run.state.stored, frozenset(NAMES)):
        _read_all(run)


def _read_all(run: VisitRun) -> None:
    read.read_appointments(run, run.seats)
    listed.read_oncall(run)


def _to_read(run: VisitRun, plan: Plan) -> list[Seat]:
    unsure = plan.slot != run.slot or plan.ends is not None or _news_of_oncall(run)
    away = plan.emptied or bool(plan.of(Fate.LEAVES))
    wanted = set(plan.of(*ASKING))
    every = unsure or away or run.oncall_over() is not None
    return [seat for seat in run.seats if every or seat.attended.id in wanted]


def _news_of_oncall(run: VisitRun) -> bool:
    """Whether the OnCall visit shows something that is not settled, or still lacks our marker."""
    shown, obj = run.oncall(), run.state.object("oncall")
    if shown is None or obj is None:
        return False
    news = any(seen is not Seen.SAME for name, seen in shown.seen.items() if name in model.TOLD)
    return news or not obj.has_marker or bool(newcomers.newcomers(run))


def _news_of_members(run: VisitRun) -> bool:
    """Whether a field of the visit is not settled in an appointment that was read."""
    shown = [seat.shown.seen for seat in run.seats if seat.shown is not None]
    return any(seen.get(name, Seen.SAME) is not Seen.SAME for seen in shown for name in FIELDS)


def _is_quiet(run: VisitRun) -> bool:
    """Whether what was hinted was read, is there, and asks for nothing; nor does anybody wait."""
    state = run.state
    quiet = bool(state.read) and not state.gone and all(is_quiet(state, one) for one in state.read)
    # What it was parked for can be on the side that nothing was said about.
    waits = bool(state.unresolved) or state.parked
    return quiet and not waits and not second_patient.newcomers(run)


def _hear(run: VisitRun) -> None:
    """Raise the people whose participants were renamed in OnCall."""
    shown = run.oncall()
    for seat in run.seats if shown is not None else ():
        row, person = seat.participant, seat.attended.person
        if shown is not None and row is not None and row.known and person is not None:
            demographics.hear(run, row, person, shown.json, run.state.stored)


# --- linking and planning -------------------------------------------------------------------------


def _link(run: VisitRun) -> Plan:
    """Find out what belongs together, then plan: who is the same, what is the same visit.

    Raises AbsorbedError, LaterError and ParkedError where this is another's, or a person decides.
    """
    later.find(run)
    if run.state.is_group:
        unreadable.of_visit(run)
        merged_charts.settle_group(run)
        return make_plan(run)
    by_marker.settle(run)
    _know_place(run)
    successors.settle(run)
    unreadable.of_visit(run)
    merged_charts.settle(run)
    _know_participant(run)
    second_patient.settle(run)
    plan = make_plan(run)
    joining.settle(run, plan)
    return plan


def _know_place(run: VisitRun) -> None:
    """Note where a visit stands before anything can park it: its twin is found by that."""
    state = run.state
    if state.row.starts_at is not None:
        return
    with run.sync.store.write() as conn:
        for shown in state.read.values():
            visits.note_place(conn, state.key, shown.visit)


def _know_participant(run: VisitRun) -> None:
    """A visit of ours that came back by its own webhook still lacks its patient's participant."""
    state, shown = run.state, run.state.read.get("oncall")
    attended = state.attendance
    if shown is None or attended is None or attended.participant is not None:
        return
    with run.sync.store.write() as conn:
        record.participant(conn, run, shown.json)


def make_plan(run: VisitRun) -> Plan:
    """The plan for what was read; reads only, so a dry run is this too."""
    somebody = run.state.is_group and bool(newcomers.newcomers(run))
    return plan_visit(view(run, newcomers=somebody), run.policy, run.state.now)


def without_effects(run: VisitRun) -> Plan:
    """The plan of a visit as it stands, for the dry run; both sides are read."""
    if run.state.is_group:
        slot.find_place(run)
    _read_all(run)
    later.find(run)
    return make_plan(run)


# --- looking again --------------------------------------------------------------------------------


def _look_again_if_stale(run: VisitRun, plan: Plan) -> None:
    """Ask for one more look when what was read can't be what the newest hint told of."""
    state = run.state
    if state.lease.attempts > 0:
        return
    bare = [d for d in state.deliveries if d.source == "oncall"]
    quiet = plan.is_quiet if state.is_group else is_quiet(state, "oncall")
    if bare and quiet and not is_own_echo(run, bare):
        raise LaterError(run.sync.clock() + LOOK_AGAIN, Hints.of("oncall"), failed=True)


def _note_fruitless(run: VisitRun) -> None:
    """Note that a read found nothing behind what callers told, if not the echo of our write."""
    state = run.state
    objects = [seat.appointment for seat in run.seats if seat.shown is not None]
    bare = [d for d in state.deliveries if d.source == "oncall"]
    there = state.object("oncall")
    if there is not None and run.oncall() is not None and bare and not is_own_echo(run, bare):
        objects.append(there)
    for obj in objects:
        fruitless.note(run.sync, state.lease, obj, state.deliveries)
