"""List a record, and hand it out whole: ids, times, names of fields and causes, never a value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection

from sync.core.printable import row
from sync.operations.records.asked import asked as read_asked
from sync.runtime import Sync
from sync.store.listing import pages
from sync.store.listing.kinds import Record
from sync.store.listing.pages import Asked
from sync.store.listing.places import Place
from sync.store.tables import links
from sync.store.trail.deeds import Deed, note

MOST_ROWS: Final = 50_000  # of one download
MOST_LOOKED_AT: Final = 50  # pages of a search without a hit, in one download
_PIECE: Final = 1000  # rows in memory at a time


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks of a record, as they typed it."""

    about: str = ""
    since: datetime | None = None
    until: datetime | None = None
    only: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One row as it is shown: `values` by column; `leads_to` the visit or person it is about."""

    values: Mapping[str, Any]
    leads_to: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a record. `after` begins the next one; `looked_to`: no further was looked yet."""

    lines: tuple[Line, ...]
    after: Place | None
    looked_to: datetime | None


def listed(
    sync: Sync, record: Record, question: Question, after: Place | None, most: int
) -> Listed:
    """At most so many rows, newest first. Raises UnknownError and SQLAlchemyError."""
    with sync.store.read() as conn:
        found = pages.page(conn, record, _asked(conn, record, question), after, most)
        return Listed(_lines(conn, record, found.rows), found.after, found.looked_to)


def _asked(conn: Connection, record: Record, question: Question) -> Asked:
    return read_asked(
        conn,
        record,
        about=question.about,
        since=question.since,
        until=question.until,
        only=question.only,
    )


def _lines(
    conn: Connection, record: Record, rows: tuple[Mapping[str, Any], ...]
) -> tuple[Line, ...]:
    keys = [_aggregate(record, one) for one in rows]
    kinds = pages.kinds_of(conn, {key for key in keys if key is not None})
    return tuple(
        Line(_values(record, one), _leads_to(key, kinds))
        for one, key in zip(rows, keys, strict=True)
    )


def _leads_to(key: int | None, kinds: Mapping[int, str]) -> tuple[str, str] | None:
    return (kinds[key], str(key)) if key is not None and key in kinds else None


def _aggregate(record: Record, told: Mapping[str, Any]) -> int | None:
    """The visit or person that a row is about, as far as it says."""
    if not record.has_object:
        return _about(told["subjects"])
    found: int | None = told.get("aggregate") or told["object_aggregate"]
    return found


def _about(named: str) -> int | None:
    for one in named.split():
        kind, _, number = one.partition(":")
        if kind == "about" and number.isdecimal() and len(number) <= 18:
            return int(number)
    return None


def _values(record: Record, told: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a record. A day's download and a page show the same."""
    values = {name: told.get(name) for name in record.columns}
    if "object" in values:
        values["object"] = _object(told)
    if "took" in values:
        ended: datetime | None = told["ended_at"]
        values["took"] = None if ended is None else round((ended - told["at"]).total_seconds(), 1)
    return values


def _object(told: Mapping[str, Any]) -> str:
    """System, kind and id of the object that a row is about; "" for none."""
    if told["object_system"] is None:
        return ""
    return links.words(told["object_system"], told["object_kind"], told["object_remote_id"])


# --- handed out -----------------------------------------------------------------------------------


def download(sync: Sync, record: Record, question: Question) -> Iterator[str]:
    """The lines of a CSV, newest first, at most `MOST_ROWS`; who takes it is in the audit first.

    In bounded memory, and no transaction outlasts a piece of it. Where there is more, the last line
    says so. Raises UnknownError before anything is given.
    """
    with sync.store.write() as conn:
        fields = tuple(sorted(_asked(conn, record, question).only))
        note(conn, Deed("download", (("record", record.name),), fields), sync.clock())
    return _lines_of(sync, record, question)


def _lines_of(sync: Sync, record: Record, question: Question) -> Iterator[str]:
    yield row((*record.columns, "visit_or_person"))
    after: Place | None = None
    given = 0
    for _ in range(MOST_ROWS // _PIECE + MOST_LOOKED_AT):
        piece = listed(sync, record, question, after, min(_PIECE, MOST_ROWS - given))
        for line in piece.lines:
            told = " ".join(line.leads_to) if line.leads_to else ""
            yield row((*map(_cell, line.values.values()), told))
        given, after = given + len(piece.lines), piece.after
        if after is None:
            return
        if given >= MOST_ROWS:
            yield row([f"Only the newest {MOST_ROWS} are here: ask for an earlier end."])
            return
    assert after is not None  # noqa: S101 - it was returned from above
    yield row([f"Nothing before {_cell(after.at)} was looked at: ask for that as the end."])


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value
