"""Keep the journal: deliveries, conflicts, counters, heartbeats."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Connection,
    RowMapping,
    bindparam,
    delete,
    func,
    insert,
    null,
    select,
    update,
)

from sync.store import upsert
from sync.store.at_end import counting
from sync.store.schema import ONE, conflict, counter, delivery, heartbeat, object_
from sync.store.tables import at_the_end
from sync.store.tables.told import Settled, Told

UNEXPLAINED_MOST = 20  # of one object
SECONDS_BUCKETS = (0.5, 1, 2, 3, 5, 10, 30, 60, 300, 900, 3600)

_NOTED = tuple(column for column in delivery.c if column.name != "id")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook call (or one line of a scan) that is not explained yet."""

    id: int
    source: str
    event: str
    object: int
    revision: str | None
    key_id: str | None
    digests: Mapping[str, str] | None
    at: datetime


# Of an object's row: the delivery that told of it last, and whether there is room for one more.
_BEFORE = delivery.alias("before")
_NEWEST_ID = (
    select(func.max(_BEFORE.c.id)).where(_BEFORE.c.object == object_.c.id).scalar_subquery()
)
_LAST = (
    select(_BEFORE.c.explained_at)
    .where(_BEFORE.c.object == object_.c.id)
    .order_by(_BEFORE.c.id.desc())
    .limit(UNEXPLAINED_MOST)
    .correlate(object_)
    .subquery()
)
_OPEN = (
    select(func.count())
    .select_from(_LAST)
    .where(_LAST.c.explained_at.is_(None))
    .correlate(object_)
    .scalar_subquery()
)
_NEWEST_OUTCOME = (
    select(_BEFORE.c.outcome)
    .where(_BEFORE.c.object == object_.c.id)
    .order_by(_BEFORE.c.id.desc())
    .limit(ONE)
    .scalar_subquery()
)
NEWEST = (
    _NEWEST_ID.label("newest_id"),
    _NEWEST_OUTCOME.label("newest_outcome"),
    (_OPEN == UNEXPLAINED_MOST).label("is_full"),
)
_OF_ONE = select(*NEWEST).where(object_.c.id == bindparam("of"))

_NEW = {column.name: bindparam(f"new_{column.name}", type_=column.type) for column in _NOTED}
_REPLACE = update(delivery).where(delivery.c.id == bindparam("replaced")).values(_NEW)
_INSERT = insert(delivery).values(_NEW)


@dataclass(frozen=True, slots=True)
class Newest:
    """The delivery that told of an object last; no id where none did.

    `is_full`: so many wait to be explained that a further one takes the place of this.
    """

    id: int | None
    outcome: str | None
    is_full: bool

    @classmethod
    def of(cls, row: RowMapping) -> "Newest":
        """Read it from a row with the columns `NEWEST`."""
        return cls(row["newest_id"], row["newest_outcome"], bool(row["is_full"]))

    def gives_way(self, outcome: str) -> bool:
        """Whether a new delivery is written in its place."""
        return self.is_full if outcome == "raised" else self.outcome == outcome


def newest(conn: Connection, object_id: int) -> Newest:
    """The delivery that told of an object last."""
    return Newest.of(conn.execute(_OF_ONE, {"of": object_id}).mappings().one())


def note_delivery(
    conn: Connection,
    *,
    source: str,
    event: str,
    now: datetime,
    object: int,  # noqa: A002 - the column's name
    outcome: str,
    before: Newest | None = None,
    delivery_id: str | None = None,
    revision: str | None = None,
    key_id: str | None = None,
    digests: Mapping[str, str] | None = None,
) -> None:
    """Write down a delivery and count it by its outcome.

    However often one object is told of, few rows are made: the newest of an object's many
    unexplained ones, or of several without news, gives way. `before` is the newest where it was
    read already.
    """
    last = newest(conn, object) if before is None else before
    values = {
        "new_source": source,
        "new_event": event,
        "new_at": now,
        "new_object": object,
        "new_outcome": outcome,
        "new_delivery_id": delivery_id,
        "new_revision": revision,
        "new_key_id": key_id,
        "new_digests": null() if digests is None else digests,
        "new_explained_at": None if outcome == "raised" else now,
    }
    if last.gives_way(outcome):
        at_the_end.write(conn, _REPLACE, values | {"replaced": last.id})
    else:
        at_the_end.write(conn, _INSERT, values)
    bump(conn, "deliveries", f"source={source},outcome={outcome}")


def note_said(
    conn: Connection,
    said: Told | Settled,
    *,
    source: str,
    object_id: int,
) -> None:
    """Write down, of an id that has a row now, what was said before and was counted then."""
    values = {name: getattr(said, name) for name in ("event", "delivery_id", "revision")}
    row = {"source": source, "object": object_id, "outcome": "raised", "at": said.first_at}
    conn.execute(insert(delivery).values(**row, **values))


_GIVE_DIGESTS = (
    update(delivery)
    .where(
        delivery.c.object == bindparam("of"),
        delivery.c.explained_at.is_(None),
        delivery.c.key_id.is_(None),
    )
    .values(key_id=bindparam("key"), digests=bindparam("read"))
)


def note_read(
    conn: Connection, object_id: int, digests: Mapping[str, str], key_id: str | None
) -> None:
    """Give what was told of an object, without saying what it is, the digests that a read showed.

    So a list that shows no more than this is no news, as after a webhook that says all itself.
    """
    conn.execute(_GIVE_DIGESTS, {"of": object_id, "key": key_id, "read": dict(digests)})


def last_told(conn: Connection, object_id: int) -> tuple[str | None, Mapping[str, str] | None]:
    """The key and digests of the newest delivery that carried an object; None: there is none."""
    newest = (
        select(delivery.c.key_id, delivery.c.digests)
        .where(delivery.c.object == object_id, delivery.c.key_id.is_not(None))
        .order_by(delivery.c.id.desc())
        .limit(ONE)
    )
    row = conn.execute(newest).first()
    return (None, None) if row is None else (row.key_id, row.digests)


_UNEXPLAINED = (
    select(
        delivery.c.id,
        delivery.c.source,
        delivery.c.event,
        delivery.c.object,
        delivery.c.revision,
        delivery.c.key_id,
        delivery.c.digests,
        delivery.c.at,
    )
    .join(object_, object_.c.id == delivery.c.object)
    .where(object_.c.aggregate == bindparam("key"), delivery.c.explained_at.is_(None))
    .order_by(delivery.c.id)
)


def unexplained(conn: Connection, aggregate: int) -> list[Delivery]:
    """Deliveries about an aggregate's objects that no read has explained, oldest first."""
    rows = conn.execute(_UNEXPLAINED, {"key": aggregate}).mappings()
    return [Delivery(**row) for row in rows]


_EXPLAINED = update(delivery).values(explained_at=bindparam("now"))
_EXPLAIN = _EXPLAINED.where(delivery.c.id == bindparam("of"))
_EXPLAIN_ECHO = _EXPLAINED.where(
    delivery.c.object == bindparam("of"),
    delivery.c.explained_at.is_(None),
    delivery.c.revision == bindparam("told"),
)
_HAND_ON = (
    update(delivery)
    .where(delivery.c.object == bindparam("of"))
    .values(object=bindparam("target"))
    .returning(delivery.c.explained_at)
)


def explain_echo(conn: Connection, object_id: int, revision: str | None, now: datetime) -> None:
    """Explain what was told of a new object under the very revision that its create answered."""
    if revision is None:
        return
    conn.execute(_EXPLAIN_ECHO, {"of": object_id, "told": revision, "now": now})


def hand_on(conn: Connection, source: int, target: int) -> bool:
    """Have what was told of one object be told of another; whether any of it is unexplained."""
    rows = conn.execute(_HAND_ON, {"of": source, "target": target}).all()
    return any(row.explained_at is None for row in rows)


def is_unexplained(conn: Connection, object_id: int) -> bool:
    """Whether something was told of an object that no read has explained."""
    open_ = delivery.c.object == object_id, delivery.c.explained_at.is_(None)
    return conn.execute(select(delivery.c.id).where(*open_).limit(ONE)).first() is not None


def explain(conn: Connection, deliveries: Iterable[Delivery], now: datetime) -> None:
    """Mark deliveries as explained, and count how long they took end to end (seconds)."""
    listed = list(deliveries)
    if not listed:
        return
    conn.execute(_EXPLAIN, [{"of": item.id, "now": now} for item in listed])
    for item in listed:
        _observe(conn, (now - item.at).total_seconds())


def _observe(conn: Connection, seconds: float) -> None:
    bump(conn, "end_to_end_count", "")
    bump(conn, "end_to_end_sum", "", by=max(0.0, seconds))
    for limit in SECONDS_BUCKETS:
        if seconds <= limit:
            bump(conn, "end_to_end_bucket", f"le={limit}")
            break


def note_conflict(conn: Connection, object_id: int, field: str, how: str, now: datetime) -> int:
    """Record that both sides changed one field: which and when, never what to. Returns its id."""
    values = {"object": object_id, "field": field, "how": how, "at": now}
    noted: int = conn.execute(
        insert(conflict).values(**values).returning(conflict.c.id)
    ).scalar_one()
    return noted


def is_conflict_noted(conn: Connection, object_id: int, field: str, since: datetime) -> bool:
    """Whether a conflict about a field of an object was recorded since a time."""
    noted = select(conflict.c.id).where(
        conflict.c.object == object_id, conflict.c.field == field, conflict.c.at >= since
    )
    return conn.execute(noted.limit(ONE)).first() is not None


def forget_conflicts(conn: Connection, ids: list[int]) -> None:
    """Take back what was recorded of a write that was not made."""
    conn.execute(delete(conflict).where(conflict.c.id.in_(ids)))


def bump(conn: Connection, name: str, labels: str, by: float = 1.0) -> None:
    """Add to a counter that all processes share, at the end of the transaction."""
    counting.add(conn, name, labels, by)


def read_counters(conn: Connection) -> list[tuple[str, str, float]]:
    """Every shared counter: name, labels as `a=b,c=d`, value."""
    rows = conn.execute(select(counter).order_by(counter.c.name, counter.c.labels))
    return [(row.name, row.labels, row.value) for row in rows]


def beat(conn: Connection, process: str, role: str, now: datetime) -> None:
    """Say that a process is alive."""
    made = upsert.insert(conn, heartbeat).values(process=process, role=role, at=now)
    conn.execute(
        made.on_conflict_do_update(
            index_elements=[heartbeat.c.process], set_={"role": role, "at": now}
        )
    )


def heard(conn: Connection, since: datetime) -> list[tuple[str, str, datetime]]:
    """The processes heard of since a time: name, role, when."""
    rows = conn.execute(
        select(heartbeat).where(heartbeat.c.at >= since).order_by(heartbeat.c.process)
    )
    return [(row.process, row.role, row.at) for row in rows]
