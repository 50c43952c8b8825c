"""Keep the lines of `decision`: what was decided by hand, about what, by whom and when."""

from datetime import datetime

from sqlalchemy import Connection, delete

from sync.store import upsert
from sync.store.schema import decision


def note(conn: Connection, kind: str, a: str, b: str, *, by: str, now: datetime) -> None:
    """Write a decision down (ids only); said again, the last time and person stand."""
    made = upsert.insert(conn, decision).values(kind=kind, a=a, b=b, by=by, at=now)
    key = [decision.c.kind, decision.c.a, decision.c.b]
    conn.execute(made.on_conflict_do_update(index_elements=key, set_={"by": by, "at": now}))


def forget(conn: Connection, kind: str, a: str) -> None:
    """Take back whatever was decided of that kind about `a`."""
    conn.execute(delete(decision).where(decision.c.kind == kind, decision.c.a == a))
