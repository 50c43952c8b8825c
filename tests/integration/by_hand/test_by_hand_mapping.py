"""Preview a changed mapping: visits touched and mails, before the file acts."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import environment
from cli.commands.setting_up import setup as commands
from cli.main import cli
from sync.mapping import load
from sync.setup.mapping_preview import MappingPreview, preview
from tests.support.clinic import DOCTOR, TELEHEALTH, Clinic, wall


def changed(clinic: Clinic, old: str, new: str) -> Path:
    """Another file, with one thing changed; the one in force stays as it is."""
    text = clinic.settings.mapping_file.read_text()
    assert text.count(old) >= 1, text
    path = clinic.home / "new.toml"
    path.write_text(text.replace(old, new))
    return path


def typed(clinic: Clinic, word: str) -> Path:
    """The telehealth profile means another type."""
    return changed(clinic, f'"{TELEHEALTH}" = "online"', f'"{TELEHEALTH}" = "{word}"')


@pytest.fixture
def booked(clinic: Clinic) -> Clinic:
    """Two visits on both sides, one of them over; none of what happens then is heard of."""
    clinic.book()
    clinic.edit(clinic.book(scheduled_time=wall(days=5)), status="Cancelled")
    clinic.settle()
    clinic.forget()
    return clinic


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("phone", MappingPreview(linked=1, touched=1, enter=0, leave=0, mails=1)),
        ("skip", MappingPreview(linked=1, touched=0, enter=0, leave=1, mails=0)),
        ("online", MappingPreview(linked=1, touched=0, enter=0, leave=0, mails=0)),
    ],
)
def test_another_type(booked: Clinic, word: str, expected: MappingPreview) -> None:
    assert preview(booked.sync, load(typed(booked, word))) == expected
    assert [one for one in booked.calls("drchrono") if not one.startswith("GET")] == []
    assert booked.calls("oncall") == []


def test_leaving_visits_are_mailed_where_they_are_cancelled(booked: Clinic) -> None:
    path = typed(booked, "skip")
    path.write_text(path.read_text() + '\n[policy]\nleft_scope = "cancel"\n')
    found = preview(booked.sync, load(path))
    assert found == MappingPreview(linked=1, touched=0, enter=0, leave=1, mails=1)


def test_a_doctor_who_begins_to_be_synced(booked: Clinic) -> None:
    whole = booked.settings.mapping_file.read_text()
    new = changed(booked, "\n", "\n")
    without = whole.replace(f"drchrono = {DOCTOR}\n", "drchrono = 999\n")
    booked.settings.mapping_file.write_text(without)
    booked.book(scheduled_time=wall(days=6))
    booked.settle()
    assert preview(booked.sync, load(new)) == MappingPreview(
        linked=1, touched=1, enter=1, leave=0, mails=2
    )


def test_the_command_compares_another_file(booked: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (environment, commands):
        monkeypatch.setattr(module, "settings", lambda: booked.settings)
    runner = CliRunner()
    path = str(typed(booked, "phone"))
    told = json.loads(runner.invoke(cli, ["mapping", "check", path, "--json"]).stdout)
    told_of = {"linked": 1, "touched": 1, "enter": 0, "leave": 0, "mails": 1, "whole": True}
    assert told["touches"] == told_of
    shown = runner.invoke(cli, ["mapping", "check", path])
    assert shown.exit_code == 0
    assert "touched" in shown.stdout
    alone = json.loads(runner.invoke(cli, ["mapping", "check", "--json"]).stdout)
    assert "touches" not in alone
