"""Read a file's lines into items, sealed, and say with what they are to be understood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sync.batches import kept, places
from sync.batches.step import UnusableBatchError
from sync.core.batch.model import Fate
from sync.core.batch.of_rows import SAME_LINE
from sync.sheets import look
from sync.sheets.appointments import read_appointment
from sync.sheets.choosing import Choice
from sync.sheets.errors import UnusableError
from sync.sheets.model import Options
from sync.sheets.patients import read_patient
from sync.store.batches import files, items
from sync.store.batches.sealed import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from sync.batches.step import Step
    from sync.sheets.appointments import AppointmentRead
    from sync.sheets.model import Row
    from sync.sheets.patients import PatientRead
    from sync.store.batches.items import Stored

READ, JUDGE = "read", "judge"
_AT_ONCE: Final = 500
_ROWS, _OPTIONS = "rows", "options"


def lines(step: Step) -> None:
    """Make an item of each line, if that is still to be done; then the file's pieces are deleted.

    The cursor is `{"pass": "judge", "line": 0}` then. Raises UnusableBatchError.
    """
    if step.cursor.get("pass") == JUDGE:
        return
    last = int(step.cursor.get("line", 0))
    known = kept.take(step, _ROWS)
    found = known[1] if known is not None and known[0] == last else _rows(step, last)
    try:
        while some := _some(found):
            last = some[-1].line
            told = [_told(step, row) for row in some]
            kept.put(step, _ROWS, (last, found))  # should this slice end here
            cursor = {"pass": READ, "line": last}
            with step.keeping(cursor, read=step.row.read + len(some)) as conn:
                items.add(conn, step.row.id, told)
    except UnusableError as unusable:
        raise UnusableBatchError("file_changed") from unusable
    except UnreadableError as lost:
        raise UnusableBatchError("file_unreadable") from lost
    with step.keeping({"pass": JUDGE, "line": 0}, total=step.row.read) as conn:
        files.was_read(conn, step.row.id)


def _rows(step: Step, last: int) -> Iterator[Row]:
    """The lines behind the last one that has an item."""
    found = look.rows(_pieces(step), step.options["sheet"]["form"])
    return (row for row in found if row.line > last)


def _pieces(step: Step) -> Iterator[bytes]:
    """The file's pieces, a short transaction for each. Raises UnreadableError."""
    number, store, batch, seal = 0, step.sync.store, step.row.id, step.seal
    while True:
        with store.read() as conn:
            sealed = files.piece(conn, batch, number)
        if sealed is None:
            return
        yield seal.open_chunk(sealed)
        number += 1


def _some(found: Iterator[Row]) -> list[Row]:
    some = []
    for row in found:
        some.append(row)
        if len(some) == _AT_ONCE:
            break
    return some


def _told(step: Step, row: Row) -> dict[str, Any]:
    fate = None if row.problem is None else Fate.PROBLEM.value
    sealed = step.seal.cells(row.cells)
    return {"number": row.line, "sealed": sealed, "fate": fate, "cause": row.problem}


def choice(step: Step) -> Choice:
    """Which field each column is, as it was chosen."""
    return Choice.of(step.options["choice"])


def options(step: Step) -> Options:
    """With what lines are understood; both systems' names of people only where the file says any.

    Raises the RemoteErrors of the lists of providers and doctors.
    """
    known = kept.take(step, _OPTIONS)
    sync = step.sync
    if known is None:
        asks = {"provider", "division"} & set(choice(step).columns)
        found = places.named(sync, step.ticket) if asks else places.mapped(sync)
        known = Options(
            sync.clock().date(),
            sync.mapping.addresses,
            found,
            sync.mapping.statuses,
            step.options.get("doctor"),
        )
    kept.put(step, _OPTIONS, known)
    assert isinstance(known, Options)  # noqa: S101 - nothing else is put there
    return known


def patient(step: Step, item: Stored) -> PatientRead:
    """Whom an item's line names. Raises UnusableBatchError, and what `options` raises."""
    return read_patient(step.cells(item), choice(step), options(step))


def appointment(step: Step, item: Stored) -> AppointmentRead:
    """The visit that an item's line tells of. Raises as `patient`."""
    return read_appointment(step.cells(item), choice(step), options(step))


# --- judging --------------------------------------------------------------------------------------


def following(step: Step, most: int) -> list[Stored]:
    """The lines that are to be judged next: behind the cursor's, nothing found of them yet."""
    last = int(step.cursor.get("line", 0))
    with step.sync.store.read() as conn:
        return items.without_fate(conn, step.row.id, last, most)


def judge_doubled(
    step: Step,
    made: list[dict[str, Any]],
    says: Callable[[Stored], Hashable],
    told: Callable[[Fate, str], dict[str, Any]],
) -> None:
    """Judge lines of one key by the first of them: it counts, and the others are it, or differ.

    `made` is what is to be stored of some lines, each with its key or None; `says` gives what a
    line says beside its key, `told` the columns of a fate and its cause.
    """
    batch, store = step.row.id, step.sync.store
    with store.read() as conn:
        wanted = [row["key"] for row in made if row["key"] is not None]
        first = items.with_key(conn, batch, wanted)
    for row in made:
        key, number = row["key"], row["number"]
        if key is None or (before := first.setdefault(key, number)) >= number:
            continue
        with store.read() as conn:
            both = items.get(conn, batch, (before, number))
        if len({says(one) for one in both}) == 1:
            row |= told(Fate.ALREADY_THERE, SAME_LINE)
        else:
            row |= told(Fate.PROBLEM, "same_line_differs")
