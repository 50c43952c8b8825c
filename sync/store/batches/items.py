"""Keep the items of batches: what is to become of each, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Connection,
    String,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal,
    not_,
    null,
    or_,
    select,
    update,
)

from sync.core.batch.model import OVER, Fate, Item, Outcome
from sync.store.schema import ONE, batch_item
from sync.store.schema import batch as batch_table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import ColumnElement, RowMapping, Select

_I = batch_item.c
TO_DO = (Fate.CREATE.value, Fate.UPDATE.value)


@dataclass(frozen=True, slots=True)
class Stored:
    """One item, as its row has it. `sealed`: the cells of its line, under the batch's key."""

    batch: int
    number: int
    sealed: bytes | None
    key: str | None
    mailbox: str | None
    fate: Fate | None
    outcome: Outcome | None
    cause: str | None
    column: int | None
    fields: tuple[str, ...]
    candidates: tuple[str, ...]
    source_id: str | None
    remote_id: str | None
    doctor: str | None
    subject: int | None
    due: datetime | None
    tries: int
    failures: int

    def shown(self, url: str | None) -> Item:
        """The item as pages and commands show it."""
        return Item(
            number=self.number,
            fate=self.fate,
            outcome=self.outcome,
            cause=None if self.fate is Fate.LEFT_OUT else self.cause,
            column=self.column,
            fields=self.fields,
            candidates=self.candidates,
            source_id=self.source_id,
            remote_id=self.remote_id,
            url=url,
        )


def _item(found: RowMapping) -> Stored:
    known = dict(found)
    known["fate"] = None if known["fate"] is None else Fate(known["fate"])
    known["outcome"] = None if known["outcome"] is None else Outcome(known["outcome"])
    known["fields"] = tuple(known["fields"] or ())
    known["candidates"] = tuple(known["candidates"] or ())
    return Stored(**known)


def add(conn: Connection, batch: int, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add items: each with its `number`, and other columns alike in all of them."""
    made = [{"batch": batch, **row} for row in rows]
    if made:
        conn.execute(insert(batch_item), made)


def judge(conn: Connection, batch: int, rows: Iterable[Mapping[str, Any]]) -> None:
    """Store what was found of items: each with its `number`, and columns alike in all of them."""
    made = [{f"to_{name}": value for name, value in row.items()} for row in rows]
    if not made:
        return
    columns = [name.removeprefix("to_") for name in made[0] if name != "to_number"]
    changing = (
        update(batch_item)
        .where(_I.batch == batch, _I.number == bindparam("to_number"))
        .values({name: bindparam(f"to_{name}", type_=_I[name].type) for name in columns})
    )
    conn.execute(changing, made)


def change(conn: Connection, batch: int, number: int, **values: Any) -> None:
    """Set columns of one item."""
    conn.execute(update(batch_item).where(_I.batch == batch, _I.number == number).values(**values))


def get(conn: Connection, batch: int, numbers: Collection[int]) -> list[Stored]:
    """Items of these numbers, in their order."""
    query = _of(batch).where(_I.number.in_(numbers)).order_by(_I.number)
    return [_item(one) for one in conn.execute(query).mappings()]


def after(
    conn: Connection,
    batch: int,
    number: int,
    *,
    limit: int,
    fate: Fate | None = None,
    outcome: Outcome | None = None,
) -> list[Stored]:
    """Items after a number, in their order: of one fate or outcome, or all of them."""
    query = _of(batch).where(_I.number > number)
    if fate is not None:
        query = query.where(_I.fate == fate.value)
    if outcome is not None:
        query = query.where(_I.outcome == outcome.value)
    found = conn.execute(query.order_by(_I.number).limit(limit)).mappings()
    return [_item(one) for one in found]


def without_fate(conn: Connection, batch: int, number: int, limit: int) -> list[Stored]:
    """Items after a number that nothing was found of yet."""
    query = _of(batch).where(_I.fate.is_(None), _I.number > number)
    found = conn.execute(query.order_by(_I.number).limit(limit)).mappings()
    return [_item(one) for one in found]


def with_key(conn: Connection, batch: int, keys: Collection[str]) -> dict[str, int]:
    """The first item of each of these keys."""
    query = select(_I.key, func.min(_I.number)).where(_I.batch == batch, _I.key.in_(keys))
    return {row[0]: row[1] for row in conn.execute(query.group_by(_I.key))}


def there_for(conn: Connection, batch: int, cause: str, *, after: int) -> list[Stored]:
    """Items that are there already for this cause, after a number; 500 at the most."""
    query = _of(batch).where(_I.fate == Fate.ALREADY_THERE.value, _I.number > after)
    found = query.where(_I.cause == cause).order_by(_I.number).limit(500)
    return [_item(one) for one in conn.execute(found).mappings()]


def crowded(conn: Connection, batch: int, after: str, more_than: int) -> list[str]:
    """The mailboxes, after one, that more items to be made than so many share."""
    query = select(_I.mailbox).where(_I.batch == batch, _I.mailbox > after)
    several = query.where(_I.fate == Fate.CREATE.value).group_by(_I.mailbox)
    found = several.having(func.count() > more_than).order_by(_I.mailbox).limit(100)
    return list(conn.execute(found).scalars())


def with_mailbox(conn: Connection, batch: int, mailbox: str) -> list[Stored]:
    """The items to be made that share a mailbox."""
    query = _of(batch).where(_I.mailbox == mailbox, _I.fate == Fate.CREATE.value)
    return [_item(one) for one in conn.execute(query.order_by(_I.number)).mappings()]


def _of(batch: int) -> Select[Any]:
    return select(batch_item).where(_I.batch == batch)


# --- the work -------------------------------------------------------------------------------------

_OPEN = _I.outcome.is_(None)
_IN_ORDER = (_I.outcome, _I.due, _I.number)  # as the index has them


def following(conn: Connection, batch: int, now: datetime, limit: int = 1) -> list[Stored]:
    """What is to be done next: what waited and is due, else those that were never put off."""
    due = _of(batch).where(_OPEN, _I.due <= now)
    found = conn.execute(due.order_by(*_IN_ORDER).limit(limit)).mappings().all()
    if not found:
        fresh = _of(batch).where(_OPEN, _I.due.is_(None))
        found = conn.execute(fresh.order_by(*_IN_ORDER).limit(limit)).mappings().all()
    return [_item(one) for one in found]


def earliest(conn: Connection, batch: int) -> datetime | None:
    """When the first of the items that were put off is due; None where none was."""
    query = select(_I.due).where(_I.batch == batch, _OPEN, _I.due.is_not(None))
    at: datetime | None = conn.execute(query.order_by(*_IN_ORDER).limit(ONE)).scalar_one_or_none()
    return at


def begin(conn: Connection, batch: int, number: int) -> None:
    """Note that an item is begun: from now on it may have made something."""
    change(conn, batch, number, tries=_I.tries + 1)


def put_off(
    conn: Connection, batch: int, number: int, due: datetime, *, failed: bool = False
) -> None:
    """Have an item wait; `failed` counts a failure of its own."""
    change(conn, batch, number, due=due, failures=_I.failures + int(failed))


def settle_rest(conn: Connection, batch: int) -> None:
    """Give each item that nothing is to be done for the outcome that its fate says.

    What is there and is to be linked (its `fields` say so) is done like the others.
    """
    same = case({fate.value: fate.value for fate in Fate}, value=_I.fate)
    links = and_(_I.fate == Fate.ALREADY_THERE.value, _I.fields.is_not(None))
    conn.execute(
        update(batch_item)
        .where(_I.batch == batch, _OPEN, _I.fate.not_in(TO_DO), not_(links))
        .values(outcome=same)
    )


def leave_rest(conn: Connection, batch: int) -> None:
    """Leave out what was never begun."""
    conn.execute(
        update(batch_item)
        .where(_I.batch == batch, _OPEN, _I.tries == 0)
        .values(outcome=Outcome.LEFT_OUT.value)
    )


def all_due(conn: Connection, batch: int) -> None:
    """Have what was put off done next."""
    conn.execute(
        update(batch_item).where(_I.batch == batch, _OPEN, _I.due.is_not(None)).values(due=null())
    )


# --- what is left out -----------------------------------------------------------------------------

# Where an item goes back to is what it was found to be: a fate that was left out is kept here.
_KEPT = "was"


def leave_out(
    conn: Connection, batch: int, numbers: Collection[int] | None, of: Fate | None
) -> int:
    """Leave items that something is to be done for out, by their numbers or of one fate.

    What is left out keeps what it was found to be, so that it can be taken back in.
    """
    where: list[ColumnElement[bool]] = [_I.batch == batch, _OPEN]
    if numbers is not None:
        where.append(_I.number.in_(numbers))
    where.append(_I.fate == of.value if of is not None else _I.fate.in_(TO_DO))
    said = {"fate": Fate.LEFT_OUT.value, "cause": literal(f"{_KEPT}_", String) + _I.fate}
    return conn.execute(update(batch_item).where(*where).values(said)).rowcount


def take_in(conn: Connection, batch: int, numbers: Collection[int]) -> int:
    """Take items back in that somebody left out; not those that were left out by themselves."""
    changed = 0
    for fate in Fate:
        made = conn.execute(
            update(batch_item)
            .where(
                _I.batch == batch,
                _OPEN,
                _I.number.in_(numbers),
                _I.fate == Fate.LEFT_OUT.value,
                _I.cause == f"{_KEPT}_{fate.value}",
            )
            .values(fate=fate.value, cause=None)
        )
        changed += made.rowcount
    return changed


# --- counts ---------------------------------------------------------------------------------------


def count_fates(conn: Connection, batch: int) -> dict[Fate, int]:
    """How many items have each fate."""
    query = select(_I.fate, func.count()).where(_I.batch == batch, _I.fate.is_not(None))
    return {Fate(row[0]): row[1] for row in conn.execute(query.group_by(_I.fate))}


def count_outcomes(conn: Connection, batch: int) -> dict[Outcome, int]:
    """How many items have each outcome."""
    query = select(_I.outcome, func.count()).where(_I.batch == batch, _I.outcome.is_not(None))
    return {Outcome(row[0]): row[1] for row in conn.execute(query.group_by(_I.outcome))}


def count_open(conn: Connection, batch: int) -> dict[Fate, int]:
    """How many items of each fate that something is to be done for have no outcome."""
    query = select(_I.fate, func.count()).where(_I.batch == batch, _OPEN, _I.fate.in_(TO_DO))
    return {Fate(row[0]): row[1] for row in conn.execute(query.group_by(_I.fate))}


def count_waiting(conn: Connection) -> list[tuple[str, str, int]]:
    """How many items without an outcome the batches have that are not over, by kind and state."""
    over = [state.value for state in OVER]
    query = (
        select(batch_table.c.kind, batch_table.c.state, func.count(_I.number))
        .join(batch_item, _I.batch == batch_table.c.id)
        .where(batch_table.c.state.not_in(over), _OPEN)
        .group_by(batch_table.c.kind, batch_table.c.state)
    )
    return [(row[0], row[1], row[2]) for row in conn.execute(query)]


def count(conn: Connection, batch: int) -> int:
    """How many items a batch has."""
    query = select(func.count()).where(_I.batch == batch)
    found: int = conn.execute(query).scalar_one()
    return found


def is_any_open(conn: Connection, batch: int) -> bool:
    """Whether an item without an outcome is left that was begun or is to be."""
    query = select(_I.number).where(_I.batch == batch, _OPEN, or_(_I.fate.in_(TO_DO), _I.tries > 0))
    return conn.execute(query.limit(ONE)).first() is not None


# --- what goes ------------------------------------------------------------------------------------


def unseal(conn: Connection, batch: int, most: int) -> int:
    """Forget what some lines say, and what finds their people; ids, causes and counts stay.

    Returns how many lines there were.
    """
    left = or_(_I.sealed.is_not(None), _I.key.is_not(None), _I.mailbox.is_not(None))
    some = select(_I.number).where(_I.batch == batch, left).order_by(_I.number).limit(most)
    numbers = list(conn.execute(some).scalars())
    if not numbers:
        return 0
    first, last = numbers[0], numbers[-1]
    conn.execute(
        update(batch_item)
        .where(_I.batch == batch, _I.number.between(first, last))
        .values(sealed=null(), key=null(), mailbox=null())
    )
    return len(numbers)
