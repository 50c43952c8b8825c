"""A real change, told by its timeline in the terminal: heard, read, written, and nobody's name."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from cli import environment
from cli.main import cli
from sync.operations import foreseen
from sync.store.tables import claims, links
from tests.support.clinic import Clinic, wall


@pytest.fixture
def said(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(environment, "settings", lambda: clinic.settings)

    def ask(*words: str) -> str:
        result = CliRunner().invoke(cli, list(words))
        assert result.exit_code == 0, result.output
        return result.stdout

    return ask


def test_a_moved_visit_is_told_of_from_its_webhook_to_its_write(clinic: Clinic, said: Any) -> None:
    appointment, visit = clinic.linked()
    clinic.edit(appointment, scheduled_time=wall(days=4))
    clinic.settle()
    told = json.loads(said("timeline", "appointment", str(appointment), "--json"))
    newest = next(one for one in told["events"] if one["sort"] == "written")
    assert newest["sentence"] == "Changed in OnCall."
    assert newest["about"] == f"oncall appointment {visit}"
    assert newest["rule"] == "R8"
    assert newest["by"].startswith("service ")
    heard = next(one for one in told["events"] if one["sort"] == "came"
                 and one["about"] == f"drchrono appointment {appointment}")  # fmt: skip
    assert heard["sentence"].startswith("DrChrono sent APPOINTMENT_MODIFY.")
    assert heard["compared"]
    numbers = [(one["record"], one["number"]) for one in told["events"] if one["record"]]
    assert len(numbers) == len(set(numbers))
    writes = [one for one in told["events"] if one["sort"] == "written"]
    assert {one["record"] for one in writes} == {"calls"}  # none is told from the audit again


def test_the_records_are_listed_in_the_terminal(clinic: Clinic, said: Any) -> None:
    appointment, _ = clinic.linked()
    for name in ("deliveries", "calls", "audit"):
        found = json.loads(said("records", name, "--about", str(appointment), "--json"))
        assert found["rows"], name
    page = json.loads(said("records", "calls", "--most", "1", "--only", "method=GET", "--json"))
    more = json.loads(said("records", "calls", "--most", "1", "--after", page["after"], "--json"))
    assert more["rows"][0]["at"] <= page["rows"][0]["at"]
    assert "More: --after " in said("records", "calls", "--most", "1")
    refused = CliRunner().invoke(cli, ["records", "calls", "--only", "planted=x"])
    assert (refused.exit_code, "can't be asked" in refused.stderr) == (1, True)
    missing = CliRunner().invoke(cli, ["timeline", "appointment", "99999"])
    assert (missing.exit_code, "99999" in missing.stderr) == (1, True)


def test_what_would_change_is_the_plan_or_why_there_is_none(clinic: Clinic) -> None:
    appointment, visit = clinic.linked()
    clinic.edit(appointment, scheduled_time=wall(days=4))
    told = foreseen.lines(clinic.sync, "appointment", str(appointment))
    assert any("update oncall appointment: starts" in line for line in told)
    assert foreseen.lines(clinic.sync, "appointment", "99999") == (
        "There is nothing of that number.",
    )
    with clinic.sync.store.write() as conn:
        row = links.find(conn, "oncall", "appointment", str(visit))
        assert row is not None
        assert claims.try_lock(conn, row.aggregate, owner="w", now=clinic.now(), seconds=60)
    (busy,) = foreseen.lines(clinic.sync, "appointment", str(appointment))
    assert busy.startswith("A worker is at it")
