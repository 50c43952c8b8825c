# ruff: noqa: S608 - all names are those of our own tables
"""Fill a database as years leave it: visits that are over, calls, deliveries and deeds.

What is copied is one visit that the engine itself has linked, with its person and all that hangs on
both; the database makes the copies, a statement for each kind of row. What is measured or planned
afterwards is done to visits that the engine makes then.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Table, text

from sync.store.database import Store
from sync.store.schema import (
    aggregate,
    attendance,
    attention,
    audit,
    audit_subject,
    baseline,
    blocker,
    call,
    conflict,
    delivery,
    object_,
    object_alias,
    person,
    person_key,
    visit,
    work,
)

FILLED: Final = (
    *(aggregate, visit, person, object_, attendance, person_key, baseline, work, blocker),
    *(object_alias, call, delivery, audit, audit_subject, attention, conflict),
)
YEARS: Final = timedelta(days=3 * 365)  # over which the visits were
FIRST: Final = 10_000_000  # above every id that the engine gave


@dataclass(frozen=True, slots=True)
class Grown:
    """How much there is: visits that are over, a visit to come for each `to_come` of them, calls.

    Of the calls none is of the last hours: an hour's are few whatever the size. `kept`: over how
    long they are spread, as `KEEP_DAYS` says.
    """

    visits: int
    calls: int
    to_come: int = 200
    visits_of_a_person: int = 5
    kept: timedelta = timedelta(days=29)


def grow(store: Store, size: Grown, now: datetime) -> None:
    """Copy the newest visit that stands in both systems; the database is as good as kept by hand.

    Indexes are made anew, and PostgreSQL's statistics.
    """
    with store.engine.connect() as conn:
        if conn.dialect.name == "sqlite":
            conn.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
        with conn.begin():
            if conn.dialect.name == "postgresql":
                conn.execute(text("SET LOCAL session_replication_role = replica"))
            with _without_indexes(conn):
                _Copies(conn, now).make(size)
            _number_on(conn)
    _settle(store)


def _settle(store: Store) -> None:
    """Do what a database does by itself in time: count its rows, and write its log back."""
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        driver = conn.connection.driver_connection
        assert driver is not None
        postgresql = conn.dialect.name == "postgresql"
        for told in ("VACUUM ANALYZE", "CHECKPOINT") if postgresql else ("PRAGMA wal_checkpoint",):
            driver.execute(told)
    store.engine.dispose()


class _Copies:
    """The statements, on one connection."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        self._conn = conn
        self._now = now
        self._sqlite = conn.dialect.name == "sqlite"

    def make(self, size: Grown) -> None:
        """Copy one visit, its person and what came of both, in the order of what hangs on what."""
        self._visits(size)
        self._people(max(1, size.visits // size.visits_of_a_person))
        self._history(size)

    def _visits(self, size: Grown) -> None:
        of = self._newest()
        count, people = size.visits, max(1, size.visits // size.visits_of_a_person)
        over = f"n % {size.to_come} <> 0"
        ago = self._ago("n", count, YEARS)
        begins = f"CASE WHEN {over} THEN {ago} ELSE {self._at(self._now + timedelta(days=30))} END"
        key = f"{FIRST} + 2 * n"
        self._copy(aggregate, count, f"id = {of['visit']}", {"id": key, "created_at": ago})
        # Each OnCall visit that was made here left an aggregate that was merged: that of its echo.
        merged = {"id": f"{key} + 1", "merged_into": key, "created_at": ago, "closed_at": ago}
        self._copy(aggregate, count, f"id = {of['visit']}", merged)
        stands = {
            "aggregate": key,
            "starts_at": begins,
            "state": f"CASE WHEN {over} THEN 'closed' ELSE 'open' END",
            "slot_key": "slot_key || ':' || n",
        }
        self._copy(visit, count, f"aggregate = {of['visit']}", stands)
        # Those of the last hour are open: `prune` has closed the others.
        shell = {"aggregate": f"{key} + 1", "starts_at": "NULL", "slot_key": "NULL",
                 "doctor": "NULL",
                 "state": f"CASE WHEN {over} THEN 'closed' ELSE 'open' END"}  # fmt: skip
        self._copy(visit, count, f"aggregate = {of['visit']}", shell)
        seen = f"CASE WHEN {over} THEN {ago} ELSE {self._at(self._now)} END"
        for place, name in enumerate(("appointment", "oncall", "participant")):
            row = f"{FIRST} + 3 * n + {place}"
            here = {"id": row, "remote_id": f"CAST({FIRST} + n AS VARCHAR)", "aggregate": key,
                    "create_key": "create_key || ':' || n", "seen_at": seen,
                    "created_at": ago}  # fmt: skip
            self._copy(object_, count, f"id = {of[name]}", here)
            self._copy(baseline, count, f"object = {of[name]}", {"object": row})
        seat = {
            "id": f"{FIRST} + n",
            "visit": key,
            "appointment": f"{FIRST} + 3 * n",
            "participant": f"{FIRST} + 3 * n + 2",
            "person": f"{2 * FIRST} + 2 * {count} + n % {people}",
        }
        self._copy(attendance, count, f"id = {of['attendance']}", seat)
        for one in (key, f"{key} + 1"):
            asked = {"aggregate": one, "due": ago}
            self._copy(work, count, f"aggregate = {of['visit']}", asked)
        self._people_after = 2 * FIRST + 2 * count
        self._rows_after = 2 * FIRST + 3 * count
        self._of = of

        former = {"system": "'drchrono'", "kind": "'appointment'", "object": f"{FIRST} + 3 * n",
                  "remote_id": "'former-' || n"}  # fmt: skip
        self._put(object_alias, -(-count // 2), former)

    def _people(self, count: int) -> None:
        of, key = self._of, f"{self._people_after} + n"
        made = self._ago("n", count, YEARS)
        self._copy(aggregate, count, f"id = {of['person']}", {"id": key, "created_at": made})
        self._copy(person, count, f"aggregate = {of['person']}", {"aggregate": key})
        self._copy(work, count, f"aggregate = {of['person']}", {"aggregate": key, "due": made})
        keys = {"person": key, "hmac": "substr(hmac, 1, 40) || ':' || n"}
        self._copy(person_key, count, f"person = {of['person']}", keys)
        for place, name in enumerate(("patient", "contact")):
            row = f"{self._rows_after} + 2 * n + {place}"
            here = {"id": row, "remote_id": f"CAST({FIRST} + n AS VARCHAR)", "aggregate": key,
                    "create_key": "create_key || ':' || n", "created_at": made,
                    "seen_at": made}  # fmt: skip
            self._copy(object_, count, f"id = {of[name]}", here)
            self._copy(baseline, count, f"object = {of[name]}", {"object": row})

    def _history(self, size: Grown) -> None:
        """Calls, and a delivery for each four, a deed for each eight, of which an item is told."""
        of, count = self._of, size.visits
        key, row = f"{FIRST} + 2 * (n % {count})", f"{FIRST} + 3 * (n % {count})"
        kinds = self._conn.execute(
            text(f"SELECT id FROM call WHERE aggregate = {of['visit']} ORDER BY id")
        ).scalars()
        calls = list(kinds)
        for place, one in enumerate(calls):
            number = f"{len(calls)} * n + {place}"
            many = -(-size.calls // len(calls))
            at = self._ago(number, size.calls, size.kept)
            here = {"id": f"{FIRST} + {number}", "aggregate": key, "at": at, "ended_at": at,
                    "object": f"CASE WHEN object IS NULL THEN NULL ELSE {row} END"}  # fmt: skip
            self._copy(call, many, f"id = {one}", here)
        heard = size.calls // 4
        at = self._ago("n", heard, size.kept)
        told = {"id": f"{FIRST} + n", "object": row, "at": at, "explained_at": at}
        self._copy(delivery, heard, self._one(delivery, "object IS NOT NULL"), told)
        done = size.calls // 8
        at = self._ago("n", done, size.kept)
        deed = {"seq": f"{FIRST} + n", "at": at, "subjects": f"'visit:' || ({key})"}
        self._copy(audit, done, self._one(audit, "1 = 1", "seq"), deed)
        about = {"named": f"CAST({key} AS VARCHAR)", "kind": "'visit'", "seq": f"{FIRST} + n"}
        if not self._sqlite:  # there its trigger has done it; here none is asked
            self._put(audit_subject, done, about)
        asked = self._ago("n", count, YEARS)
        self._put(attention, count, {"id": f"{FIRST} + n", "aggregate": key, "object": "0",
                                     "cause": "'patient_unsure'", "opened_at": asked,
                                     "closed_at": asked})  # fmt: skip
        self._put(conflict, count, {"id": f"{FIRST} + n", "object": row, "field": "'starts'",
                                    "how": "'system_of_record'", "at": asked})  # fmt: skip

    def _newest(self) -> dict[str, int]:
        """What belongs to the newest visit that stands in both systems, by name."""
        found = self._conn.execute(
            text(
                "SELECT a.id AS attendance, a.visit, a.person, a.appointment, a.participant, "
                "(SELECT id FROM object WHERE aggregate = a.visit AND system = 'oncall' "
                "AND kind = 'appointment') AS oncall, "
                "(SELECT min(id) FROM object WHERE aggregate = a.person AND kind = 'patient') "
                "AS patient, (SELECT min(id) FROM object WHERE aggregate = a.person "
                "AND kind = 'contact') AS contact "
                "FROM attendance a WHERE a.participant IS NOT NULL ORDER BY a.id DESC LIMIT 1"
            )
        )
        return dict(found.mappings().one())

    def _one(self, table: Table, where: str, column: str = "id") -> str:
        return f"{column} = (SELECT max({column}) FROM {table.name} WHERE {where})"

    def _copy(self, table: Table, count: int, where: str, other: Mapping[str, str]) -> None:
        """Copy the rows of a condition so many times; `other`: columns that differ, in SQL of n."""
        self._conn.execute(text("DROP TABLE IF EXISTS copied"))
        self._conn.execute(text(f"CREATE TEMP TABLE copied AS SELECT * FROM {table.name} "
                                f"WHERE {where}"))  # fmt: skip
        columns = {column.name: f'"{column.name}"' for column in table.columns}
        self._insert(table, count, {**columns, **other}, ", copied")

    def _put(self, table: Table, count: int, columns: Mapping[str, str]) -> None:
        self._insert(table, count, columns, "")

    def _insert(self, table: Table, count: int, columns: Mapping[str, str], also: str) -> None:
        if self._sqlite:
            more = f"SELECT n + 1 FROM series WHERE n + 1 < {count}"
            series = f"WITH RECURSIVE series(n) AS (SELECT 0 UNION ALL {more})"
        else:
            series = f"WITH series(n) AS (SELECT generate_series(0, {count - 1}))"
        names = ", ".join(f'"{name}"' for name in columns)
        what = ", ".join(columns.values())
        self._conn.execute(
            text(f"INSERT INTO {table.name} ({names}) {series} SELECT {what} FROM series{also}")
        )

    def _ago(self, number: str, count: int, over: timedelta) -> str:
        """When the n-th of so many was, the first being the oldest; the last was two hours ago."""
        newest = self._now - timedelta(hours=2)
        seconds = (over.total_seconds() - 7200) / max(1, count)
        back = f"({count} - ({number})) * {seconds:.6f}"
        if self._sqlite:
            at = newest.strftime("%Y-%m-%d %H\\:%M\\:%S")
            return f"strftime('%Y-%m-%d %H\\:%M\\:%f000', '{at}', '-' || ({back}) || ' seconds')"
        return f"{self._at(newest)} - {back} * interval '1 second'"

    def _at(self, at: datetime) -> str:
        words = at.strftime("%Y-%m-%d %H\\:%M\\:%S")
        return f"'{words}.000000'" if self._sqlite else f"timestamptz '{words}+00'"


@contextmanager
def _without_indexes(conn: Connection) -> Iterator[None]:
    """Do without the indexes of what is filled for the block; they are made anew after it."""
    names = ", ".join(f"'{table.name}'" for table in FILLED)
    asked = {
        "sqlite": f"SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL "
        f"AND tbl_name IN ({names})",
        "postgresql": f"SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ({names}) "
        "AND indexname LIKE 'ix_%'",
    }
    rows = conn.execute(text(asked[conn.dialect.name])).all()
    # SQLite forgets with an index what the migration told it of that.
    sqlite = conn.dialect.name == "sqlite"
    known = conn.exec_driver_sql("SELECT * FROM sqlite_stat1").all() if sqlite else []
    for name, _ in rows:
        conn.exec_driver_sql(f"DROP INDEX {name}")
    yield
    for _, made in rows:
        conn.exec_driver_sql(made)
    if known:
        conn.exec_driver_sql("DELETE FROM sqlite_stat1")
        conn.exec_driver_sql("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", list(map(tuple, known)))


def _number_on(conn: Connection) -> None:
    """Have the next ids be above the copies' (SQLite sees to that itself)."""
    if conn.dialect.name != "postgresql":
        return
    for table in FILLED:
        if "id" in table.columns:
            conn.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), "
                f"(SELECT max(id) FROM {table.name}))"
            )
