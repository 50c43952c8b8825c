"""How a row is inserted that another process may be inserting at this moment.

A SELECT before the INSERT decides nothing: two transactions both find no row, and one of them fails
on the unique constraint. `ON CONFLICT` is told in each dialect's own words, so it is made here.
"""

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert(conn: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    if conn.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
