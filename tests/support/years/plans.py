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
    """A statement's words, and how it is answered: a line for each step.

    `generic`: for whatever values. PostgreSQL thinks of a third of all rows then where a time is
    compared.
    """

    words: str
    steps: tuple[str, ...]
    generic: bool = False

    def cost(self) -> float:
        """What PostgreSQL thinks it costs, in its own unit."""
        told = re.search(r"cost=[\d.]+\.\.([\d.]+)", self.steps[0])
        assert told is not None, self.steps
        return float(told[1])

    def is_chosen(self, other: "Plan") -> bool:
        """Whether PostgreSQL answers what is prepared by this generic plan, once it had the choice.

        It does where that costs no more than a plan for the values and the making of that one,
        which it charges by the tables named (`cached_plan_cost` in its plancache.c).
        """
        tables = sum("Scan" in step for step in other.steps)
        return self.cost() <= other.cost() + 2.5 * (tables + 1)

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
            plan = _explained(conn, words, given[0] if many else given, empty=empty)
            plans.append(plan)
            if conn.dialect.name == "postgresql":
                generic = _generic(conn, words)
                plans.extend([generic] if generic.is_chosen(plan) else [])
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
        cursor.execute(f"EXPLAIN {words}", given, prepare=False)  # type: ignore[call-arg]
    else:
        cursor.execute(f"EXPLAIN QUERY PLAN {words}", given)
    return Plan(" ".join(words.split()), tuple(_steps(cursor)))


def _generic(conn: Connection, words: str) -> Plan:
    """How PostgreSQL would answer a statement that is prepared, not looking at its values."""
    names: dict[str, int] = {}

    def numbered(named: re.Match[str]) -> str:
        return f"${names.setdefault(named[1], len(names) + 1)}"

    unnamed = re.sub(r"%\((\w+)\)s", numbered, words).replace("%%", "%")
    cursor = conn.connection.cursor()
    cursor.execute(f"EXPLAIN (GENERIC_PLAN) {unnamed}", prepare=False)  # type: ignore[call-arg]
    return Plan(" ".join(words.split()), tuple(_steps(cursor)), generic=True)


def _steps(cursor: Any) -> Iterator[str]:
    for row in cursor.fetchall():
        yield str(row[-1]).strip().removeprefix("->").strip()
