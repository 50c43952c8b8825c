"""Keep the differences of the last comparison, and how the last comparisons ended."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select

from sync.store import upsert
from sync.store.schema import ONE, comparison, difference

Place = tuple[str, str, str, str, str]
_PLACE = ("what", "cause", "drchrono", "oncall", "participant")
_KEY = tuple(difference.c[name] for name in _PLACE)
MOST = 5_000  # rows that are kept; the counts tell of all
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference as it is kept."""

    id: int
    what: str
    cause: str
    drchrono: str
    oncall: str
    participant: str
    fields: str
    standing: str
    why: str
    item: int
    since: datetime


class Ended(NamedTuple):
    """How a comparison ended; counts are of all that was found."""

    began_at: datetime
    ended_at: datetime
    status: int
    different: int
    unlinked: int
    explained: int
    on_its_way: int
    meant: int
    undecided: int
    visits: int
    people: int
    trouble: str
    left_out: str


_ROW = tuple(difference.c[name] for name in Difference.__slots__)
_ENDED = tuple(comparison.c[name] for name in Ended._fields)


def since(conn: Connection) -> dict[Place, datetime]:
    """Since when each difference that is kept is known."""
    rows = conn.execute(select(*_KEY, difference.c.since))
    return {(row[0], row[1], row[2], row[3], row[4]): row.since for row in rows}


def keep(conn: Connection, rows: Collection[Mapping[str, Any]]) -> None:
    """Keep these, each once; one that is kept already has its present standing."""
    listed = list(rows)[:MOST]
    for first in range(0, len(listed), _CHUNK):
        made = upsert.insert(conn, difference).values(listed[first : first + _CHUNK])
        news = {name: made.excluded[name] for name in ("fields", "standing", "why", "item")}
        news["since"] = made.excluded["since"]
        conn.execute(made.on_conflict_do_update(index_elements=_PLACE, set_=news))


def forget(conn: Connection, places: Iterable[Place]) -> None:
    """Forget those that are different no more."""
    for place in places:
        at = [column == value for column, value in zip(_KEY, place, strict=True)]
        conn.execute(delete(difference).where(*at))


def ended(conn: Connection, how: Ended) -> None:
    """Note how a comparison ended."""
    conn.execute(insert(comparison).values(**how._asdict()))


def last(conn: Connection, *, told: bool = False) -> Ended | None:
    """How the last comparison ended; `told`: the last that had no trouble with a list."""
    query = select(*_ENDED).order_by(comparison.c.id.desc()).limit(ONE)
    if told:
        query = query.where(comparison.c.trouble == "")
    row = conn.execute(query).first()
    return None if row is None else Ended(*row)


def by_cause(conn: Connection) -> dict[str, int]:
    """How many differences are kept of each cause."""
    rows = conn.execute(
        select(difference.c.cause, func.count().label("number"))
        .group_by(difference.c.cause)
        .order_by(difference.c.cause)
    )
    return {row.cause: row.number for row in rows}


def page(conn: Connection, cause: str, after: int, most: int) -> list[Difference]:
    """Those of a cause (of each, where it is ""), the first found first, beyond a row."""
    query = select(*_ROW).where(difference.c.id > after).order_by(difference.c.id).limit(most)
    if cause:
        query = query.where(difference.c.cause == cause)
    return [Difference(*row) for row in conn.execute(query)]


def drop_old(conn: Connection, before: datetime) -> None:
    """Drop the ends of comparisons from before a time."""
    conn.execute(delete(comparison).where(comparison.c.ended_at < before))
