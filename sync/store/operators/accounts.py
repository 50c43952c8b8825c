"""Keep the operators whose password is kept here."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, or_, select, update

from sync.store import upsert
from sync.store.schema import operator


@dataclass(frozen=True, slots=True)
class Account:
    """One operator: `password` is argon2's own form, `totp` the sealed secret of the codes."""

    name: str
    role: str
    password: str
    totp: bytes
    totp_step: int | None
    made_at: datetime
    disabled_at: datetime | None


_COLUMNS = tuple(operator.c[name] for name in Account.__slots__)


def put(
    conn: Connection, name: str, *, role: str, password: str, totp: bytes, now: datetime
) -> bool:
    """Make an operator; False when there is one of that name who may sign in.

    A removed one's name can be given again.
    """
    values = {
        "role": role,
        "password": password,
        "totp": totp,
        "totp_step": None,
        "made_at": now,
        "disabled_at": None,
    }
    made = upsert.insert(conn, operator).values(name=name, **values)
    done = conn.execute(
        made.on_conflict_do_update(
            index_elements=[operator.c.name],
            set_=values,
            where=operator.c.disabled_at.is_not(None),
        ).returning(operator.c.name)
    )
    return done.first() is not None


def find(conn: Connection, name: str) -> Account | None:
    """The operator of that name who may sign in, or None."""
    row = conn.execute(
        select(*_COLUMNS).where(operator.c.name == name, operator.c.disabled_at.is_(None))
    ).first()
    return None if row is None else Account(*row)


def every(conn: Connection) -> list[Account]:
    """All who may sign in, by name."""
    rows = conn.execute(
        select(*_COLUMNS).where(operator.c.disabled_at.is_(None)).order_by(operator.c.name)
    )
    return [Account(*row) for row in rows]


def disable(conn: Connection, name: str, now: datetime) -> bool:
    """Let an operator sign in no more; False when there is none."""
    there = operator.c.name == name, operator.c.disabled_at.is_(None)
    return conn.execute(update(operator).where(*there).values(disabled_at=now)).rowcount == 1


def use_code(conn: Connection, name: str, step: int) -> bool:
    """Note that the code of a step was used; False when it or a later one was before."""
    newer = or_(operator.c.totp_step.is_(None), operator.c.totp_step < step)
    used = conn.execute(
        update(operator)
        .where(operator.c.name == name, operator.c.disabled_at.is_(None), newer)
        .values(totp_step=step)
    )
    return used.rowcount == 1
