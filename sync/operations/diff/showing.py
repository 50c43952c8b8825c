"""Show what the last comparison found: its figure, its causes, a page of differences, a CSV.

From SQL alone; nothing is asked of either system.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sync.core import printable
from sync.core.causes import titles
from sync.operations.diff import nightly
from sync.operations.diff.causes import CAUSES
from sync.operations.diff.model import Found, Standing, What
from sync.operations.diff.nightly import Foreseen
from sync.operations.diff.saying import why_said
from sync.operations.inbox.listing import Chip
from sync.operations.lookup import UnknownError
from sync.store.compared import found as kept
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.runtime import Sync
    from sync.store.compared.found import Difference, Ended

PAGE: Final = 50
_PIECE: Final = 500
_COLUMNS: Final = (
    *("what", "cause", "drchrono", "oncall", "participant", "fields"),
    *("standing", "why", "item", "since"),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """What the last comparison came to.

    `different` and `unlinked` (which is part of it) are of the last that could tell, at `told_at`;
    `could_not_tell` says that the very last could not, `why` its codes.
    """

    different: int
    unlinked: int
    told_at: datetime | None
    tried_at: datetime
    could_not_tell: bool
    why: str


@dataclass(frozen=True, slots=True)
class Line:
    """One difference as a page shows it. `kind` and `id` are what its timeline is of."""

    row: Difference
    title: str
    known: str
    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of differences. `after` is the row that the next page begins behind."""

    figure: Figure | None
    last: Ended | None
    chips: tuple[Chip, ...]
    lines: tuple[Line, ...]
    cause: str
    after: int | None
    asked: bool
    cost: Foreseen


def figure(conn: Connection) -> Figure | None:
    """The figure of the first screen; None before any comparison."""
    last = kept.last(conn)
    if last is None:
        return None
    told = last if not last.trouble else kept.last(conn, told=True)
    return Figure(
        told.different if told else last.different,
        told.unlinked if told else last.unlinked,
        told.ended_at if told else None,
        last.ended_at,
        bool(last.trouble),
        last.trouble,
    )


def page(sync: Sync, cause: str = "", after: int = 0) -> Shown:
    """PAGE differences of a cause, or of all. Raises UnknownError for a cause that is none."""
    if cause and cause not in CAUSES:
        raise UnknownError("There is no such cause.")
    with sync.store.read() as conn:
        rows = kept.page(conn, cause, after, PAGE + 1)
        chips = tuple(
            Chip(name, CAUSES[name].title, count)
            for name, count in kept.by_cause(conn).items()
            if name in CAUSES
        )
        return Shown(
            figure(conn),
            kept.last(conn),
            chips,
            tuple(_line(row) for row in rows[:PAGE] if row.cause in CAUSES),
            cause,
            rows[PAGE - 1].id if len(rows) > PAGE else None,
            nightly.is_asked(conn),
            nightly.foreseen(conn, sync.clock()),
        )


def _line(row: Difference) -> Line:
    kinds = ("appointment", "oncall-appointment") if row.what == What.VISIT else None
    here, there = kinds or ("patient", "contact")
    by_chart = row.cause == "participant_differs"
    kind, remote_id = (here, row.drchrono) if row.drchrono or by_chart else (there, row.oncall)
    return Line(row, CAUSES[row.cause].title, _known(row), kind, remote_id)


def _known(row: Difference) -> str:
    standing = Standing(row.standing)
    told = Found(What(row.what), row.cause, standing=standing, why=row.why, item=row.item)
    word, _, more = row.why.partition(":")
    return titles.title(more) if word == "asked" else why_said(told)


def download(sync: Sync, cause: str = "") -> Iterator[str]:
    """The lines of a CSV of ids, in bounded memory; who takes it is in the audit first.

    Raises UnknownError before anything is given.
    """
    if cause and cause not in CAUSES:
        raise UnknownError("There is no such cause.")
    with sync.store.write() as conn:
        only = ("cause",) if cause else ()
        deeds.note(conn, Deed("download", (("record", "differences"),), only), sync.clock())
    return _lines_of(sync, cause)


def _lines_of(sync: Sync, cause: str) -> Iterator[str]:
    yield printable.row(_COLUMNS)
    after = 0
    while True:
        with sync.store.read() as conn:
            rows = kept.page(conn, cause, after, _PIECE)
        for row in rows:
            values = (getattr(row, name) for name in _COLUMNS[:-1])
            yield printable.row((*(one or "" for one in values), f"{row.since:%Y-%m-%dT%H:%M:%SZ}"))
        if len(rows) < _PIECE:
            return
        after = rows[-1].id
