"""Keep one side by hand: overwrite what the other says of a visit or a person.

The losing side's fields are settled as they stand and the kept side's count as changed, so that the
next run carries them, by the usual rules: brake, budget, direction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sync.core.errors import Gone
from sync.core.records import Absent, State
from sync.core.rules.effects import Patch
from sync.core.rules.lifecycle import terminal
from sync.core.rules.merge import Seen
from sync.core.rules.people import NAMES
from sync.core.rules.views import FIELDS, Plan
from sync.core.wording import Json
from sync.oncall import translate as oncall
from sync.operations import by_hand
from sync.operations.by_hand import NotPossibleError, Preview
from sync.operations.lookup import BusyError, UnknownError, aggregate_of
from sync.outbound.gate import Ticket
from sync.people import charts, contact_search
from sync.run.outcomes import LaterError
from sync.runtime import Ring, Sync
from sync.store.tables import attendances, baselines, decisions, journal, links, work
from sync.store.tables.links import Obj
from sync.store.tables.work import Lane, Lease
from sync.visits import reconcile
from sync.visits.state.load import load
from sync.visits.state.model import VisitRun
from sync.visits.state.read import read_side

SIDES = ("drchrono", "oncall")
# The baseline of a kept field: no value of either side has this digest, so the field is an edit.
KEPT = "kept by hand"


def keep_preview(
    sync: Sync, side: str, kind: str, object_id: str, fields: tuple[str, ...] = ()
) -> Preview:
    """What keeping a side would write; every differing field, or those named.

    Raises UnknownError, NotPossibleError, BusyError, and the RemoteErrors of the reads.
    """
    with _leased(sync, kind, object_id) as lease:
        if _is_person(sync, lease):
            return _people_preview(_differing(sync, lease, side, fields))
        started, names = _visit(sync, lease, fields)
        for system, shown in started.state.read.items():
            shown.seen |= dict.fromkeys(names, Seen.CHANGED if system == side else Seen.SAME)
        return _visit_preview(reconcile.make_plan(started), live=sync.live)


def keep(
    sync: Sync, side: str, kind: str, object_id: str, fields: tuple[str, ...] = (), *, by: str
) -> tuple[Ring, ...]:
    """Have one side overwrite the other. Returns what to ring. Raises as `keep_preview`."""
    with _leased(sync, kind, object_id) as lease:
        if _is_person(sync, lease):
            _keep_people(sync, lease, _differing(sync, lease, side, fields))
        else:
            _keep_visit(sync, lease, side, *_visit(sync, lease, fields))
        with sync.store.write() as conn:
            now = sync.clock()
            work.hold(conn, lease, now=now, seconds=sync.settings.lease_seconds)
            decisions.note(conn, "keep", f"{kind}:{object_id}"[:64], side, by=by, now=now)
            return (by_hand.raise_again(conn, lease.aggregate, now),)


@contextmanager
def _leased(sync: Sync, kind: str, object_id: str) -> Iterator[Lease]:
    with sync.store.write() as conn:
        key = aggregate_of(conn, kind, object_id)
        (lease,) = by_hand.lock(conn, sync, [key])
    try:
        yield lease
    except LaterError as later:
        raise BusyError("what was read may be older than what we know", later.due) from None
    finally:
        with sync.store.write() as conn:
            work.give_back(conn, lease, now=sync.clock())


def _is_person(sync: Sync, lease: Lease) -> bool:
    with sync.store.read() as conn:
        return links.kind_of(conn, lease.aggregate) == "person"


# --- visits ---------------------------------------------------------------------------------------


def _visit(sync: Sync, lease: Lease, fields: tuple[str, ...]) -> tuple[VisitRun, tuple[str, ...]]:
    """The visit with both sides read, and which of its fields differ (of those asked for)."""
    with sync.store.read() as conn:
        state = load(conn, lease, sync.clock())
    if state.is_group:
        raise NotPossibleError(
            "This is a group visit: change what is wrong in DrChrono (in each appointment) or in "
            "OnCall; the other side follows."
        )
    run = VisitRun(sync, lease, Ticket(Lane.LIVE, lease), sync.mapping, state)
    for system in SIDES:
        read_side(run, system)
    if set(state.read) != set(SIDES):
        raise NotPossibleError("Only one side of it is there.")
    left, right = (state.read[system].visit for system in SIDES)
    names = [name for name in FIELDS if _differ(getattr(left, name), getattr(right, name))]
    if _is_over(left.state) is not _is_over(right.state):
        names.append("state")
    return run, _chosen(names, fields, (*FIELDS, "state"))


def _differ(left: object, right: object) -> bool:
    return not isinstance(left, Absent) and not isinstance(right, Absent) and left != right


def _is_over(state: object) -> bool:
    return isinstance(state, State) and terminal(state)


def _chosen(
    differing: list[str], asked: tuple[str, ...], known: tuple[str, ...]
) -> tuple[str, ...]:
    """Raises NotPossibleError for a field that is none, or when nothing differs."""
    for name in asked:
        if name not in known:
            raise NotPossibleError(f"{name} is none of {', '.join(known)}.")
    found = tuple(name for name in differing if not asked or name in asked)
    if not found:
        raise NotPossibleError("Both sides say the same: there is nothing to keep.")
    return found


def _visit_preview(plan: Plan, *, live: bool) -> Preview:
    lines, mails = [], 0
    for effect in plan.effects:
        if isinstance(effect, Patch):
            mail = int(live and effect.system == "oncall")
            mails += mail
            said = f"{', '.join(effect.values)}: written to {effect.system}"
            lines.append(f"{said} ({mail} mail{'' if mail == 1 else 's'})")
        else:
            lines.append(type(effect).__name__)
    lines += [f"{name}: waits for its direction to be allowed" for name in plan.held]
    lines += [f"a person is asked: {cause}" for cause in plan.asks]
    return Preview(tuple(lines), mails)


def _keep_visit(sync: Sync, lease: Lease, side: str, run: VisitRun, names: tuple[str, ...]) -> None:
    with sync.store.write() as conn:
        work.hold(conn, lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
        for system, shown in run.state.read.items():
            obj = run.state.object(system)
            assert obj is not None  # noqa: S101 - it was read
            wire = {name: shown.wire[name] for name in names if name in shown.wire}
            if system == side:
                wire = dict.fromkeys(wire, KEPT)
            digests = sync.digests.fields(obj.id, wire)
            baselines.settle(conn, obj.id, digests, sync.digests.key_id, zone=shown.visit.zone)


# --- people ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Target:
    """A contact or participant, which of its fields are not the chart's, and how they stand."""

    obj: Obj
    names: tuple[str, ...]
    digests: dict[str, str]


def _differing(sync: Sync, lease: Lease, side: str, fields: tuple[str, ...]) -> list[_Target]:
    if side != "drchrono":
        raise NotPossibleError(
            "Names and addresses flow from the chart: change it in DrChrono, "
            "or say keep drchrono to write it to OnCall."
        )
    ticket = Ticket(Lane.LIVE, lease)
    with sync.store.read() as conn:
        patient = links.patient_row(conn, lease.aggregate)
    if patient is None:
        raise NotPossibleError("No DrChrono patient is linked with it.")
    try:
        json = sync.drchrono.get_patient(ticket, str(patient.remote_id))
    except Gone:
        raise UnknownError("The patient is not in DrChrono any more.") from None
    table = sync.mapping.addresses
    chart, found = charts.read(sync, json), []
    for obj in _targets(sync, lease.aggregate):
        names = contact_search.FIELDS if obj.kind == "contact" else NAMES
        if obj.kind == "contact":
            record = sync.oncall.get_contact(ticket, str(obj.remote_id))
            shown: object = oncall.to_person(record, table)
        else:
            record = sync.oncall.get_participant(ticket, str(obj.remote_id))
            shown = oncall.to_attendee(record, table)
        wire = oncall.wire(obj.kind, record)
        differs = [n for n in names if n in wire and _differ(getattr(chart, n), getattr(shown, n))]
        chosen = tuple(n for n in differs if not fields or n in fields)
        if chosen:
            stands = {name: wire[name] for name in chosen}
            found.append(_Target(obj, chosen, sync.digests.fields(obj.id, stands)))
    _chosen([name for one in found for name in one.names], fields, contact_search.FIELDS)
    return found


def _targets(sync: Sync, key: int) -> list[Obj]:
    """The person's contacts, and their participants of open visits still to come."""
    with sync.store.read() as conn:
        attended = attendances.open_attendances_of_person(conn, key, now=sync.clock())
        found = [one for one in links.objects_of(conn, key) if one.kind == "contact"]
        found += [links.get(conn, one.participant) for one in attended if one.participant]
    return [one for one in found if one.known]


def _people_preview(found: list[_Target]) -> Preview:
    lines, mails = [], 0
    for one in found:
        mail = int(one.obj.kind == "participant")
        mails += mail
        said = f"{', '.join(one.names)}: written to {one.obj.kind} {one.obj.remote_id}"
        lines.append(f"{said} ({mail} mail{'' if mail == 1 else 's'})")
    return Preview(tuple(lines), mails)


def _keep_people(sync: Sync, lease: Lease, found: list[_Target]) -> None:
    with sync.store.write() as conn:
        now = sync.clock()
        work.hold(conn, lease, now=now, seconds=sync.settings.lease_seconds)
        for one in found:
            baselines.settle(conn, one.obj.id, one.digests, sync.digests.key_id)
            links.change(conn, one.obj.id, seen_at=now)  # the run need not read it again
        patient = links.patient_row(conn, lease.aggregate)
        if patient is not None:
            kept: dict[str, Json] = dict.fromkeys((n for one in found for n in one.names), KEPT)
            digests = sync.digests.fields(patient.id, kept)
            baselines.settle(conn, patient.id, digests, sync.digests.key_id)
        journal.close_one(conn, lease.aggregate, "contact_differs", now)
