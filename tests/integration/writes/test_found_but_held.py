"""Look in turns for a lost create that stands under an aggregate somebody works on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.store.tables import claims, links
from tests.integration.writes.test_ambiguous_creates import Create, proven
from tests.support.clinic import Clinic
from tests.support.flows import NO_LIMITS
from tests.support.meanwhile import meanwhile
from tests.support.templates import Templates

HELD = 300
LISTS = {"drchrono": "/api/appointments", "oncall": "/appointments/"}


@pytest.fixture
def clinic(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    with templates.copied("proven", tmp_path, proven, **NO_LIMITS) as opened:
        yield opened


def tell_and_hold(clinic: Clinic, system: str) -> None:
    """A webhook tells of what was made, and a worker that takes its time looks at it."""
    made = max(clinic.of(system, "appointments"), key=lambda one: int(one["id"]))
    now = clinic.now()
    with clinic.sync.store.write() as conn:
        key = links.new_aggregate(conn, "visit", now)
        links.add(conn, key, system, "appointment", str(made["id"]), now=now, told=True)
        assert claims.try_lock(conn, key, owner="another", now=now, seconds=HELD)


@pytest.mark.parametrize("kind", ["visit", "group's visit", "appointment"])
def test_the_look_is_not_made_without_end(clinic: Clinic, kind: str) -> None:
    create = Create(clinic, kind)
    remote, method, path = create.call
    lost = {"match": {"method": method, "path": path}, "do": "drop_after"}
    clinic.sandbox.faults(remote, lost, webhooks={"mode": "drop"})
    with meanwhile(clinic, create.list, before=lambda: tell_and_hold(clinic, remote)):
        create.begin()
    looks = [call for call in clinic.calls(remote) if call == f"GET {LISTS[remote]}"]
    assert len(looks) < 2 * HELD / clinic.sync.settings.apart_seconds
    create.assert_made_once()
