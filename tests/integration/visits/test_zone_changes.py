"""A doctor's zone changes in DrChrono: wall clocks stay, instants change, no webhook comes.

Noticed within one catch-up, a job with a preview, asked or carried by policy (docs/rules.md, R11,
R28).
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli import environment
from cli.main import cli
from sync.operations import attention
from sync.tasks import schedule
from sync.visits.state import zones
from tests.integration.visits.test_unknown_zone import zone
from tests.support.clinic import TELEHEALTH, Clinic, open_clinic, utc, wall
from tests.support.group_clinic import GROUP, make_groups, open_names, patients
from tests.support.sandbox_client import Sandbox

DENVER = 2  # hours after New York


def instant(days: int, hour: int = 15) -> str:
    return f"{utc(days=days, hour=hour):%Y-%m-%dT%H:%M:%SZ}"


def at(clinic: Clinic, visit: str) -> str:
    return str(clinic.visit(visit)["datetime"])


@pytest.fixture
def two(sandbox: Sandbox, database_url: str, tmp_path: Path) -> Iterator[tuple[Clinic, list[str]]]:
    """A clinic on both databases with two linked visits, in three and five days."""
    with open_clinic(sandbox, database_url, tmp_path) as clinic:
        clinic.go_live()
        clinic.new_patient()
        clinic.linked()
        clinic.linked(scheduled_time=wall(days=5))
        yield clinic, [str(visit["id"]) for visit in clinic.visits()]


def policy(clinic: Clinic, line: str) -> None:
    file = clinic.settings.mapping_file
    file.write_text(f"{file.read_text()}\n[policy]\n{line}\n")
    clinic.sync.learned()


def test_it_is_told_with_counts_and_moves_nobody_unasked(two: tuple[Clinic, list[str]]) -> None:
    clinic, visits = two
    zone(clinic, "America/Denver")
    clinic.catch_up()
    assert (clinic.writes(), clinic.mails()) == ([], [])
    assert clinic.attention() == ["zone_changed"]
    assert zones.changes(clinic.sync) == [
        zones.ZoneChange("201", ("US/Eastern",), "America/Denver", 2, 2, carried=False)
    ]
    ring = zones.accept(clinic.sync, ["201"])
    assert len(ring) == 2
    clinic.settle()
    assert [at(clinic, one) for one in visits] == [instant(3, 17), instant(5, 17)]
    assert clinic.mails() == [("change", "app")] * 2
    assert (clinic.attention(), zones.changes(clinic.sync)) == ([], [])
    clinic.forget()
    clinic.catch_up()
    assert (clinic.writes(), clinic.mails()) == ([], [])


def test_it_is_carried_where_the_mapping_says_so(two: tuple[Clinic, list[str]]) -> None:
    clinic, visits = two
    policy(clinic, 'on_zone_change = "carry"')
    zone(clinic, "America/Denver")
    clinic.catch_up()
    assert [at(clinic, one) for one in visits] == [instant(3, 17), instant(5, 17)]
    assert (clinic.mails(), clinic.attention()) == ([("change", "app")] * 2, [])


def test_before_it_is_accepted_new_ones_are_right_and_touched_ones_stay(
    two: tuple[Clinic, list[str]],
) -> None:
    clinic, visits = two
    zone(clinic, "America/Denver")
    clinic.catch_up()
    first, second = (str(one["id"]) for one in clinic.appointments())
    clinic.edit(first, duration=50)
    clinic.change_visit(visits[1], type="phone")
    clinic.settle()
    assert [at(clinic, one) for one in visits] == [instant(3), instant(5)]
    assert clinic.visit(visits[0])["duration"] == 50
    # What is booked or moved now is meant by the clock as it hangs there now.
    clinic.linked(scheduled_time=wall(days=7))
    assert sorted(str(v["datetime"]) for v in clinic.visits())[-1] == instant(7, 17)
    clinic.edit(second, scheduled_time=wall(days=6))
    clinic.settle()
    assert at(clinic, visits[1]) == instant(6, 17)
    # And what a patient moves in OnCall is written by that clock.
    clinic.change_visit(visits[0], datetime=instant(4))
    clinic.settle()
    here = datetime.fromisoformat(wall(days=4))
    there = datetime.fromisoformat(str(clinic.appointment(first)["scheduled_time"]))
    assert (here - there).total_seconds() == DENVER * 3600
    assert at(clinic, visits[0]) == instant(4)
    clinic.catch_up()
    assert (clinic.attention(), zones.changes(clinic.sync)) == ([], [])


def test_one_that_is_taken_back_ends_by_itself(two: tuple[Clinic, list[str]]) -> None:
    clinic, _visits = two
    for name in ("America/Denver", "US/Eastern"):
        zone(clinic, name)
        clinic.catch_up()
    assert (clinic.attention(), clinic.mails(), clinic.writes()) == ([], [], [])


def test_one_that_is_dropped_is_asked_no_more(two: tuple[Clinic, list[str]]) -> None:
    clinic, visits = two
    zone(clinic, "America/Denver")
    clinic.catch_up()
    (item,) = attention.attention_list(clinic.sync)
    assert item.candidates == ("201",)
    attention.attention_drop(clinic.sync, item.id)
    clinic.catch_up()
    assert (clinic.attention(), clinic.mails(), clinic.writes()) == ([], [], [])
    # Another change is another question; and the word may still be said.
    zone(clinic, "America/Chicago")
    clinic.catch_up()
    assert clinic.attention() == ["zone_changed"]
    zones.accept(clinic.sync, ["201"])
    clinic.settle()
    assert [at(clinic, one) for one in visits] == [instant(3, 16), instant(5, 16)]


def test_another_name_of_the_same_rules_is_no_change(two: tuple[Clinic, list[str]]) -> None:
    clinic, _visits = two
    for name in ("America/New_York", "us/eastern", "Eastern Time (US & Canada)", None):
        zone(clinic, name)
        clinic.wire.answers = name is not None
        clinic.catch_up()
        assert (clinic.attention(), clinic.mails(), clinic.writes()) == ([], [], [])


def test_it_is_noticed_by_one_call_with_each_catch_up(clinic: Clinic) -> None:
    clinic.linked()
    clinic.beat("zones")
    assert clinic.calls("drchrono") == ["GET /api/doctors"]
    assert schedule.TASKS["zones"].every_seconds(clinic.sync) == 600


def test_what_oncall_moved_before_is_known_by_its_zone_too(clinic: Clinic) -> None:
    _appointment, visit = clinic.linked()
    clinic.change_visit(visit, datetime=instant(4))
    clinic.settle()
    clinic.forget()
    zone(clinic, "America/Denver")
    clinic.catch_up()
    assert [one.visits for one in zones.changes(clinic.sync)] == [1]
    zones.accept(clinic.sync, ["201"])
    clinic.settle()
    assert at(clinic, visit) == instant(4, 17)


def test_a_group_moves_as_one(sandbox: Sandbox, sqlite_url: str, tmp_path: Path) -> None:
    with open_clinic(sandbox, sqlite_url, tmp_path, group_settle_seconds=0) as clinic:
        make_groups(clinic)
        clinic.new_patient()
        clinic.go_live()
        for one in patients(clinic, 2):
            clinic.book(patient=one, profile=GROUP, allow_overlapping=True)
        clinic.settle()
        clinic.forget()
        zone(clinic, "America/Denver")
        clinic.catch_up()
        assert (clinic.writes(), clinic.attention()) == ([], ["zone_changed"])
        assert [(one.visits, one.mails) for one in zones.changes(clinic.sync)] == [(1, 2)]
        zones.accept(clinic.sync, ["201"])
        clinic.settle()
        (visit,) = clinic.visits()
        assert (visit["datetime"], open_names(visit)) == (instant(3, 17), ["Omar", "Vera"])
        assert clinic.mails() == [("change", "app")] * 2
        clinic.catch_up()
        assert clinic.attention() == []


def test_the_command_shows_and_accepts(
    two: tuple[Clinic, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic, visits = two
    zone(clinic, "America/Denver")
    monkeypatch.setattr(environment, "settings", lambda: clinic.settings)

    def told(*words: str) -> Any:
        done = CliRunner().invoke(cli, ["zones", *words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    found = json.loads(told("--look", "--json"))
    assert [(one["doctor"], one["visits"], one["mails"]) for one in found] == [("201", 2, 2)]
    told("--accept", "--yes", "--doctor", "202")
    clinic.settle()
    assert at(clinic, visits[0]) == instant(3)
    assert "America/Denver" in told("--accept", "--yes")
    clinic.sync.learned()
    clinic.settle()
    assert at(clinic, visits[0]) == instant(3, 17)


def test_a_renamed_profile_is_told_and_moves_nothing(clinic: Clinic) -> None:
    file = clinic.settings.mapping_file
    by_id = r'"\d+" = "(\w+)"  # Telehealth'
    text = re.sub(by_id, r'"Telehealth" = "\1"', file.read_text(), count=1)
    assert '"Telehealth" = "online"' in text
    file.write_text(text)
    clinic.sync.learned()
    clinic.linked()

    def renamed(name: str) -> list[str]:
        path = f"/api/appointment_profiles/{TELEHEALTH}"
        assert clinic.sandbox.staff_drchrono("PATCH", path, {"name": name}).ok
        clinic.beat("practice")
        clinic.catch_up()
        assert (clinic.writes(), clinic.mails()) == ([], [])
        return clinic.attention()

    assert renamed("Telehealth") == []
    assert renamed("Home visit") == ["profile_renamed"]
    assert renamed("telehealth ") == []
    renamed("Home visit")
    file.write_text(text.replace('"Telehealth" = "online"', '"Home visit" = "online"'))
    clinic.catch_up()
    assert clinic.attention() == []
