"""See how the database answers each statement of a block: which tables it would read whole."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, event

from sync.store.database import Store

# Tables that grow for years, or by every call.
GROWING = ("aggregate", "attendance", "attention", "audit", "audit_subject", "baseline", "call",
           "conflict", "delivery", "object", "object_alias", "person", "person_key", "visit",
           "work")  # fmt: skip
# Indexes of what waits, is open or to come: few rows, whatever is in the table.
FEW = ("ix_work_waiting", "ix_work_leased", "ix_attention_open", "uq_attention_open",
       "ix_visit_open_starts", "ix_visit_held", "uq_visit_open_slot", "ix_object_told")  # fmt: skip
# A column that so many rows share finds nothing by itself.
_BROAD = "(?:system|kind|source|effect|state|field|what|key_id|lane)"
# Nor does it that a column is there at all, which is how "IS NOT NULL" is looked up.
_ALL_BROAD = re.compile(rf"\((?:{_BROAD}=\?(?: AND {_BROAD}=\?)*|(?:aggregate|object)>\?)\)")


@dataclass(frozen=True, slots=True)
class Plan:
    """A statement's words, and how it is answered: a line for each step."""

    words: str
    steps: tuple[str, ...]

    def wide(self, most: int) -> list[str]:
        """The steps that read a growing table whole, or along an index far.

        `most`: how many of its rows a step may be thought to find (PostgreSQL alone says so). In
        the order of an index and ended by LIMIT is not far.
        """
        ends = self._ends_early()
        return [f"{step}: {self.words}" for step in self.steps if _is_wide(step, most, ends=ends)]

    def _ends_early(self) -> bool:
        if any(step.startswith(("Sort", "USE TEMP B-TREE FOR ORDER BY")) for step in self.steps):
            return False
        limited = "ORDER BY" in self.words and "LIMIT" in self.words
        return limited or any(step.startswith("Limit") for step in self.steps)


def _is_wide(step: str, most: int, *, ends: bool) -> bool:
    if any(name in step for name in FEW):
        return False
    whole = re.search(r"(?:Seq Scan on|^SCAN|^SEARCH(?= \w+$)) \"?(\w+)", step)
    if whole is not None:
        return _grows(whole[1]) and not ends
    named = re.search(r"(?:ix|uq|pk|autoindex)_\w+", step)
    if named is None or ends or not _grows(named[0].split("_", 1)[1]):
        return False
    estimated = re.search(r" rows=(\d+) ", step)
    return int(estimated[1]) > most if estimated else bool(_ALL_BROAD.search(step))


def _grows(name: str) -> bool:
    """Whether a table, or an alias or index by its name, is of one that grows."""
    return any(re.match(rf"{table}(_|$)", name) for table in GROWING)


@contextmanager
def planned(store: Store, *, empty: bool = False) -> Iterator[list[Plan]]:
    """How each statement of the block is answered, whoever asks it.

    `empty`: of tables that hold next to nothing, which PostgreSQL would else read whole.
    """
    plans: list[Plan] = []
    explaining = False

    def explain(
        conn: Connection, _cursor: Any, words: str, given: Any, _context: Any, many: bool
    ) -> None:
        nonlocal explaining
        verb = words.split(maxsplit=1)[0]
        if explaining or verb not in {"SELECT", "UPDATE", "DELETE", "INSERT", "WITH"}:
            return
        explaining = True
        try:
            plans.append(_explained(conn, words, given[0] if many else given, empty=empty))
        finally:
            explaining = False

    event.listen(store.engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(store.engine, "before_cursor_execute", explain)


def _explained(conn: Connection, words: str, given: Any, *, empty: bool) -> Plan:
    cursor = conn.connection.cursor()
    if conn.dialect.name == "postgresql":
        if empty:
            cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {words}", given)
    else:
        cursor.execute(f"EXPLAIN QUERY PLAN {words}", given)
    steps = (str(row[-1]).strip().removeprefix("->").strip() for row in cursor.fetchall())
    return Plan(" ".join(words.split()), tuple(steps))
