"""A group visit whose baselines are under a digest key that nobody has any more."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.setup.test_unknown_keys import NEW, OLD, rekeyed
from tests.support.clinic import Clinic, open_clinic, wall
from tests.support.group_clinic import book, make_groups, patients
from tests.support.sandbox_client import Sandbox


@pytest.fixture
def old(sandbox: Sandbox, sqlite_url: str, tmp_path: Path) -> Iterator[Clinic]:
    with open_clinic(sandbox, sqlite_url, tmp_path, digest_keys=OLD) as clinic:
        make_groups(clinic)
        clinic.go_live()
        yield clinic


def test_a_group_that_stands_as_its_slot_says_goes_on(old: Clinic) -> None:
    members = [book(old, one) for one in patients(old)]
    old.settle()
    (visit,) = (one["id"] for one in old.visits())
    with rekeyed(old, NEW) as clinic:
        clinic.edit(members[0], color="#123456")
        clinic.settle()
        assert (clinic.attention(), clinic.writes(), clinic.mails()) == ([], [], [])
        clinic.edit(members[1], status="Cancelled")
        clinic.settle()
        assert clinic.attention() == []
        people = clinic.visit(visit)["participants"]
        assert sorted(one["cancelled"] for one in people) == [False, False, True]


@pytest.mark.parametrize("change", [{"scheduled_time": wall(days=5)}, {"status": "Cancelled"}])
def test_a_member_of_whom_it_can_not_be_told_waits(old: Clinic, change: dict[str, str]) -> None:
    members = [book(old, one) for one in patients(old)]
    old.settle()
    with rekeyed(old, NEW) as clinic:
        clinic.edit(members[0], **change)
        clinic.settle()
        assert (clinic.attention(), clinic.writes(), clinic.mails()) == (
            ["baseline_unreadable"],
            [],
            [],
        )
