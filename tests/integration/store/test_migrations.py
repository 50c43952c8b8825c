"""The migrations are the schema: up and down on both databases, also when processes race."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

import sync.store.migrations.versions as versions
from sync.store import revisions
from sync.store.database import Store
from sync.store.schema import metadata


@pytest.fixture
def empty(empty_database_url):
    opened = Store(empty_database_url)
    yield opened
    opened.close()


def tables(store):
    return set(inspect(store.engine).get_table_names()) - {"alembic_version"}


def indexes(store):
    """Each index and unique constraint with what it says beyond its columns."""
    seen = inspect(store.engine)
    found = set()
    for table in metadata.tables:
        for index in seen.get_indexes(table):
            options = index.get("dialect_options", {})
            where = next((str(v) for k, v in options.items() if k.endswith("_where")), "")
            found.add((index["name"], bool(index["unique"]), bool(where)))
    return found


# On SQLite nobody reads back what is indexed by an expression (`ix_object_number`): that it is
# there and used, `test_plans` shows.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Skipped unsupported reflection of expression-based index",
    "ignore:autogenerate skipping metadata-specified expression-based index",
)


def test_after_the_migrations_the_database_is_what_the_schema_says(empty):
    empty.migrate()
    with empty.engine.connect() as conn:
        # On SQLite Alembic takes the default '' for a change, so defaults are compared on one.
        defaults = conn.dialect.name == "postgresql"
        context = MigrationContext.configure(
            conn, opts={"compare_type": True, "compare_server_default": defaults}
        )
        assert compare_metadata(context, metadata) == []


def test_file_names_say_the_revisions_in_alembics_own_order():
    scripts = ScriptDirectory(Path(versions.__path__[0]).parent)
    assert revisions.known() == tuple(one.revision for one in scripts.walk_revisions())


def test_partial_indexes_are_partial_and_unique_where_the_schema_says_so(empty):
    # Alembic compares names and columns of indexes only.
    empty.migrate()
    migrated = indexes(empty)
    assert {
        ("uq_object_create_key", True, True),
        ("uq_visit_open_slot", True, True),
        ("uq_attendance_current_appointment", True, True),
        ("uq_attention_open", True, True),
        ("ix_work_waiting", False, True),
        ("ix_work_leased", False, True),
    } <= migrated
    empty.downgrade("base")
    with empty.write() as conn:
        metadata.create_all(conn)
    assert indexes(empty) == migrated


def test_down_leaves_nothing_and_up_again_works(empty):
    empty.migrate()
    assert tables(empty) == set(metadata.tables)
    empty.downgrade("base")
    assert tables(empty) == set()
    empty.migrate()
    assert tables(empty) == set(metadata.tables)


def test_processes_that_start_together_migrate_once(empty_database_url):
    barrier = threading.Barrier(4)

    def start(_):
        # A store of its own has connections of its own, as a process has.
        store = Store(empty_database_url)
        try:
            barrier.wait()
            store.migrate()
            return tables(store)
        finally:
            store.close()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(start, range(4))) == [set(metadata.tables)] * 4


def test_a_new_sqlite_file_that_another_process_writes_is_waited_for(empty_sqlite_url):
    # Turning to WAL is refused at once while a first transaction is open; no busy timeout applies.
    path = empty_sqlite_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE theirs (x)")
        other.execute("BEGIN IMMEDIATE")
        store = Store(empty_sqlite_url)
        with ThreadPoolExecutor(1) as pool:
            opened = pool.submit(tables, store)
            with pytest.raises(TimeoutError):
                opened.result(0.3)
            other.execute("COMMIT")
            assert opened.result(10) == {"theirs"}
        store.close()


def test_no_migration_depends_on_today_s_schema():
    for path in Path(versions.__path__[0]).glob("*.py"):
        assert "sync.store" not in path.read_text(encoding="utf-8"), path.name
