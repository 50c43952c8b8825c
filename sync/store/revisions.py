"""Compare the tables that this version needs with those that a database has."""

from functools import lru_cache
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from sync.store.trouble import NO_TABLES


@lru_cache(maxsize=1)
def known() -> tuple[str, ...]:
    """Every revision that this version has a migration for, the newest first."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    return tuple(script.revision for script in scripts.walk_revisions())


def present(conn: Connection) -> str | None:
    """The revision of a database's tables; None when it has none of ours."""
    return MigrationContext.configure(conn).get_current_revision()


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
