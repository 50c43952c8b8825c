"""While the database is behind, or a marker is an unlinked visit's, no run repeats without end."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from sync.core.records import Marker
from sync.oncall import bodies
from sync.operations.hand import by_hand
from sync.run.evidence import behind
from sync.run.evidence.sealing import seal
from sync.store.schema import work
from sync.tasks import sweep, worker
from tests.support.clinic import Clinic, utc
from tests.support.group_clinic import booked, with_groups
from tests.support.templates import Templates, on_both


@pytest.fixture
def clinic(
    request: pytest.FixtureRequest, templates: Templates, tmp_path: Path
) -> Iterator[Clinic]:
    """A clinic with a group profile, gone live, on each database in turn."""
    on_postgresql = request.param == "postgresql"
    server = str(request.getfixturevalue("postgres_server")) if on_postgresql else None
    with templates.copied("groups", tmp_path, with_groups, server=server) as opened:
        yield opened


def runs(clinic: Clinic) -> int:
    """How many runs there were: each claims its item under a new fence."""
    with clinic.sync.store.read() as conn:
        return conn.execute(select(func.sum(work.c.fence))).scalar_one()


def of_the_lost_day(clinic: Clinic) -> str:
    """An OnCall visit with our marker, which names a visit that this database does not know."""
    marker = Marker(clinic.sync.installation(), 4711, 1, 1, "9999999")
    sealed = seal(clinic.sync.digests, marker, "oncall", "appointment")
    return clinic.invite(
        metadata=bodies.with_marker(None, sealed), datetime=f"{utc(days=9):%Y-%m-%dT%H:%M:%SZ}"
    )


def is_behind(clinic: Clinic) -> bool:
    with clinic.sync.store.read() as conn:
        return behind.is_noticed(conn)


@on_both
def test_what_is_due_is_rung_seldom_and_runs_when_it_is_over(clinic: Clinic) -> None:
    """The run that noticed is done; a group that changes meanwhile runs once, afterwards."""
    _, (appointment, _), visit = booked(clinic, 2)
    of_the_lost_day(clinic)
    clinic.sandbox.wait_idle()
    clinic.advance(2)
    for key in clinic.due():
        worker.run(clinic.sync, key)
    assert is_behind(clinic)
    assert clinic.due() == []

    clinic.edit(appointment, duration=45)
    clinic.sandbox.wait_idle()
    clinic.advance(40)
    assert clinic.due() != []
    before, calls, rung = runs(clinic), len(clinic.calls("oncall")), 0
    for _ in range(30):
        for ring in sweep.sweep(clinic.sync):
            rung += 1
            assert worker.run(clinic.sync, ring.aggregate) == ()
        clinic.advance(0.5)
    assert (runs(clinic), len(clinic.calls("oncall"))) == (before, calls)
    assert rung <= 2  # of one item, within 15 seconds

    clinic.beat("matching")
    assert not is_behind(clinic)
    clinic.settle()
    assert clinic.visit(visit)["duration"] == 45
    assert runs(clinic) - before <= 12


@on_both
def test_the_markers_of_an_unlinked_group_end_nothing(clinic: Clinic) -> None:
    """They name what stands apart by now: no run takes them for news, and each ends."""
    _, _, visit = booked(clinic, 2)
    by_hand.unlink(clinic.sync, "oncall-appointment", visit)
    clinic.settle()
    clinic.beat("matching")
    clinic.whole_cycle()
    assert not is_behind(clinic)
    before = runs(clinic)
    clinic.whole_cycle()
    assert not is_behind(clinic)
    assert runs(clinic) - before <= 12
    assert clinic.waiting() == 0
