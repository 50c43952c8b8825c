"""Take files in: sealed as they come, looked at once, their columns named by a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sync.batches import ends, places
from sync.core.batch.model import State
from sync.runtime import Ring
from sync.sheets import choosing, headers, look
from sync.sheets.errors import UnusableError
from sync.sheets.model import Sheet
from sync.store.batches import files, rows, sealed
from sync.store.lanes import Hints, Lane
from sync.store.tables import work
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    from sync.core.batch.model import Kind
    from sync.runtime import Sync
    from sync.store.batches.rows import Row
    from sync.store.batches.sealed import Seal

GONE: Final = "Its file is deleted. Send it again."


@dataclass(frozen=True, slots=True)
class Columns:
    """A file's columns as a person names them. `samples` are lines of the file: shown, not kept.

    `chosen` is the field of each column that is recognised or was remembered (place from 0).
    `remembered`: it was chosen for such headers before. `date_formats`: what fits the columns that
    hold dates, by field; more than one is asked.
    """

    headers: tuple[str, ...]
    samples: tuple[tuple[str, ...], ...]
    chosen: Mapping[int, str]
    remembered: bool
    date_formats: Mapping[str, tuple[str, ...]]


def open_file(sync: Sync, kind: Kind, file: BinaryIO) -> int:
    """Take a file in, sealed, and return the batch, which waits for its columns to be named.

    Raises sync.sheets.UnusableError (a sentence, nothing of the file in it) where it can't be used.
    """
    sealed_key, seal = sealed.new(sync.settings.fernet_keys)
    with sync.store.write() as conn:
        now = sync.clock()
        drop_at = ends.drop_at(sealed_key, now)
        row = rows.add(
            conn,
            kind,
            State.CHOOSING,
            options={},
            now=now,
            sealed_key=sealed_key,
            drop_at=drop_at,
        )
    try:
        sheet = look.look(_kept(sync, row.id, file, seal))
    except UnusableError as unusable:
        _let_go(sync, row.id, unusable.code)
        raise
    except BaseException:
        _let_go(sync, row.id, "broken_off")
        raise
    with sync.store.write() as conn:
        files.put_head(conn, row.id, seal.table([sheet.headers, *sheet.samples]))
        rows.change(conn, row.id, options={"sheet": sheet.json()}, total=sheet.count)
        subjects = (("batch", row.id), ("lines", sheet.count))
        deeds.note(conn, Deed("open_import", subjects), sync.clock())
    return row.id


def _kept(sync: Sync, batch: int, file: BinaryIO, seal: Seal) -> Iterator[bytes]:
    """The pieces of a file, each sealed and stored before it is looked at.

    A transaction for each: no webhook waits for a whole file.
    """
    number = 0
    while piece := file.read(files.CHUNK):
        with sync.store.write() as conn:
            files.add(conn, batch, number, seal.chunk(piece))
        yield piece
        number += 1


def _let_go(sync: Sync, batch: int, code: str) -> None:
    with sync.store.write() as conn:
        now = sync.clock()
        files.drop(conn, batch, now)
        rows.remove(conn, batch)
        deeds.note(conn, Deed("open_import", (("batch", batch),), outcome=code), now)


def choose(
    sync: Sync,
    batch: int,
    columns: Mapping[int, str],
    *,
    date_format: str | None = None,
    provider: str | None = None,
) -> tuple[Ring, ...]:
    """Name the file's columns (place from 0 → field) and begin to plan.

    `provider`, as a person names one, is that of lines which name none. The choice is remembered
    for files with the same headers. Raises sync.sheets.ChoiceError: a field twice or missing, or
    several formats fit a column of dates and none was chosen; and what asking for providers raises.
    """
    row, head = opened_head(sync, batch)
    if row.state is not State.CHOOSING:
        raise LookupError("The columns of this file were chosen already.")
    sheet = Sheet.of(row.options["sheet"], head[0])
    choice = choosing.choose(row.kind, sheet, columns, date_format)
    doctor = places.doctor_named(sync, provider) if provider else None
    with sync.store.write() as conn:
        now = sync.clock()
        turned = rows.turn(
            conn,
            batch,
            State.PLANNING,
            of={State.CHOOSING},
            options={**row.options, "choice": choice.json(), "doctor": doctor},
            cursor=None,
        )
        if not turned:
            raise LookupError("The columns of this file were chosen already.")
        # By their places: of a file without a header line the names could be anybody's.
        digest = headers.header_digest(row.kind, head[0])
        files.remember(conn, digest, {str(at): name for at, name in columns.items()}, now)
        fields = tuple(sorted(set(columns.values())))
        deeds.note(conn, Deed("plan_import", (("batch", batch),), fields), now)
        work.raise_(conn, row.aggregate, now=now, hints=Hints(), lane=Lane.BULK)
    return (Ring(row.aggregate, Lane.BULK),)


def columns(sync: Sync, batch: int) -> Columns:
    """The columns of a file that waits for them to be named. Raises LookupError."""
    row, (header, *samples) = opened_head(sync, batch)
    with sync.store.read() as conn:
        known = files.chosen(conn, headers.header_digest(row.kind, header))
    if known is None:
        chosen = dict(headers.recognised(row.kind, header, samples))
    else:
        chosen = {int(at): name for at, name in known.items()}
    fits = Sheet.of(row.options["sheet"]).fits
    formats = choosing.date_formats(chosen, fits)
    return Columns(header, tuple(samples), chosen, known is not None, formats)


def opened_head(sync: Sync, batch: int) -> tuple[Row, list[tuple[str, ...]]]:
    """A batch of a file, and the file's headers and first lines.

    Raises LookupError where the file is gone.
    """
    with sync.store.read() as conn:
        row = rows.known(rows.get(conn, batch))
        kept = files.head(conn, batch)
    if kept is None or row.sealed_key is None:
        raise LookupError(GONE)
    try:
        return row, sealed.opened(sync.settings.fernet_keys, row.sealed_key).open_table(kept)
    except sealed.UnreadableError:
        raise LookupError("Its file can't be opened any more. Send it again.") from None
