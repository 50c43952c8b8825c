"""Tell of many records at once what is known of them: who has a contact, which visits are linked.

A few statements for a page of a list, however many records it has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, select

from sync.store.schema import IS_OPEN, attention, blocker, object_, person, visit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import RowMapping

_AT_ONCE = 500  # ids in a statement
_T = TypeVar("_T", str, int)


@dataclass(frozen=True, slots=True)
class Other:
    """What there is of it in the other system, or is being made (`remote_id` None)."""

    remote_id: str | None
    provider: str | None = None
    division: str | None = None


@dataclass(slots=True)
class Stands:
    """How one record stands by what is stored.

    `others` is what is in its aggregate of the other system: contacts of a chart, the visit of an
    appointment, the chart of a contact. `told`: the open causes about it, with what each names;
    `waits`: what it waits for. `told_of`: only a caller has said that it is there.
    """

    aggregate: int
    state: str
    revision: str | None
    told_of: bool
    excluded: bool = False
    others: list[Other] = field(default_factory=list)
    told: dict[str, tuple[str, ...]] = field(default_factory=dict)
    waits: list[tuple[str, str]] = field(default_factory=list)


def charts(conn: Connection, ids: Sequence[str]) -> dict[str, Stands]:
    """How these DrChrono charts stand, by id: those that were ever heard of."""
    return _people(conn, "drchrono", "patient", ids, "contact")


def contacts(conn: Connection, ids: Sequence[str]) -> dict[str, Stands]:
    """How these OnCall contacts stand, by id: those that were ever heard of."""
    return _people(conn, "oncall", "contact", ids, "patient")


def appointments(conn: Connection, system: str, ids: Sequence[str]) -> dict[str, Stands]:
    """How these appointments of a system stand, by id: those that were ever heard of."""
    return _stand(conn, system, "appointment", ids, "appointment")


def alone_in_oncall(
    conn: Connection, starts: Collection[datetime]
) -> list[tuple[str, int, datetime | None, str | None]]:
    """OnCall's open visits that begin at one of these times, or nobody knows when.

    Id, aggregate, start and doctor of those without an appointment.
    """
    rows = conn.execute(
        select(object_.c.remote_id, object_.c.aggregate, visit.c.starts_at, visit.c.doctor)
        .join(visit, visit.c.aggregate == object_.c.aggregate)
        .where(object_.c.system == "oncall", object_.c.kind == "appointment")
        .where(object_.c.state == "live", object_.c.remote_id.is_not(None), ~object_.c.told)
        .where(IS_OPEN)
        .where(visit.c.starts_at.is_(None) | visit.c.starts_at.in_(starts))
        .order_by(object_.c.id)
    ).all()
    linked = {
        one
        for some in _some([row.aggregate for row in rows])
        for one in conn.execute(
            select(object_.c.aggregate).where(
                object_.c.aggregate.in_(some),
                object_.c.system == "drchrono",
                object_.c.kind == "appointment",
                object_.c.state != "gone",
            )
        ).scalars()
    }
    return [tuple(row) for row in rows if row.aggregate not in linked]


def _people(
    conn: Connection, system: str, kind: str, ids: Sequence[str], other: str
) -> dict[str, Stands]:
    found = _stand(conn, system, kind, ids, other)
    by_key = _by_aggregate(found)
    for some in _some(list(by_key)):
        out = select(person.c.aggregate).where(person.c.aggregate.in_(some), person.c.excluded)
        for key in conn.execute(out).scalars():
            for one in by_key[key]:
                one.excluded = True
    return found


def _stand(
    conn: Connection, system: str, kind: str, ids: Sequence[str], other: str
) -> dict[str, Stands]:
    found: dict[str, Stands] = {}
    for some in _some(ids):
        rows = conn.execute(
            select(object_).where(
                object_.c.system == system, object_.c.kind == kind, object_.c.remote_id.in_(some)
            )
        ).mappings()
        for row in rows:
            found[str(row["remote_id"])] = _stands(row)
    by_key = _by_aggregate(found)
    for some_keys in _some(list(by_key)):
        rows = conn.execute(
            select(object_)
            .where(object_.c.aggregate.in_(some_keys), object_.c.system != system)
            .where(object_.c.kind == other, object_.c.state.in_(("live", "creating", "ambiguous")))
            .order_by(object_.c.id)
        ).mappings()
        for row in rows:
            for one in by_key[row["aggregate"]]:
                one.others.append(Other(row["remote_id"], row["provider"], row["division"]))
        _asked(conn, by_key, some_keys)
    return found


def _asked(conn: Connection, by_key: Mapping[int, list[Stands]], some: Sequence[int]) -> None:
    opened = conn.execute(
        select(attention.c.aggregate, attention.c.cause, attention.c.candidates)
        .where(attention.c.aggregate.in_(some), attention.c.closed_at.is_(None))
        .order_by(attention.c.opened_at, attention.c.id)
    )
    for key, cause, named in opened:
        for one in by_key[key]:
            one.told[cause] = _named(named)
    waiting = conn.execute(
        select(blocker.c.aggregate, blocker.c.kind, blocker.c.ref)
        .where(blocker.c.aggregate.in_(some))
        .order_by(blocker.c.since, blocker.c.kind, blocker.c.ref)
    )
    for key, kind, ref in waiting:
        for one in by_key[key]:
            one.waits.append((kind, ref))


def _named(candidates: object) -> tuple[str, ...]:
    if candidates is None:
        return ()
    return tuple(str(one) for one in (candidates if isinstance(candidates, list) else [candidates]))


def _stands(row: RowMapping) -> Stands:
    return Stands(row["aggregate"], row["state"], row["revision"], bool(row["told"]))


def _by_aggregate(found: Mapping[str, Stands]) -> dict[int, list[Stands]]:
    by_key: dict[int, list[Stands]] = {}
    for one in found.values():
        by_key.setdefault(one.aggregate, []).append(one)
    return by_key


def _some(ids: Sequence[_T]) -> Iterator[list[_T]]:
    for first in range(0, len(ids), _AT_ONCE):
        yield list(ids[first : first + _AT_ONCE])
