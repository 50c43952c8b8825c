"""List the beat's tasks and how often each runs: once a tick, however many beats there are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sync.batches import expiry
from sync.drchrono.keeper import ELSEWHERE, ConnectionState
from sync.intake import drchrono_lists, oncall_lists, polling
from sync.mapping import MappingError
from sync.matching import match
from sync.operations import pausing
from sync.operations.alerting import tell as alerts
from sync.operations.diff import nightly
from sync.people import mirror, sharing
from sync.run.evidence import accounts, behind
from sync.run.hinted import forget, lists
from sync.runtime import Ring, Sync
from sync.setup import connect, practice
from sync.store import attention
from sync.store.compared import found
from sync.store.lanes import Hints, Lane
from sync.store.service import cleaning, installation, samples, ticks
from sync.store.tables import blockers, facts, work
from sync.store.tables.scans import progress
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed
from sync.store.visits import visits
from sync.tasks import audit, comparing, failing, gaps, missed, sampling
from sync.visits.state import zones

LATE_WRITE = timedelta(minutes=10)
TOKEN_LOST = "token_lost"  # noqa: S105 - a cause, no secret
_SOON = 15.0  # seconds
# When a task that was begun is begun again, if it has not ended well.
UNFINISHED = timedelta(hours=1)
# Rows that are dropped in one transaction, some tens of milliseconds, and how often in an hour:
# more than come to be in one, so that a shorter KEEP_DAYS is kept to in time.
PIECE, PIECES = 5_000, 100


@dataclass(frozen=True, slots=True)
class Task:
    """One task: how many seconds lie between its ticks, and what it does."""

    every_seconds: Callable[[Sync], float]
    run: Callable[[Sync], tuple[Ring, ...]]
    needs_accounts: bool = True


def _every(seconds: float) -> Callable[[Sync], float]:
    return lambda _sync: seconds


def _catchup(sync: Sync) -> float:
    """Ten minutes, and longer as DrChrono's budget shrinks."""
    budget = sync.budget("drchrono")
    usual = sync.settings.catchup_minutes * 60
    if budget.limit is None or budget.left is None or budget.left * 2 >= budget.limit:
        return usual
    return min(6.0, budget.limit / (2 * max(1, budget.left))) * usual


def _newest(sync: Sync) -> float:
    """As the others, but soon again while everything waits for it."""
    with sync.store.read() as conn:
        return _SOON if behind.holds(conn) else _catchup(sync)


def _contacts(sync: Sync) -> float:
    """As many hours as the contacts have pages, a day at most: about a call an hour."""
    pages = int(progress(sync.store, "oncall_contacts").position or 1)
    return 3600.0 * min(24, pages)


def _unless_behind(
    run: Callable[[Sync], tuple[Ring, ...]],
) -> Callable[[Sync], tuple[Ring, ...]]:
    """A scan that does nothing until the links were rebuilt; then it is due at once."""

    def guarded(sync: Sync) -> tuple[Ring, ...]:
        with sync.store.read() as conn:
            if behind.is_noticed(conn):
                return ()
        return run(sync)

    return guarded


def mapping_changed(sync: Sync) -> tuple[Ring, ...]:
    """Wake what waited for the mapping when the file changed; learn what its doctors need."""
    try:
        version = sync.mapping.version
    except MappingError:
        # Whatever it says when it is mended is news, the old content too.
        with sync.store.write() as conn:
            installation.note_mapping(conn, None)
            attention.open_item(conn, 0, "mapping_unusable", now=sync.clock())
        return ()
    with sync.store.read() as conn:
        known = installation.mapping_version(conn)
    if known == version:
        return ()
    rings = practice.learn_anew(sync)
    with sync.store.write() as conn:
        installation.note_mapping(conn, version)
        deeds.note(conn, Deed("mapping_changed", (("version", version),)), sync.clock())
        now = sync.clock()
        attention.close_cause(conn, 0, "mapping_unusable", now)
        waiting = blockers.changed(conn, "mapping", None, now)
        waiting += blockers.changed(conn, blockers.OPERATOR, "left_scope", now)
        waiting += sharing.mapping_changed(conn, sync, now)
        for key in waiting:
            work.raise_(conn, key, now=now, hints=Hints.both(), lane=Lane.CATCHUP)
        mirror.raise_all(conn, sync.mapping, now)
    return (*rings, *(Ring(key, Lane.CATCHUP) for key in waiting))


def mode_changed(sync: Sync) -> tuple[Ring, ...]:
    """When writing begins, what was only planned until now is looked at again."""
    mode = sync.settings.sync_mode.value
    with sync.store.read() as conn:
        known = facts.get(conn, "mode")
    if known == mode:
        return ()
    if sync.live:
        practice.learn_anew(sync)
    with sync.store.write() as conn:
        facts.put(conn, "mode", mode, sync.clock())
        deeds.note(conn, Deed("mode_changed", (("mode", mode),)), sync.clock())
        now, waiting = sync.clock(), list[int]()
        if sync.live:
            waiting += blockers.wake(conn, "mode", None, now=now, lane=Lane.BULK)
            # Another deployment's token may be used now: this one has taken its place.
            waiting += blockers.wake(conn, "auth", ELSEWHERE, now=now, lane=Lane.BULK)
            attention.close_cause(conn, 0, ELSEWHERE, now)
    return tuple(Ring(key, Lane.BULK) for key in waiting)


def token_renewed(sync: Sync) -> tuple[Ring, ...]:
    """Wake what DrChrono refused with the token before this one; a person is not needed for it."""
    _tell_lost(sync)
    version = str(sync.keeper.version())
    with sync.store.read() as conn:
        known = facts.get(conn, "token_version")
    if known == version:
        return ()
    with sync.store.write() as conn:
        now = sync.clock()
        facts.put(conn, "token_version", version, now)
        attention.close_cause(conn, 0, "auth", now)
        waiting = blockers.wake(conn, "auth", None, now=now)
    return tuple(Ring(key, Lane.LIVE) for key in waiting)


def _tell_lost(sync: Sync) -> None:
    """Tell at once of a pair that can't be renewed: its access token may be dead already."""
    state = sync.keeper.status().state
    with sync.store.read() as conn:
        told = attention.is_open(conn, 0, TOKEN_LOST)
    if state is ConnectionState.LOST and not told:
        with sync.store.write() as conn:
            attention.open_item(conn, 0, TOKEN_LOST, now=sync.clock())
    elif state is ConnectionState.GOOD and told:
        with sync.store.write() as conn:
            attention.close_cause(conn, 0, TOKEN_LOST, sync.clock())


def held_visits(sync: Sync) -> tuple[Ring, ...]:
    """Raise visits whose waiting is over: near enough to be made, or without a successor."""
    with sync.store.write() as conn:
        now = sync.clock()
        keys = visits.no_longer_held(conn, now)
        for key in keys:
            work.raise_(conn, key, now=now, hints=Hints.both(), lane=Lane.CATCHUP)
    return tuple(Ring(key, Lane.CATCHUP) for key in keys)


def prune(sync: Sync) -> tuple[Ring, ...]:
    """Forget what has served: old deliveries and calls, late writes that never landed."""
    connect.end_forgotten(sync)
    _drop_old(sync, sync.clock() - timedelta(days=sync.settings.keep_days))
    with sync.store.write() as conn:
        now = sync.clock()
        cleaning.close_merged(conn)
        cleaning.drop_never_landed(conn, now - LATE_WRITE)
        cleaning.drop_heartbeats(conn, now - timedelta(days=1))
        cleaning.drop_tickets(conn, now)
        cleaning.drop_sign_ins(conn, now - timedelta(hours=1))
        samples.drop_old(conn, now - sampling.KEPT)
        found.drop_old(conn, now - timedelta(days=sync.settings.keep_days))
        forget.prune(conn, now)
    return ()


def _drop_old(sync: Sync, before: datetime) -> None:
    """Drop old deliveries and calls by pieces: nobody waits for long until one is committed."""
    for drop in (cleaning.drop_deliveries, cleaning.drop_calls):
        for _ in range(PIECES):
            with sync.store.write() as conn:
                dropped = drop(conn, before, PIECE)
            if dropped < PIECE:
                break


_TASKS: Mapping[str, Task] = {
    "mapping": Task(_every(5), mapping_changed),
    "mode": Task(_every(5), mode_changed),
    "token": Task(_every(5), token_renewed),
    # No webhook tells that a doctor's zone changed, and visits may wait for one. Before `account`:
    # the doctors that it reads prove DrChrono's, which else costs a call after each longer gap.
    "zones": Task(_catchup, zones.look),
    "account": Task(_every(5), accounts.task),
    "matching": Task(_every(15), match.run),
    "practice": Task(_every(24 * 3600), practice.learn),
    "addresses": Task(_every(60), sharing.settle),
    "window": Task(_every(15), held_visits),
    "alerts": Task(_every(60), alerts.run, needs_accounts=False),
    "missed": Task(_every(10), missed.settle, needs_accounts=False),
    "pauses": Task(_every(5), pausing.settle, needs_accounts=False),
    # Before all other scans: whether this is an older copy of the database shows in it (`behind`).
    "oncall_newest": Task(_newest, _unless_behind(oncall_lists.read_newest)),
    "drchrono_appointments": Task(_catchup, _unless_behind(drchrono_lists.read_appointments)),
    "drchrono_patients": Task(_catchup, _unless_behind(drchrono_lists.read_patients)),
    "drchrono_window": Task(_every(24 * 3600), _unless_behind(drchrono_lists.read_window)),
    # Before the tiers: what it has shown as it is settled is not due there.
    "oncall_walk": Task(_every(24 * 3600), _unless_behind(oncall_lists.read_all)),
    "oncall_tiers": Task(_every(300), _unless_behind(polling.oncall_tiers)),
    "oncall_contacts": Task(_contacts, _unless_behind(oncall_lists.read_contacts)),
    "imports": Task(_every(60), expiry.settle, needs_accounts=False),
    # After the scans whose lists it compares by.
    "diff": Task(_every(nightly.EVERY.total_seconds()), _unless_behind(comparing.run)),
    "sample": Task(_every(60), sampling.take, needs_accounts=False),
    "prune": Task(_every(3600), prune, needs_accounts=False),
    "audit": Task(_every(3600), audit.tell_end, needs_accounts=False),
}

TASKS: Mapping[str, Task] = {
    name: replace(task, run=failing.telling(name, task.every_seconds, task.run))
    for name, task in _TASKS.items()
}

# What may run while an account is not the pinned one.
_OF_THE_ACCOUNT = frozenset(
    {"token", "account", "sample", "prune", "audit", "pauses", "alerts", "imports"}
)


def due_tasks(sync: Sync) -> tuple[str, ...]:
    """The tasks whose tick is now and was not taken by another beat; their next tick is set."""
    if sync.misfit() is not None:
        return ()
    now = sync.clock()
    gaps.after_a_gap(sync)
    with sync.store.read() as conn:
        ready = _ready(conn)
        if accounts.holds(conn, sync):
            ready &= _OF_THE_ACCOUNT
        known = ticks.due(conn)
    due = [name for name in TASKS if name in ready and known.get(name, now) <= now]
    return tuple(name for name in due if _take(sync, name))


def _ready(conn: Connection) -> set[str]:
    if gaps.are_matched(conn):
        return set(TASKS)
    if installation.get(conn) is None:
        return {name for name, task in TASKS.items() if not task.needs_accounts}
    return set(TASKS) - gaps.AFTER_MATCHING


def _take(sync: Sync, name: str) -> bool:
    """Move a task's tick on by compare-and-set; False when another beat did."""
    now = sync.clock()
    following = now + min(timedelta(seconds=TASKS[name].every_seconds(sync)), UNFINISHED)
    with sync.store.write() as conn:
        taken = ticks.take(conn, name, now, following)
        if taken and name in lists.OFTEN:
            lists.note_read(conn, name, now)
        return taken


def run(sync: Sync, name: str) -> tuple[Ring, ...]:
    """Run a task whose tick was taken; what is seldom done is due again when it has ended.

    A process that dies in a task, or in one before it, or loses the database, must not put it off
    until tomorrow.
    """
    rings = TASKS[name].run(sync)
    every = timedelta(seconds=TASKS[name].every_seconds(sync))
    if every > UNFINISHED:
        with sync.store.write() as conn:
            ticks.ended(conn, name, unfinished=UNFINISHED, every=every)
    return rings


def run_now(sync: Sync, name: str) -> tuple[Ring, ...]:
    """Run a task whatever its tick; what it raises is due already."""
    return TASKS[name].run(sync)
