"""A create that is answered while a worker looks at the id it was given, and a later edit.

Somebody had told of that id before it came to be, or its own webhook came first. So the object
keeps the row of that word, and its marker brings it to its visit. What the create was answered is
the baseline then: whoever edits either side meanwhile is heard, and nobody is asked.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.store.tables import claims, links
from sync.tasks import worker
from tests.integration.writes.test_ambiguous_creates import Create, proven
from tests.support.agreement import agree
from tests.support.clinic import Clinic
from tests.support.flows import NO_LIMITS
from tests.support.meanwhile import meanwhile
from tests.support.templates import Templates

HELD = 20
LONGER = 50


@pytest.fixture
def clinic(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    with templates.copied("proven", tmp_path, proven, **NO_LIMITS) as opened:
        yield opened


def newest(clinic: Clinic, system: str) -> str:
    return str(max(int(one["id"]) for one in clinic.of(system, "appointments")))


def tell_and_hold(clinic: Clinic, system: str) -> None:
    """A webhook tells of what was made, and a worker that takes its time looks at it."""
    now, made = clinic.now(), newest(clinic, system)
    with clinic.sync.store.write() as conn:
        key = links.new_aggregate(conn, "visit", now)
        links.add(conn, key, system, "appointment", made, now=now, told=True)
        assert claims.try_lock(conn, key, owner="another", now=now, seconds=HELD)


def lengthen(clinic: Clinic, system: str) -> None:
    """Staff make the newest of one side longer, with all that stands in its slot."""
    made = newest(clinic, system)
    if system == "oncall":
        clinic.change_visit(made, duration=LONGER)
        return
    starts = clinic.appointment(made)["scheduled_time"]
    for one in clinic.appointments():
        if one["scheduled_time"] == starts:
            clinic.edit(one["id"], duration=LONGER)


def work_without_waiting(clinic: Clinic) -> None:
    """Work on what is due, but for what another worker holds."""
    for _ in range(4):
        clinic.sandbox.wait_idle()
        for key in clinic.due():
            worker.run(clinic.sync, key)


@pytest.mark.parametrize("how", ["by its webhook", "by a look"])
@pytest.mark.parametrize("edited", ["what it was made from", "what was made"])
@pytest.mark.parametrize("kind", ["visit", "group's visit", "appointment"])
def test_an_edit_before_it_came_back_is_carried(
    clinic: Clinic, kind: str, edited: str, how: str
) -> None:
    create = Create(clinic, kind)
    remote = create.call[0]
    other = "drchrono" if remote == "oncall" else "oncall"
    side = other if edited == "what it was made from" else remote
    clinic.sandbox.faults(remote, webhooks={"mode": "hold" if how == "by its webhook" else "drop"})

    def held_and_edited() -> None:
        tell_and_hold(clinic, remote)
        lengthen(clinic, side)
        if how == "by its webhook":
            clinic.sandbox.control(remote, "release", {})
            clinic.sandbox.wait_idle()

    with meanwhile(clinic, create.call, after=held_and_edited):
        create.act()
        work_without_waiting(clinic)
    clinic.advance(HELD + 1)
    clinic.settle(hours=3)
    agree(clinic)
    assert LONGER in {a["duration"] for a in clinic.appointments()}
    assert clinic.attention() == []
    invited = [mail for mail in clinic.mails() if mail[0] == "invitation"]
    assert sorted(invited) == sorted(create.mails)
