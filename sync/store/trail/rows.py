"""Read the audit, newest first, filtered by what a person asks for."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, false, or_, select

from sync.store.schema import audit, audit_subject

_PIECE = 1000  # rows in memory at a time


@dataclass(frozen=True, slots=True)
class Row:
    """One deed, as the audit holds it."""

    seq: int
    at: datetime
    kind: str
    actor: str
    door: str
    action: str
    subjects: str
    fields: str
    outcome: str
    request: str


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for; None asks for all. `subject` is a whole `kind:id`, or the id alone."""

    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    before: int | None = None  # rows below this number: the next page


_COLUMNS = tuple(audit.c[name] for name in Row.__slots__)


def newest(conn: Connection, asked: Filter, most: int) -> list[Row]:
    """At most so many rows, newest first."""
    query = select(*_COLUMNS).where(*_wanted(asked)).order_by(audit.c.seq.desc()).limit(most)
    return [Row(*row) for row in conn.execute(query)]


def every(conn: Connection, asked: Filter) -> Iterator[Row]:
    """Every row, oldest first, in bounded memory."""
    after = 0
    while True:
        query = select(*_COLUMNS).where(*_wanted(asked), audit.c.seq > after)
        rows = [Row(*row) for row in conn.execute(query.order_by(audit.c.seq).limit(_PIECE))]
        yield from rows
        if len(rows) < _PIECE:
            return
        after = rows[-1].seq


def _wanted(asked: Filter) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if asked.since is not None:
        wanted.append(audit.c.at >= asked.since)
    if asked.until is not None:
        wanted.append(audit.c.at < asked.until)
    if asked.actor is not None:
        wanted.append(audit.c.actor == asked.actor)
    if asked.action is not None:
        wanted.append(audit.c.action == asked.action)
    if asked.before is not None:
        wanted.append(audit.c.seq < asked.before)
    if asked.subject is not None:
        wanted.append(_about(asked.subject))
    return wanted


def _about(subject: str) -> ColumnElement[bool]:
    """Whether one of the subjects is this one, and not one that begins or ends alike."""
    kind, colon, named = subject.partition(":")
    whole = audit_subject.c.named == subject
    its = and_(audit_subject.c.named == named, audit_subject.c.kind == kind) if colon else false()
    return audit.c.seq.in_(select(audit_subject.c.seq).where(or_(whole, its)))
