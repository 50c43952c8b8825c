"""Load a database that an older version made, and the world it belongs to, at the time it was made.

`tests/support/former/make.py` says how both were made.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

from sync.store.database import Store
from tests.support.clinic import Clinic
from tests.support.sandbox_client import Sandbox

FORMER = Path(__file__).parent
REVISION = "0007"


@contextmanager
def a_former_clinic(database_url: str, home: Path) -> Iterator[tuple[Clinic, dict[str, Any]]]:
    """A clinic whose empty database was filled by the old version, upgraded and connected again.

    With the ids of its visits by their kinds. Counting begins here.
    """
    ids = json.loads((FORMER / "ids.json").read_text())
    shutil.copy(FORMER / "mapping.toml", home)
    fill(database_url)
    world = json.loads((FORMER / "world.json").read_text())
    world["offset"] = _offset(ids["world_at"])
    (home / "world.json").write_text(json.dumps(world))
    with (
        Sandbox(state=home / "world.json") as sandbox,
        Clinic(sandbox, database_url, home) as clinic,
    ):
        clinic.advance(_offset(ids["at"]))
        clinic.authorise()
        clinic.hear()
        clinic.forget()
        yield clinic, ids


def fill(database_url: str) -> None:
    """Bring an empty database to the old version, with the rows that it held."""
    store = Store(database_url)
    store.migrate(REVISION)
    with store.write() as conn:
        if conn.dialect.name == "postgresql":
            conn.execute(text("SET LOCAL timezone = 'UTC'"))
        for statement in (FORMER / "database.sql").read_text().split(";\n"):
            if statement.strip():
                conn.exec_driver_sql(
                    statement.replace("%", "%%") if _is_psycopg(conn) else statement
                )
        _count_on(conn)
    store.close()


def _is_psycopg(conn: Connection) -> bool:
    return conn.dialect.name == "postgresql"


def _count_on(conn: Connection) -> None:
    """Give out numbers after the highest; SQLite does by itself."""
    if conn.dialect.name != "postgresql":
        return
    for table in inspect(conn).get_table_names():
        columns = {one["name"]: one for one in inspect(conn).get_columns(table)}
        if columns.get("id", {}).get("autoincrement"):
            highest = f'(SELECT max(id) FROM "{table}")'  # noqa: S608 - our own tables
            counted = f"SELECT setval(pg_get_serial_sequence('\"{table}\"', 'id'), {highest})"
            conn.execute(text(counted))


def _offset(told: str) -> float:
    return (datetime.fromisoformat(told) - datetime.now(UTC)).total_seconds()
