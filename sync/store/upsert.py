"""Insert a row that another process may be inserting at this moment.

A SELECT before the INSERT decides nothing: two transactions both find no row, and one of them fails
on the unique constraint. `ON CONFLICT` is told in each dialect's own words, so it is made here.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from sqlalchemy import Connection, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite

Insert: TypeAlias = postgresql.Insert | sqlite.Insert


def of_each(table: Table, build: Callable[[Insert], Executable]) -> Mapping[str, Executable]:
    """A statement of a hot path, built once for each dialect; by the dialect's name."""
    return {"postgresql": build(postgresql.insert(table)), "sqlite": build(sqlite.insert(table))}


def insert(conn: Connection, table: Table) -> Insert:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    if conn.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
