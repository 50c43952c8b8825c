"""Take a database's schema up and down: the one module that needs Alembic.

No process needs it for its work, so `Store` imports it when it is asked to migrate.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, func, select

_LOCK = 0x0D2C0CA11  # any number that no other application of this database takes


def upgrade(conn: Connection, revision: str) -> None:
    """Bring the schema to a revision (Alembic's name for it); processes go one by one."""
    _one_at_a_time(conn)
    command.upgrade(_config(conn), revision)


def downgrade(conn: Connection, revision: str) -> None:
    """Take the schema back to a revision; `base` is an empty database."""
    _one_at_a_time(conn)
    command.downgrade(_config(conn), revision)


def _config(conn: Connection) -> Config:
    """Alembic's configuration for our migrations on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = conn
    return config


def _one_at_a_time(conn: Connection) -> None:
    """Let one process migrate at a time; SQLite's BEGIN IMMEDIATE has seen to it already."""
    if conn.dialect.name == "postgresql":
        conn.execute(select(func.pg_advisory_xact_lock(_LOCK)))
