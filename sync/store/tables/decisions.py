"""Keep what was decided by hand: about what, by whom and when (ids only).

What rests on it is read here; who did what when, in full, is the audit (`store.trail`).

Who was told apart is never paired again, whatever the matching finds. Who a participant is, or that
they are surely nobody known, is kept by the participant's id; what was never asked is not in it.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, select

from sync.store import upsert
from sync.store.schema import ONE, decision
from sync.store.trail.deeds import whose

NEVER_PAIR = "never_pair"
SAME = "same_person"
NEW = "new_patient"
SAME_CHART = "same_chart"
# A kind and an id. Appointment and patient are DrChrono's; visit, participant and contact OnCall's.
Who = tuple[str, str]


def note(conn: Connection, kind: str, a: str, b: str, *, now: datetime) -> None:
    """Write a decision down (ids only); said again, the last time and person stand."""
    by = whose(conn)[:60]
    made = upsert.insert(conn, decision).values(kind=kind, a=a, b=b, by=by, at=now)
    key = [decision.c.kind, decision.c.a, decision.c.b]
    conn.execute(made.on_conflict_do_update(index_elements=key, set_={"by": by, "at": now}))


def forget(conn: Connection, kind: str, a: str) -> None:
    """Take back whatever was decided of that kind about `a`."""
    conn.execute(delete(decision).where(decision.c.kind == kind, decision.c.a == a))


def _is_noted(conn: Connection, kind: str, a: str, b: str | None = None) -> bool:
    row = select(decision.c.at).where(decision.c.kind == kind, decision.c.a == a)
    if b is not None:
        row = row.where(decision.c.b == b)
    return conn.execute(row.limit(ONE)).first() is not None


# --- never to be paired ---------------------------------------------------------------------------


def tell_apart(conn: Connection, one: Who, other: Who, *, now: datetime) -> None:
    """Remember that two objects are never to be paired; saying it twice is once."""
    a, b = _ordered(one, other)
    note(conn, NEVER_PAIR, a, b, now=now)


def forget_apart(conn: Connection, one: Who, other: Who) -> None:
    """Forget that two objects were told apart: somebody has paired them by hand."""
    a, b = _ordered(one, other)
    this = decision.c.kind == NEVER_PAIR, decision.c.a == a, decision.c.b == b
    conn.execute(delete(decision).where(*this))


def are_apart(conn: Connection, one: Who, other: Who) -> bool:
    """Whether two objects were told apart."""
    return _is_noted(conn, NEVER_PAIR, *_ordered(one, other))


def apart(conn: Connection, kind: str, remote_id: str, other: str, ids: Iterable[str]) -> set[str]:
    """Which of `ids` (of kind `other`) are never to be paired with this object."""
    return {one for one in ids if are_apart(conn, (kind, remote_id), (other, one))}


def _ordered(one: Who, other: Who) -> tuple[str, str]:
    first, second = sorted((f"{one[0]}:{one[1]}", f"{other[0]}:{other[1]}"))
    return first, second


# --- who somebody is ------------------------------------------------------------------------------


def say_patient(conn: Connection, participant: str, patient: str, *, now: datetime) -> None:
    """Remember which patient a participant is; the last word counts."""
    forget(conn, SAME, participant)
    note(conn, SAME, participant, patient, now=now)


def say_new(conn: Connection, participant: str, *, now: datetime) -> None:
    """Remember that a participant is nobody known: a patient may be made, whatever the policy."""
    forget(conn, SAME, participant)
    note(conn, NEW, participant, "", now=now)


def say_same_chart(conn: Connection, former: str, chart: str, *, now: datetime) -> None:
    """Remember that a chart is that of the former one's patient: the two were merged."""
    note(conn, SAME_CHART, former, chart, now=now)


def patient_of(conn: Connection, participant: str) -> str | None:
    """The patient that a participant was said to be."""
    found: str | None = conn.execute(
        select(decision.c.b).where(decision.c.kind == SAME, decision.c.a == participant)
    ).scalar_one_or_none()
    return found


def is_same_chart(conn: Connection, former: str, chart: str) -> bool:
    """Whether somebody has said that two charts are of one patient."""
    return _is_noted(conn, SAME_CHART, former, chart)


def may_be_made(conn: Connection, participant: str) -> bool:
    """Whether somebody has said that a participant is nobody known."""
    return _is_noted(conn, NEW, participant)
