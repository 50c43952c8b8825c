"""Batches as they stand at some time, for tests of what shows them: no remote was asked."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final

from sync.batches import steering
from sync.core.actor import Actor
from sync.core.batch.model import Fate, Kind, Outcome, State
from sync.store.batches import items, rows, sealed
from sync.store.trail.acting import acting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.runtime import Sync

HEADERS: Final = ("First Name", "Last Name", "Email", "Date of Birth", "Notes")
LINES: Final = tuple(
    (f"Nora{at}", "Quill", f"nora{at}@mail.example", "03/04/1980", "seen") for at in range(60)
)
# What each line was found to be, again and again.
_FATES: Final[tuple[dict[str, Any], ...]] = (
    {"fate": Fate.CREATE},
    {"fate": Fate.UPDATE, "fields": ["mobile_phone"], "remote_id": "5601"},
    {"fate": Fate.ALREADY_THERE, "remote_id": "5602"},
    {"fate": Fate.QUESTION, "cause": "contact_unsure", "candidates": ["5603", "5604"]},
    {"fate": Fate.PROBLEM, "cause": "refused", "column": 2},
    {"fate": Fate.LEFT_OUT},
)
_NONE: Final = dict.fromkeys(("cause", "column", "fields", "candidates", "remote_id"))
_ENDED: Final = {
    Fate.CREATE: Outcome.CREATED,
    Fate.UPDATE: Outcome.UPDATED,
    Fate.ALREADY_THERE: Outcome.ALREADY_THERE,
    Fate.QUESTION: Outcome.QUESTION,
    Fate.PROBLEM: Outcome.PROBLEM,
    Fate.LEFT_OUT: Outcome.LEFT_OUT,
}


def sent(
    sync: Sync, lines: Sequence[Sequence[str]] = LINES, headers: Sequence[str] = HEADERS
) -> int:
    """A file that olga sent, which waits for its columns to be named."""
    text = io.StringIO()
    csv.writer(text).writerows([headers, *lines])
    with acting(Actor("operator", "olga", "ops", "")):
        return steering.open_file(sync, Kind.IMPORT_PATIENTS, io.BytesIO(text.getvalue().encode()))


def of_file(
    sync: Sync,
    state: State,
    lines: Sequence[Sequence[str]] = LINES,
    headers: Sequence[str] = HEADERS,
) -> int:
    """A file that has come to a state."""
    number = sent(sync, lines, headers)
    with sync.store.write() as conn:
        row = rows.get(conn, number)
        assert row is not None
        assert row.sealed_key is not None
        seal = sealed.opened(sync.settings.fernet_keys, row.sealed_key)
        made = [{"sealed": seal.cells(one)} for one in lines]
        choice = {"columns": {"email": 2, "birth_date": 3}, "formats": {}}
        rows.change(conn, number, options={**row.options, "choice": choice, "doctor": None})
        _put(sync, conn, number, state, made)
    return number


def of_record(sync: Sync, state: State, source: str = "drchrono") -> int:
    """A backfill that has come to a state."""
    options = {"source": source, "since": "2026-12-01", "doctor": "201"}
    with sync.store.write() as conn:
        kind = Kind.BACKFILL_APPOINTMENTS
        row = rows.add(conn, kind, State.PLANNING, options=options, now=sync.clock())
        _put(sync, conn, row.id, state, [{"source_id": str(7000 + at)} for at in range(12)])
        made_id: int = row.id
        return made_id


def _put(sync: Sync, conn: Any, number: int, state: State, made: list[dict[str, Any]]) -> None:
    now = sync.clock()
    started = None if state in {State.PLANNING, State.PLANNED, State.FAILED} else now
    ended = now if state in {State.DONE, State.CANCELLED, State.FAILED} else None
    told = []
    for at, one in enumerate(made):
        found = {**_NONE, **_FATES[at % len(_FATES)]}
        over = started is not None and (ended is not None or at < len(made) // 2)
        outcome = _ENDED[found["fate"]] if over else None
        told.append({"number": at + 2, **one, **found, "outcome": outcome})
    if state is not State.PLANNING:
        items.add(conn, number, told)
    times = {"started_at": started, "ended_at": ended, "planned_at": now}
    cause = "budget" if state is State.RUNNING else "file_gone" if state is State.FAILED else None
    rows.change(
        conn, number, state=state.value, total=len(made), read=len(made) // 3, cause=cause, **times
    )
