"""Keep who was told apart by hand: never paired again, whatever the matching finds.

A line of `decision`: kind `never_pair`, and both remote ids with their kind, in a fixed order.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, select

from sync.store.schema import decision
from sync.store.tables import decisions

KIND = "never_pair"
# appointment and patient are DrChrono's; visit, participant and contact are OnCall's.
Who = tuple[str, str]


def say(conn: Connection, one: Who, other: Who, *, by: str, now: datetime) -> None:
    """Remember that two objects are never to be paired; saying it twice is once."""
    a, b = _ordered(one, other)
    decisions.note(conn, KIND, a, b, by=by, now=now)


def unsay(conn: Connection, one: Who, other: Who) -> None:
    """Forget it: somebody has paired the two by hand."""
    a, b = _ordered(one, other)
    conn.execute(
        delete(decision).where(decision.c.kind == KIND, decision.c.a == a, decision.c.b == b)
    )


def is_said(conn: Connection, one: Who, other: Who) -> bool:
    """Whether two objects were told apart."""
    return bool(apart(conn, *one, other[0], [other[1]]))


def apart(conn: Connection, kind: str, remote_id: str, other: str, ids: Iterable[str]) -> set[str]:
    """Which of `ids` (of kind `other`) are never to be paired with this object."""
    found = set()
    for one in ids:
        a, b = _ordered((kind, remote_id), (other, one))
        row = select(decision.c.at).where(
            decision.c.kind == KIND, decision.c.a == a, decision.c.b == b
        )
        if conn.execute(row).first() is not None:
            found.add(one)
    return found


def _ordered(one: Who, other: Who) -> tuple[str, str]:
    first, second = sorted((f"{one[0]}:{one[1]}", f"{other[0]}:{other[1]}"))
    return first, second
