"""Follow doctors' time zones: learn them, wait where one is unknown, carry a change.

An instant has two inputs, the wall clock and the zone it is read in. DrChrono tells no change of
a zone by webhook, so its doctors are looked at with every catch-up. Until a change is carried
(policy `on_zone_change`, or an operator's word), a wall clock that nobody touched means what it
meant: nobody's visit moves unasked. What is booked or moved since is read in the new zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sync.core.rules.merge import Seen
from sync.core.wording import Json
from sync.core.zones import known_zone, moved
from sync.drchrono import translate as drchrono
from sync.run.evidence import accounts
from sync.runtime import Ring, Sync
from sync.store import attention
from sync.store.lanes import Hints, Lane
from sync.store.tables import attendances, baselines, blockers, facts, links, work
from sync.store.tables.work import Wait
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed
from sync.store.visits import visits

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.store.tables.baselines import Stored
    from sync.store.tables.links import Obj
    from sync.visits.state.model import Shown, VisitState

UNKNOWN = "zone_unknown"
CHANGED = "zone_changed"
# The farthest two zones lie apart: what is over in one may be to come in the other.
WIDEST = timedelta(hours=26)
# Workers see a zone that was just learned a second later (`Sync.mapping`).
EVERYWHERE = Wait(2, 2)


@dataclass(frozen=True, slots=True)
class ZoneChange:
    """What another zone of a doctor means: visits to come that move, and the mails this causes.

    `before` are the zones by which they stand now. `carried`: it was allowed, and is under way.
    """

    doctor: str
    before: tuple[str, ...]
    now: str
    visits: int
    mails: int
    carried: bool


# --- learning -------------------------------------------------------------------------------------


def look(sync: Sync) -> tuple[Ring, ...]:
    """Ask for the doctors, one call, and see to what follows. Raises RemoteErrors."""
    doctors = sync.drchrono.doctors(sync.task_ticket())
    accounts.saw(sync, "drchrono", doctors)
    with sync.store.write() as conn:
        remember(conn, doctors, sync.clock())
    return settle(sync)


def remember(conn: Connection, doctors: Iterable[Mapping[str, Json]], now: datetime) -> None:
    """Remember usable zones; what is no zone never replaces one."""
    known = facts.zones(conn)
    for doctor in doctors:
        zone, key = known_zone(doctor.get("timezone")), str(doctor.get("id"))
        if zone is not None and zone != known.get(key):
            facts.put(conn, f"zone:{key}", zone, now)


def settle(sync: Sync) -> tuple[Ring, ...]:
    """Wake what waited for a zone, tell of unknown and changed ones, carry what may be carried."""
    sync.learned()
    mapping = sync.mapping
    with sync.store.write() as conn:
        now = sync.clock()
        keys = [
            key
            for entry in mapping.doctors
            if mapping.zone(entry.drchrono) is not None
            for key in blockers.changed(conn, "zone", entry.drchrono, now)
        ]
        _tell(conn, UNKNOWN, mapping.without_zone, now)
        found = _stale(conn, sync)
        carried = {one.key for one in found if _carries(conn, sync, one)}
        asked = {one.doctor for one in found if one.key not in carried and not _is_left(conn, one)}
        _tell(conn, CHANGED, sorted(asked), now)
        keys += [key for key in sorted(carried) if _is_free(conn, key)]
        for key in keys:
            work.raise_(conn, key, now=now, hints=Hints.both(), lane=Lane.CATCHUP, wait=EVERYWHERE)
    return tuple(Ring(key, Lane.CATCHUP) for key in keys)


def _is_free(conn: Connection, key: int) -> bool:
    """Whether a visit neither waits its turn already nor for something else."""
    waits = work.awaits(work.locked(conn, key), Hints.both(), Lane.CATCHUP)
    return not waits and not links.is_blocked(conn, key)


def _tell(conn: Connection, cause: str, doctors: Sequence[str], now: datetime) -> None:
    """One item for the whole service that names the doctors; it ends when there are none."""
    if not doctors:
        attention.close_cause(conn, 0, cause, now)
        return
    names = sorted(doctors)
    if not attention.open_item(conn, 0, cause, now=now, candidates=names):
        attention.list_open_anew(conn, 0, cause, names)


# --- a zone that changed --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Stale:
    key: int
    doctor: str
    before: str
    now: str


def _stale(conn: Connection, sync: Sync) -> list[_Stale]:
    """The linked visits to come whose wall clock means another instant in the zone as it is now."""
    mapping, now = sync.mapping, sync.clock()
    doctors = [entry.drchrono for entry in mapping.doctors]
    found: dict[int, _Stale] = {}
    for row in visits.linked_by_zone(conn, doctors, now - WIDEST):
        zone, before = mapping.zone(row.doctor), known_zone(row.zone)
        if zone is None or before is None or zone == before:
            continue
        then = moved(row.starts_at, before, zone)
        if then is not None and max(then, row.starts_at) >= now:
            found[row.visit] = _Stale(row.visit, row.doctor, before, zone)
    return list(found.values())


def _carries(conn: Connection, sync: Sync, one: _Stale) -> bool:
    return may_carry(conn, sync, one.doctor, one.now)


def _is_left(conn: Connection, one: _Stale) -> bool:
    """Whether somebody has dropped the question: the visits stay where they are, untold."""
    return facts.get(conn, f"zone_left:{one.doctor}") == one.now


def leave(conn: Connection, sync: Sync, doctors: Iterable[str]) -> None:
    """Ask no more about the zones of these doctors as they are now."""
    for doctor in doctors:
        zone = sync.mapping.zone(doctor)
        if zone is not None:
            facts.put(conn, f"zone_left:{doctor}", zone, sync.clock())


def may_carry(conn: Connection, sync: Sync, doctor: str, zone: str) -> bool:
    """Whether visits that stand by another zone may be moved to where this one puts them."""
    if sync.mapping.policy.on_zone_change == "carry":
        return True
    return facts.get(conn, f"zone_carried:{doctor}") == zone


def changes(sync: Sync) -> list[ZoneChange]:
    """What changed zones mean for the visits to come; makes no call. Raises MappingError."""
    with sync.store.read() as conn:
        found = _stale(conn, sync)
        mails = attendances.count_participants(conn, [one.key for one in found])
        by_doctor: dict[str, list[_Stale]] = {}
        for one in found:
            by_doctor.setdefault(one.doctor, []).append(one)
        return [
            ZoneChange(
                doctor=doctor,
                before=tuple(sorted({one.before for one in stale})),
                now=stale[0].now,
                visits=len(stale),
                mails=sum(max(1, mails[one.key]) for one in stale),
                carried=_carries(conn, sync, stale[0]),
            )
            for doctor, stale in sorted(by_doctor.items())
        ]


def accept(sync: Sync, doctors: Iterable[str]) -> tuple[Ring, ...]:
    """Allow the changes of these doctors' zones as they are now. Returns what to ring."""
    mapping = sync.mapping
    with sync.store.write() as conn:
        for doctor in doctors:
            zone = mapping.zone(doctor)
            if zone is not None:
                facts.put(conn, f"zone_carried:{doctor}", zone, sync.clock())
                deeds.note(conn, Deed("accept_zone", (("doctor", doctor),)), sync.clock())
    return settle(sync)


def read_as_settled(
    sync: Sync, obj: Obj, shown: Shown, stored: Mapping[tuple[int, str], Stored]
) -> None:
    """See an untouched wall clock in another zone for what it is: a change, where it is carried.

    Else the visit stands where it stood, by the zone it was settled with.
    """
    known = stored.get((obj.id, "starts"))
    if known is None or known.zone is None or shown.seen.get("starts") is not Seen.SAME:
        return
    zone = shown.visit.zone
    held = drchrono.to_visit(shown.json, sync.mapping, zone=known_zone(known.zone))
    if held.starts == shown.visit.starts:
        return
    with sync.store.read() as conn:
        if zone is not None and may_carry(conn, sync, str(shown.visit.provider), zone):
            shown.seen["starts"] = Seen.CHANGED
            return
    shown.visit = replace(
        shown.visit, starts=held.starts, starts_note=held.starts_note, zone=held.zone
    )


def note_if_unknown(conn: Connection, state: VisitState, obj: Obj, shown: Shown) -> None:
    """Keep the zone of a settled wall clock that was kept without: its instant tells it."""
    known = state.stored.get((obj.id, "starts"))
    if known is None or known.zone is not None or shown.seen.get("starts") is not Seen.SAME:
        return
    if shown.visit.starts == state.row.starts_at:
        note_used(conn, obj.id, shown.visit.zone)


def note_used(conn: Connection, object_id: int, zone: str | None) -> None:
    """Keep beside the settled wall clock by which zone it was read or written."""
    if zone is not None:
        baselines.note_zone(conn, object_id, zone)
