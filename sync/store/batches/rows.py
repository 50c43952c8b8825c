"""Keep the rows of batches: who opened them, how far they are, what they wait for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, insert, select, update

from sync.core.batch.model import OVER, Batch, Fate, Kind, Outcome, State
from sync.store.schema import aggregate, batch
from sync.store.trail import deeds

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy import RowMapping

IMPORTS = tuple(kind.value for kind in Kind if kind.is_import)


@dataclass(frozen=True, slots=True)
class Row:
    """One batch, as its row has it."""

    id: int
    aggregate: int
    kind: Kind
    state: State
    by: str
    options: Mapping[str, Any]
    cursor: Mapping[str, Any] | None
    total: int | None
    read: int
    cause: str | None
    waits_until: datetime | None
    sealed_key: bytes | None
    opened_at: datetime
    planned_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    drop_at: datetime | None

    def shown(
        self,
        fates: Mapping[Fate, int] | None = None,
        outcomes: Mapping[Outcome, int] | None = None,
    ) -> Batch:
        """The batch as pages and commands show it, with these counts."""
        return Batch(
            id=self.id,
            kind=self.kind,
            state=self.state,
            by=self.by,
            options=self.options,
            opened_at=self.opened_at,
            planned_at=self.planned_at,
            started_at=self.started_at,
            ended_at=self.ended_at,
            drop_at=self.drop_at,
            total=self.total,
            read=self.read,
            cause=self.cause,
            waits_until=self.waits_until,
            has_file=self.sealed_key is not None,
            fates=fates or {},
            outcomes=outcomes or {},
        )


def _row(found: RowMapping) -> Row:
    known = dict(found)
    return Row(**{**known, "kind": Kind(known["kind"]), "state": State(known["state"])})


def add(
    conn: Connection,
    kind: Kind,
    state: State,
    *,
    options: Mapping[str, Any],
    now: datetime,
    **also: Any,
) -> Row:
    """Open a batch, with an aggregate of its own, for whoever acts. `also` are further columns."""
    its_own = insert(aggregate).values(kind="batch", created_at=now).returning(aggregate.c.id)
    key: int = conn.execute(its_own).scalar_one()
    made = conn.execute(
        insert(batch)
        .values(
            aggregate=key,
            kind=kind.value,
            state=state.value,
            by=deeds.whose(conn),
            options=dict(options),
            opened_at=now,
            **also,
        )
        .returning(batch)
    )
    return _row(made.mappings().one())


def get(conn: Connection, number: int) -> Row | None:
    """The batch of that number."""
    found = conn.execute(select(batch).where(batch.c.id == number)).mappings().first()
    return None if found is None else _row(found)


def locked(conn: Connection, number: int) -> Row | None:
    """The same, locked until the transaction ends."""
    query = select(batch).where(batch.c.id == number).with_for_update()
    found = conn.execute(query).mappings().first()
    return None if found is None else _row(found)


def known(row: Row | None) -> Row:
    """A batch that was looked up. Raises LookupError, in a sentence, where there is none."""
    if row is None:
        raise LookupError("There is no batch of that number.")
    return row


def of_aggregate(conn: Connection, key: int) -> Row | None:
    """The batch that an aggregate is of."""
    found = conn.execute(select(batch).where(batch.c.aggregate == key)).mappings().first()
    return None if found is None else _row(found)


def state_of(conn: Connection, number: int) -> State | None:
    """How far a batch is now."""
    state = conn.execute(select(batch.c.state).where(batch.c.id == number)).scalar_one_or_none()
    return None if state is None else State(state)


def change(conn: Connection, number: int, **values: Any) -> None:
    """Set columns of a batch."""
    conn.execute(update(batch).where(batch.c.id == number).values(**values))


def turn(conn: Connection, number: int, to: State, *, of: Collection[State], **values: Any) -> bool:
    """Bring a batch from one of these states to another; False where it is in none of them."""
    among = [state.value for state in of]
    made = conn.execute(
        update(batch)
        .where(batch.c.id == number, batch.c.state.in_(among))
        .values(state=to.value, **values)
    )
    return made.rowcount == 1


def listed(conn: Connection, *, imports: bool, limit: int, before: int | None = None) -> list[Row]:
    """The newest batches, of files or of the record."""
    of_files = batch.c.kind.in_(IMPORTS)
    query = select(batch).where(of_files if imports else ~of_files)
    if before is not None:
        query = query.where(batch.c.id < before)
    found = conn.execute(query.order_by(batch.c.id.desc()).limit(limit)).mappings()
    return [_row(one) for one in found]


def not_over(conn: Connection) -> list[Row]:
    """The batches that are not over; few at any time."""
    over = [state.value for state in OVER]
    query = select(batch).where(batch.c.state.not_in(over)).order_by(batch.c.id)
    return [_row(one) for one in conn.execute(query).mappings()]


# --- what goes ------------------------------------------------------------------------------------


def to_drop(conn: Connection, now: datetime) -> list[Row]:
    """The batches of which something is sealed that was to go by now."""
    query = select(batch).where(batch.c.sealed_key.is_not(None), batch.c.drop_at <= now)
    return [_row(one) for one in conn.execute(query.order_by(batch.c.id)).mappings()]


def to_wipe(conn: Connection) -> list[int]:
    """The batches whose key is deleted, and whose lines are to follow."""
    query = select(batch.c.id).where(batch.c.sealed_key.is_(None), batch.c.drop_at.is_not(None))
    return list(conn.execute(query.order_by(batch.c.id)).scalars())


def remove_old(conn: Connection, before: datetime) -> int:
    """Remove batches that were over before a time, with their items; returns how many."""
    over = [state.value for state in OVER]
    gone = delete(batch).where(batch.c.state.in_(over), batch.c.ended_at < before)
    return conn.execute(gone).rowcount


def remove(conn: Connection, number: int) -> None:
    """Remove a batch of which nothing came to be."""
    conn.execute(delete(batch).where(batch.c.id == number))
