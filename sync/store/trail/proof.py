"""Prove that no row of the audit was changed, removed or re-chained; drop those of long ago."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, RowMapping, delete, func, select

from sync.store.schema import ONE, audit
from sync.store.trail.deeds import LAST, Deed, note
from sync.store.trail.seal import ChainKeys, mac

PRUNED: Final = "prune_audit"
MOST_TOLD: Final = 100
_PIECE: Final = 1000  # rows in memory at a time


class Head(NamedTuple):
    """The end of the chain at some time, as it was told outside the database."""

    seq: int
    mac: str


class RowFault(NamedTuple):
    """What is wrong with one row: `changed`, `removed`, `not_chained` or `beyond_the_head`."""

    seq: int
    what: str


@dataclass
class Report:
    """What a check of the whole chain came to."""

    rows: int = 0
    first: int = 0
    last: int = 0
    findings: list[RowFault] = field(default_factory=list)
    without_key: int = 0  # rows whose key is not configured any more
    heads: int = 0  # told outside, and found here

    @property
    def sound(self) -> bool:
        """Whether nothing was found; rows without their key can't be told."""
        return not self.findings


def head(conn: Connection) -> Head | None:
    """The end of the chain now; None when nothing was ever done."""
    row = conn.execute(LAST).first()
    return None if row is None else Head(row.seq, row.mac)


def verify(conn: Connection, keys: ChainKeys, heads: Iterable[Head] = ()) -> Report:
    """Walk the chain from its first row to its last, in bounded memory.

    `heads` were told outside the database: a chain that was cut short, or made anew, lacks them.
    """
    report, told = Report(), {one.seq: one.mac for one in heads}
    begun, expected, previous = _beginning(conn, keys), 0, ""
    for row in _rows(conn):
        seq = row["seq"]
        if report.rows == 0:
            report.first = seq
            expected, previous = (1, "") if begun is None else (begun.seq + 1, begun.mac)
        if seq != expected:
            _found(report, expected, "removed")
        elif row["previous"] != previous:
            _found(report, seq, "not_chained")
        _check(report, keys, row)
        if seq in told:
            report.heads += 1
            if told[seq] != row["mac"]:
                _found(report, seq, "changed")
        report.rows, report.last = report.rows + 1, seq
        expected, previous = seq + 1, row["mac"]
    for seq in sorted(told):
        if seq > report.last:
            _found(report, seq, "removed")
    return report


def _check(report: Report, keys: ChainKeys, row: RowMapping) -> None:
    if not keys.holds(row["key_id"]):
        report.without_key += 1
    elif mac(keys, dict(row)) != row["mac"]:
        _found(report, row["seq"], "changed")


def _found(report: Report, seq: int, what: str) -> None:
    if len(report.findings) < MOST_TOLD:
        report.findings.append(RowFault(seq, what))


def _rows(conn: Connection) -> Iterator[RowMapping]:
    after = 0
    while True:
        query = select(audit).where(audit.c.seq > after).order_by(audit.c.seq).limit(_PIECE)
        piece = conn.execute(query).mappings().all()
        yield from piece
        if len(piece) < _PIECE:
            return
        after = piece[-1]["seq"]


# --- what is older than it has to be --------------------------------------------------------------


def prune(conn: Connection, before: datetime, now: datetime) -> int:
    """Drop the rows from before a time; returns how many.

    That is a deed too: its row tells where the chain begins now, so that nobody else can move it.
    """
    kept = select(func.min(audit.c.seq)).where(audit.c.at >= before)
    first = conn.execute(kept).scalar_one()
    last = conn.execute(
        select(audit.c.seq, audit.c.mac)
        .where(audit.c.at < before, *([] if first is None else [audit.c.seq < first]))
        .order_by(audit.c.seq.desc())
        .limit(ONE)
    ).first()
    if last is None or first is None:
        return 0  # of a chain without a younger row the end would be lost
    dropped: int = conn.execute(delete(audit).where(audit.c.seq <= last.seq)).rowcount
    note(conn, Deed(PRUNED, (("seq", last.seq),), outcome=last.mac), now)
    return dropped


def _beginning(conn: Connection, keys: ChainKeys) -> Head | None:
    """Where the chain begins by the newest row that says so; None: at its first row."""
    query = select(audit).where(audit.c.action == PRUNED).order_by(audit.c.seq.desc()).limit(ONE)
    row: Any = conn.execute(query).mappings().first()
    if row is None or not keys.holds(row["key_id"]) or mac(keys, dict(row)) != row["mac"]:
        return None
    return Head(int(row["subjects"].removeprefix("seq:")), row["outcome"])
