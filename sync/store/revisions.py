"""Compare the tables that this version needs with those that a database has.

Asked when a process starts and every few seconds of its work; by file names and one row, as Alembic
and each migration would be 12 MB of a process's memory.
"""

from functools import lru_cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from sync.store.trouble import NO_TABLES

_VERSIONS = Path(__file__).parent / "migrations" / "versions"


@lru_cache(maxsize=1)
def known() -> tuple[str, ...]:
    """Every revision that this version has a migration for, the newest first.

    A migration's file is named after it: `0001_first.py` is the revision 0001.
    """
    files = _VERSIONS.glob("[0-9]*_*.py")
    return tuple(sorted((file.name.partition("_")[0] for file in files), reverse=True))


def present(conn: Connection) -> str | None:
    """The revision of a database's tables; None when it has none of ours."""
    if not inspect(conn).has_table("alembic_version"):  # Alembic's own table
        return None
    found: str | None = conn.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def trouble(conn: Connection) -> str | None:
    """Why this version must not work on a database's tables, and what to do; None: it may."""
    at, needed = present(conn), known()[0]
    if at == needed:
        return None
    if at is None:
        return NO_TABLES
    if at in known():
        return (
            f"The database's tables are at {at}, this version needs {needed}. "
            "Bring them up to date with: drchrono-oncall migrate"
        )
    return (
        f"The database's tables are at {at}, which this version (it needs {needed}) does not know: "
        "a newer version migrated them. Start that version instead (deploy the newer image); "
        "or DATABASE_URL leads to another installation's database."
    )
