"""What runs often is answered along indexes, on a database of some years, on both databases.

A scan of a table that grows costs nothing in a new database, and all there is in an old one.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, text
from sqlalchemy.schema import Index

from service.doors import Doors
from service.ops_app import create_ops_app
from sync.operations import status
from sync.operations.operators import Role
from sync.store.schema import metadata
from sync.tasks import gaps, schedule, sweep
from tests.support.clinic import Clinic, SilentBell, utc, wall
from tests.support.ops.browser import Person
from tests.support.templates import Templates, gone_live
from tests.support.years.grown import Grown, grow
from tests.support.years.plans import GROWING, Plan, planned

SIZE = Grown(visits=3_000, calls=12_000)
# Of thousands of rows: whatever is asked for is about one visit or person, or an hour.
MOST = 300
# Both systems are compared once a night, all that is to come with all there is of it.
NIGHTLY = {"diff"}


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    """A practice that went live some years ago."""
    server = (
        str(request.getfixturevalue("postgres_server")) if request.param == "postgresql" else None
    )
    # Unchecked: the calls that are copied have gone nowhere.
    with templates.unchecked("clinic", tmp_path, gone_live, server) as opened:
        opened.linked()
        grow(opened.sync.store, SIZE, opened.now())
        yield opened


def wide(clinic: Clinic, does: Callable[[], object]) -> list[str]:
    """The steps of what is done that read far, each once."""
    clinic.sandbox.wait_idle()
    with planned(clinic.sync.store) as plans:
        does()
        clinic.sandbox.wait_idle()
    assert plans
    return sorted({step for plan in plans if not set_aside(plan) for step in plan.wide(MOST)})


def set_aside(plan: Plan) -> bool:
    """Whether the test itself asked (`settle`, what is due), or a plan does not tell.

    The first deed that stays in the audit is looked for from the oldest on: that is the first, or
    the first after those that go.
    """
    asked = "min(work.due)" in plan.words or plan.words.endswith("ORDER BY work.lane, work.due")
    return asked or "min(audit.seq)" in plan.words


def test_changes_are_taken_in_and_written(old: Clinic) -> None:
    known = old.patient

    def happens() -> None:
        appointment, visit = old.linked(scheduled_time=wall(days=9))
        old.edit(appointment, scheduled_time=wall(days=10))
        old.settle()
        old.edit(appointment, notes="nothing that is synced")
        old.settle()
        old.change_visit(visit, datetime=f"{utc(days=11):%Y-%m-%dT%H:%M:%SZ}")
        old.settle()
        old.invite()
        old.settle()
        old.new_patient(first_name="Ada", email="ada@mail.example")
        old.linked(scheduled_time=wall(days=12))
        old.edit_patient(known, email="vera.new@mail.example")
        old.settle()
        old.edit(appointment, status="Cancelled")
        old.settle()
        gone, _ = old.linked(scheduled_time=wall(days=13))
        old.delete(gone)
        old.settle()

    assert wide(old, happens) == []


def test_the_beat_asks_for_what_is_due_alone(old: Clinic) -> None:
    sync = old.sync

    def beats() -> None:
        sweep.sweep(sync)
        schedule.due_tasks(sync)
        gaps.still_beats(sync)
        for name in schedule.TASKS.keys() - NIGHTLY:
            schedule.run_now(sync, name)
        old.settle()

    assert wide(old, beats) == []


def test_what_is_shown_first_is_looked_up(old: Clinic) -> None:
    sync = old.sync
    browser = create_ops_app(Doors.of(sync, SilentBell()), on_web=False).test_client()  # type: ignore[arg-type]
    ruth = Person(sync, browser, "ruth", Role.ADMIN)
    ruth.sign_in()

    def looks() -> None:
        status.overview(sync)
        status.last_day(sync)
        for page in ("/metrics", "/healthz", "/ops", "/ops/waiting"):
            assert browser.get(page, follow_redirects=True).status_code in {200, 503}, page

    assert wide(old, looks) == []


def test_a_scan_is_seen(old: Clinic) -> None:
    """Else the tests above would prove nothing."""
    whole = (
        "SELECT aggregate FROM work WHERE due < CURRENT_TIMESTAMP",
        "SELECT max(ended_at) FROM call WHERE system = 'oncall'",
        "SELECT remote_id FROM object WHERE system = 'oncall' AND kind = 'appointment'",
        "SELECT id FROM call WHERE endpoint = 'x'",
    )
    with planned(old.sync.store) as plans, old.sync.store.read() as conn:
        for words in whole:
            conn.execute(text(words))
    assert {plan.words for plan in plans if plan.wide(MOST)} == set(whole)


@pytest.mark.parametrize("old", ["postgresql"], indirect=True)
def test_a_scan_that_only_a_prepared_statement_brings_is_seen(old: Clinic) -> None:
    """PostgreSQL thinks that a third of all rows is below a value which it does not look at."""
    below = "SELECT EXISTS (SELECT 1 FROM person_key WHERE key_id < %(a)s::VARCHAR)"
    with planned(old.sync.store) as plans, old.sync.store.read() as conn:
        conn.exec_driver_sql(below, {"a": "0"})
    assert [(plan.generic, bool(plan.wide(MOST))) for plan in plans] == [
        (False, False),
        (True, True),
    ]


def references() -> list[tuple[str, str]]:
    """Each column of a growing table that names a row which may be dropped."""
    return [
        (table.name, column.name)
        for table in metadata.tables.values()
        if table.name in GROWING
        for column in table.columns
        for key in column.foreign_keys
        if key.column.table.name in {"object", "call", "audit"}
    ]


@pytest.mark.parametrize(("table", "column"), references())
def test_who_names_a_row_that_goes_is_found_by_an_index(table: str, column: str) -> None:
    """A database looks for them itself, in no statement of ours: no plan shows it."""
    assert any(first == column for first in first_columns(metadata.tables[table]))


def first_columns(table: Table) -> Iterator[str]:
    """The first column of each index that holds every row."""
    yield next(iter(table.primary_key.columns)).name
    for one in table.constraints:
        if type(one).__name__ == "UniqueConstraint":
            yield next(iter(one.columns)).name
    for index in table.indexes:
        if not is_partial(index):
            yield next(iter(index.columns)).name


def is_partial(index: Index) -> bool:
    """Whether some rows are not in it; one of all that have a value is as good as whole."""
    where: Any = index.dialect_options["sqlite"]["where"]
    return where is not None and "IS NOT NULL" not in str(where)
