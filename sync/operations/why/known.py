"""Gather what SQL knows of an aggregate and of the service, for an answer."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from sync.core.causes.waits import EXCLUDED
from sync.core.errors import NotBefore
from sync.mapping import Mapping, MappingError
from sync.operations import pausing
from sync.operations.why.facts import Asked, Facts, Paused, Planned, Queue, Service, Waiting
from sync.outbound import budget
from sync.outbound.gate import A_RUN
from sync.runtime import Sync
from sync.store import attention, pauses
from sync.store.lanes import Lane
from sync.store.people import persons
from sync.store.service import installation
from sync.store.tables import blockers, links, work
from sync.store.tables.links import Obj
from sync.store.visits import visits

# For which nothing at all is worked on, the gravest first.
STOPS: Final = (
    *("wrong_account", "database_behind", "connected_elsewhere", "mapping_unusable"),
    *("not_connected", "token_lost", "auth"),
)


def mapping(sync: Sync) -> Mapping | None:
    """The mapping, or None while its file can't be used."""
    try:
        return sync.mapping
    except MappingError:
        return None


def items(conn: Connection, key: int, about: Collection[int] | None = None) -> tuple[Asked, ...]:
    """The open items about an aggregate, oldest first; of a group those about these objects."""
    return tuple(
        Asked(one.id, one.cause, one.named, one.opened_at)
        for one in attention.of(conn, key)
        if about is None or one.object == 0 or one.object in about
    )


def waits(conn: Connection, key: int, about: Collection[int] | None = None) -> tuple[Waiting, ...]:
    """What an aggregate is parked for, oldest first; of a group what these objects are."""
    return tuple(
        Waiting(one.kind, one.ref, one.since)
        for one in blockers.of_aggregate(conn, key)
        if about is None or one.object == 0 or one.object in about
    )


def queue(conn: Connection, key: int) -> tuple[Queue, Lane]:
    """Where its work stands, and in which lane."""
    found = work.standing(conn, key)
    if found is None:
        return Queue(), Lane.LIVE
    return Queue(found.waits, found.due, found.lease_until), found.lane


def service(
    conn: Connection, sync: Sync, lane: Lane, now: datetime, *, writes: str, doctor: str = ""
) -> Service:
    """How the service stands for a write to one system, about a doctor: budget, pauses, stops."""
    found = {one.cause: one for one in attention.of(conn, 0)}
    stops = [
        Asked(found[cause].id, cause, found[cause].named, found[cause].opened_at)
        for cause in STOPS
        if cause in found
    ]
    if mapping(sync) is None and "mapping_unusable" not in found:
        stops.append(Asked(0, "mapping_unusable"))  # the beat has not seen the file yet
    until, of = _budget(conn, sync, lane, now)
    accepted = installation.accepted_at(conn) is not None
    paused = _paused(conn, writes, lane, doctor, now)
    return Service(str(sync.settings.sync_mode), accepted, tuple(stops), until, of, paused)


def _paused(conn: Connection, system: str, lane: Lane, doctor: str, now: datetime) -> Paused | None:
    """What is paused of all that the gate would ask about before such a write."""
    found = pauses.holding(conn, pauses.of_a_write(system, lane, doctor), now)
    return None if found is None else Paused(pausing.said(found.what), found.at, found.until)


def _budget(conn: Connection, sync: Sync, lane: Lane, now: datetime) -> tuple[datetime | None, str]:
    """Until when a system takes no more calls of a run in this lane, and which."""
    for system, limit in sync.limits.items():
        try:
            budget.ask(conn, {system: limit}, lane, imminent=False, now=now, calls=A_RUN)
        except NotBefore as closed:
            return closed.until, system
    return None, ""


def excluded(conn: Connection, patient: str) -> str:
    """The patient's id where they were excluded by hand, else nothing."""
    row = links.find(conn, "drchrono", "patient", patient) if patient else None
    if row is None:
        return ""
    return patient if persons.get(conn, row.aggregate).excluded else ""


def is_heard(row: Obj | None) -> bool:
    """Whether more than a webhook's word speaks for an object's being there."""
    return row is not None and not row.told


def placed(conn: Connection, sync: Sync, known_mapping: Mapping, facts: Facts, key: int) -> Facts:
    """The same with what is stored of where a visit stands, where no read has shown it."""
    row = visits.get(conn, key)
    doctor = facts.doctor or row.doctor or ""
    held = row.hold_until
    plan = facts.plan
    # Held for less than the grace, it may be waiting for its successor instead.
    grace = timedelta(seconds=sync.settings.grace_seconds)
    if plan is None and held is not None and held > facts.now + grace:
        plan = Planned(skipped="far", until=held)
    return replace(
        facts,
        aggregate=key,
        starts=facts.starts or row.starts_at,
        doctor=doctor,
        zone=facts.zone or (known_mapping.zone(doctor) if doctor else None),
        plan=plan,
    )


def excluded_of(found: tuple[Waiting, ...]) -> str:
    """The patient for whose exclusion something is parked, else nothing."""
    refs = [one.ref for one in found if one.kind == blockers.OPERATOR]
    left_out = [one for one in refs if one.startswith(EXCLUDED)]
    return left_out[0].removeprefix(EXCLUDED) if left_out else ""
