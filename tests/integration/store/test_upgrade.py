"""A database of the version before goes on: nothing is written for it, and changes are carried.

The version before asked the slot key whether a visit is a group's (`tests/support/former`).
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.clinic import ZONE, Clinic
from tests.support.former.database import a_former_clinic
from tests.support.group_clinic import open_names

PATCH_HERE, PATCH_THERE = "PATCH /api/appointments/ID", "PATCH /appointments/ID/"


@pytest.fixture
def former(empty_database_url: str, tmp_path: Path) -> Iterator[tuple[Clinic, dict[str, Any]]]:
    with a_former_clinic(empty_database_url, tmp_path) as found:
        yield found


def wall_of(visit: dict[str, Any]) -> str:
    """Where a visit's appointments stand, by the clock of their doctor."""
    return f"{datetime.fromisoformat(visit['datetime']).astimezone(ZONE):%Y-%m-%dT%H:%M:%S}"


def later(at: str) -> str:
    return (datetime.fromisoformat(at) + timedelta(hours=1)).isoformat()


def standing(clinic: Clinic, ids: dict[str, Any]) -> dict[str, list[str]]:
    """The appointments of each OnCall visit: no two visits of the fixture stand at one time."""
    at = [(one["scheduled_time"], one["id"]) for one in clinic.appointments()]
    at = [(time, one) for time, one in at if one != ids["occurrences"][0].rpartition("_")[2]]
    seen = {wall_of(visit): str(visit["id"]) for visit in clinic.visits()}
    found = {visit: [str(one) for time, one in at if time == then] for then, visit in seen.items()}
    for virtual in (ids["occurrences"][0], ids["occurrences"][2]):
        (visit,) = [visit for then, visit in seen.items() if then[:10] == virtual[:10]]
        found[visit] = [virtual]
    return found


def test_what_waited_ends_and_nothing_else_is_written(
    former: tuple[Clinic, dict[str, Any]],
) -> None:
    """A create whose answer was lost is found, not made again; its other side gets its marker.

    The OnCall visit of a group has its marker: a member that is found adds nothing to it.
    """
    clinic, ids = former
    clinic.settle(hours=3)
    clinic.catch_up()
    written = [
        f"{call['method']} {call['path']}"
        for remote in ("drchrono", "oncall")
        for call in clinic.sandbox.calls(remote, "app")
        if call["method"] == "PATCH"
    ]
    assert written == [
        f"PATCH /api/appointments/{ids['lost_there']}",
        f"PATCH /appointments/{ids['lost_here']}/",
    ]
    assert Counter(clinic.writes()) == {PATCH_HERE: 1, PATCH_THERE: 1}
    assert (clinic.mails(), clinic.attention(), clinic.waiting()) == ([], [], 0)
    stands = standing(clinic, ids)
    assert sorted(map(len, stands.values())) == [1, 1, 1, 1, 1, 1, 1, 1, 3, 3]
    assert open_names(clinic.visit(ids["group_there"])) == ["Ines", "Omar", "Vera"]
    assert ids["lost_member"] in stands[ids["group_there"]]


def test_a_change_of_either_side_is_carried_once(former: tuple[Clinic, dict[str, Any]]) -> None:
    """Of visits of one, of one that began anew, of groups, occurrences and late creates."""
    clinic, ids = former
    clinic.settle(hours=3)
    stands = standing(clinic, ids)
    clinic.forget()
    moved = {visit: later(wall_of(clinic.visit(visit))) for visit in stands}
    for visit, appointments in stands.items():
        for one in appointments:
            clinic.edit(one, scheduled_time=moved[visit])
    clinic.settle()
    assert {visit: wall_of(clinic.visit(visit)) for visit in stands} == moved
    # Two occurrences became appointments of their own by the move, and get their markers.
    assert Counter(clinic.writes()) == {PATCH_THERE: len(stands), PATCH_HERE: 2}
    assert Counter(clinic.mails()) == {("change", "app"): sum(map(len, stands.values()))}
    clinic.forget()
    for visit in stands:
        at = later(clinic.visit(visit)["datetime"].removesuffix("Z"))
        clinic.change_visit(visit, datetime=f"{at}Z")
    clinic.settle()
    now = {visit: wall_of(clinic.visit(visit)) for visit in stands}
    held = Counter(
        one["scheduled_time"] for one in clinic.appointments() if not one["is_virtual_base"]
    )
    assert held == {now[visit]: len(made) for visit, made in stands.items()}
    assert Counter(clinic.writes()) == {PATCH_HERE: sum(held.values())}
    assert (clinic.attention(), clinic.conflicts()) == ([], [])
