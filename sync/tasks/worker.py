"""Run one aggregate for a worker: claim it, work on it, and give it back in the right way."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from sync.batches import slices
from sync.batches.step import SLICE_SECONDS
from sync.config import Mode
from sync.core.errors import AuthFailed, FencedOff, NotBefore, Refused, RemoteError, Unresolved
from sync.core.rules.views import Plan
from sync.core.tokens import StoredToken
from sync.core.wire import MalformedError
from sync.drchrono import keeper, oauth
from sync.intake import series
from sync.log import cause
from sync.mapping import MappingError, UnmappedError, ZoneUnknownError
from sync.outbound.brake import NO_DOCTOR, BrakedError
from sync.people import reconcile
from sync.run import waiting
from sync.run.evidence import accounts, standing
from sync.run.outcomes import AbsorbedError, LaterError, NothingThereError, ParkedError
from sync.runtime import Ring, Sync
from sync.store import attention, calls
from sync.store.lanes import Hints
from sync.store.tables import blockers, claims, journal, links, work
from sync.store.tables.claims import FenceLostError, Lease
from sync.store.visits import visits
from sync.visits import reconcile as visit_run
from sync.visits.linking import second_patient
from sync.visits.settle import finish
from sync.visits.state import zones
from sync.visits.state.model import VisitRun

BACKOFF_FIRST = 2.0
BACKOFF_MOST = 900.0
# Told once for the whole service, not once for each item that meets them.
OF_THE_SERVICE = frozenset(
    {"auth", "mapping_unusable", "not_connected", zones.UNKNOWN, keeper.ELSEWHERE}
)
# So many writes of one aggregate that were answered, but by no word of the API's, are told.
GAVE_UP, GAVE_UP_WITHIN = 5, timedelta(hours=1)
GIVE_UP_TELLING = 8  # attempts after which an item that keeps failing is told to an operator


def run(
    sync: Sync, aggregate: int, *, yields: bool = True, seconds: float = SLICE_SECONDS
) -> tuple[Ring, ...]:
    """Work on one aggregate if it is due and nobody is at it; returns the keys due now.

    `yields` is off where nobody would take what a batch gives way to; `seconds` is how long one is
    worked on at the most. Never raises for remote trouble: the item is given back to be tried
    later, or parked. Raises SQLAlchemyError when the database is out of reach; the lease then runs
    out by itself.
    """
    if sync.settings.sync_mode is Mode.PAUSED:
        return ()
    if sync.misfit() is not None:
        return ()
    begun = _begin(sync, aggregate)
    if begun is None:
        return ()
    begun.yields, begun.seconds = yields, seconds
    lease = begun.lease
    if begun.wrong:
        _later(sync, lease, sync.clock() + accounts.HELD)
        return ()
    rings: tuple[Ring, ...] = ()
    try:
        with sync.keeper.kept(begun.token):
            rings = _work(sync, begun)
    except (FencedOff, FenceLostError):
        sync.log.warning("lease lost", aggregate=aggregate)
        return ()
    except AbsorbedError as absorbed:
        return _due(sync, absorbed.into)
    finally:
        if begun.visit is not None:
            sync.gate.give_back(begun.visit.ticket)
    return (*rings, *_again_due(sync, lease))


@dataclass(slots=True)
class _Begun:
    """An item that is ours, with what its run needs to know of a visit, or why that can't run."""

    lease: Lease
    wrong: bool  # under another account than the pinned one nothing is worked on
    visit: visit_run.Begun | None = None
    token: StoredToken | None = None
    failure: Exception | None = None
    yields: bool = True
    seconds: float = SLICE_SECONDS


def _begin(sync: Sync, aggregate: int) -> _Begun | None:
    """Claim an item, and load a visit in the same transaction; None: there is nothing to do.

    What keeps the visit from running is dealt with after the commit, as if its run had met it.
    """
    with sync.store.write() as conn:
        held = standing.read(conn, sync)
        if held.behind:
            return None
        seconds, now = sync.settings.lease_seconds, sync.clock()
        lease = claims.claim(conn, aggregate, owner=sync.owner, now=now, seconds=seconds)
        if lease is None:
            return None
        begun = _Begun(lease, bool(held.wrong))
        if begun.wrong or lease.kind != "visit":
            return begun
        try:
            begun.visit = visit_run.begin(conn, sync, lease)
            if begun.visit.hints.drchrono:
                begun.token = sync.tokens.read(conn, oauth.SYSTEM)
            first = visit_run.first_read(begun.visit)
            if first is not None:
                sync.gate.permit_ahead(conn, first, begun.visit.ticket)
        except SQLAlchemyError:
            raise
        except Exception as failure:  # noqa: BLE001 - raised by `_run`, after the commit
            begun.failure = failure
    return begun


def _work(sync: Sync, begun: _Begun) -> tuple[Ring, ...]:
    """Do the run; returns what it raised, of a batch. What it ends on decides how it is given."""
    lease = begun.lease
    rings: tuple[Ring, ...] = ()
    try:
        rings = _run(sync, begun)
        _ended(sync, lease)
    except (FencedOff, FenceLostError, AbsorbedError):
        raise
    except NothingThereError:
        _nothing_there(sync, lease)
    except LaterError as later:
        _later(sync, lease, later.due, hints=later.hints, failed=later.failed, own=later.own)
    except NotBefore as closed:
        _later(sync, lease, closed.until)
    except Unresolved:
        _unresolved(sync, lease)
    except Exception as failure:
        parked = _parked(failure)
        if parked is not None:
            _park(sync, lease, parked)
        elif isinstance(failure, RemoteError):
            _again(sync, lease, failure.code)
        else:
            sync.log.error("a run failed", aggregate=lease.aggregate, **cause(failure))  # noqa: TRY400
            _again(sync, lease, "defect")
            raise
    return rings


def _run(sync: Sync, begun: _Begun) -> tuple[Ring, ...]:
    if begun.failure is not None:
        raise begun.failure
    if begun.visit is not None:
        _visit(visit_run.run_of(sync, begun.visit))
    elif begun.lease.kind == "batch":
        return slices.run(sync, begun.lease, yields=begun.yields, seconds=begun.seconds)
    else:
        reconcile.run(sync, begun.lease)
    return ()


def _visit(run: VisitRun) -> None:
    """Run a visit; the base of a series is none, and is followed to its occurrences instead."""
    if series.follow(run):
        finish(run, Plan(skipped="not_a_visit"))
    else:
        visit_run.reconcile(run)


def _ended(sync: Sync, lease: Lease) -> None:
    """A run came to its end, not to a wait: who waits for what this aggregate held is raised."""
    if not lease.ended or not lease.ended[-1].awaited:
        return
    with sync.store.write() as conn:
        blockers.wake(conn, blockers.RUN, str(lease.aggregate), now=sync.clock())
        attention.close_cause(conn, lease.aggregate, claims.KEEPS_FAILING, sync.clock())


def _parked(failure: Exception) -> ParkedError | None:
    """What waits for somebody or something, and for whom; None for what is merely to be retried."""
    match failure:
        case ParkedError():
            return failure
        case BrakedError():
            return ParkedError(failure.waits_for, failure.ref or NO_DOCTOR, failure.cause)
        case AuthFailed(code=keeper.ELSEWHERE):
            return ParkedError("auth", failure.code, keeper.ELSEWHERE)
        case AuthFailed():
            return ParkedError("auth", failure.code, "auth")
        case Refused():
            return ParkedError("operator", failure.code, "refused", candidates=failure.fields)
        case ZoneUnknownError():
            doctor = failure.doctor
            return ParkedError("zone", doctor, zones.UNKNOWN, candidates=(doctor,))
        case UnmappedError():
            return ParkedError("mapping", "unmapped", "unmapped", candidates=(str(failure),))
        case MappingError():
            return ParkedError("mapping", "unusable", "mapping_unusable")
        case MalformedError():
            return ParkedError("operator", failure.field, "malformed", candidates=(failure.field,))
    return None


def _later(
    sync: Sync,
    lease: Lease,
    due: datetime,
    *,
    hints: Hints | None = None,
    failed: bool = False,
    own: bool = False,
) -> None:
    with sync.store.write() as conn:
        claims.defer(conn, lease, due=due, hints=hints, failed=failed, own=own)


def _unresolved(sync: Sync, lease: Lease) -> None:
    """Look at a write without an outcome when it has landed, or never will.

    Where something in front of the API answers each one, the tries grow apart, and it is told.
    """
    now = sync.clock()
    with sync.store.read() as conn:
        count = calls.count_answered_in_vain(conn, lease.aggregate, now - GAVE_UP_WITHIN)
    apart = sync.settings.late_seconds * 2 ** max(0, min(count, 30) - 1)
    due = now + timedelta(seconds=min(BACKOFF_MOST, apart))
    _later(sync, lease, due, hints=Hints.both())
    if count >= GAVE_UP:
        with sync.store.write() as conn:
            attention.open_item(conn, lease.aggregate, claims.KEEPS_FAILING, now=now)


def _again(sync: Sync, lease: Lease, code: str) -> None:
    """Back off with full jitter; an item that keeps failing is told, and goes on trying."""
    doubled = min(lease.attempts, 30)  # an outage of days has more attempts than a float has room
    most = min(BACKOFF_MOST, BACKOFF_FIRST * 2**doubled)
    seconds = random.uniform(0.2, most)  # noqa: S311 - jitter, not a secret
    sync.log.info("a run is tried again", aggregate=lease.aggregate, reason=code)
    with sync.store.write() as conn:
        now = sync.clock()
        claims.defer(conn, lease, due=now + timedelta(seconds=seconds), failed=True)
        if lease.attempts + 1 >= GIVE_UP_TELLING and lease.kind != "batch":  # its page tells
            attention.open_item(conn, lease.aggregate, claims.KEEPS_FAILING, now=now)


def _park(sync: Sync, lease: Lease, parked: ParkedError) -> None:
    """Done until what it waits for changes. The deliveries are explained by that."""
    with sync.store.write() as conn:
        now = sync.clock()
        claims.hold(conn, lease, now=now, seconds=sync.settings.lease_seconds)
        links.unblock(conn, lease.aggregate)
        attention.close_rest(
            conn, lease.aggregate, now, keep=(parked.cause or "",), keep_about=second_patient.TOLD
        )
        waiting.block(conn, lease.aggregate, parked, since=lease.begun, object_id=parked.object_id)
        if parked.cause is not None:
            attention.open_item(
                conn,
                0 if parked.cause in OF_THE_SERVICE else lease.aggregate,
                parked.cause,
                now=now,
                object_id=parked.object_id,
                candidates=list(parked.candidates) or None,
            )
        if parked.kind != "visit":
            visits.hold(conn, lease.aggregate, None)
        if parked.cause == "too_many_writes":
            visits.freeze(conn, lease.aggregate, now)
        journal.explain(conn, journal.unexplained(conn, lease.aggregate), now)
        claims.complete(conn, lease, ended=None)


def _nothing_there(sync: Sync, lease: Lease) -> None:
    """Done with an id that nothing is under; its rows are dropped when an hour is over."""
    with sync.store.write() as conn:
        now = sync.clock()
        claims.hold(conn, lease, now=now, seconds=sync.settings.lease_seconds)
        links.unblock(conn, lease.aggregate)
        attention.close_rest(conn, lease.aggregate, now)
        journal.explain(conn, journal.unexplained(conn, lease.aggregate), now)
        claims.complete(conn, lease, ended=None)


def _again_due(sync: Sync, lease: Lease) -> tuple[Ring, ...]:
    """The ring of an item that was given back and is due again: something was said meanwhile."""
    if not lease.ended:
        return ()
    ended = lease.ended[-1]
    if ended.due is None or ended.due > sync.clock():
        return ()
    return (Ring(lease.aggregate, ended.lane),)


def _due(sync: Sync, key: int) -> tuple[Ring, ...]:
    with sync.store.read() as conn:
        due = work.due_among(conn, (key,), sync.clock())
    return tuple(Ring(due_key, lane) for due_key, lane in due)
