"""Hold back what an operator has paused, and let it go on: from SQL, without a restart."""

from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from cli import environment
from cli.main import cli
from sync.operations import attention, audit, pausing
from sync.operations.audit import Filter
from tests.support.agreement import agree
from tests.support.clinic import DOCTOR, Clinic, wall
from tests.support.templates import on_both

HELD = ["everything", "oncall", f"doctor:{DOCTOR}"]


def begun(clinic: Clinic) -> None:
    """Whatever may be begun has been, an hour later."""
    for _ in range(4):
        clinic.advance(900)
        clinic.pump()


@on_both
@pytest.mark.parametrize("what", [*HELD, "live"])
def test_nothing_is_written_until_it_is_resumed(clinic: Clinic, what: str) -> None:
    appointment, _visit = clinic.linked()
    pausing.pause(clinic.sync, what)
    clinic.edit(appointment, scheduled_time=wall(days=9))
    begun(clinic)
    assert clinic.writes() == []
    assert clinic.attention() == []
    clinic.advance(86_400)
    clinic.pump()
    assert clinic.writes() == []
    pausing.resume(clinic.sync, what)
    clinic.settle()
    assert clinic.writes() == ["PATCH /appointments/ID/"]
    assert clinic.mails() == [("change", "app")]
    agree(clinic)


def test_a_paused_system_costs_one_look_for_each_hint(clinic: Clinic) -> None:
    appointment, _visit = clinic.linked()
    pausing.pause(clinic.sync, "oncall")
    clinic.edit(appointment, scheduled_time=wall(days=9))
    clinic.settle(hours=12)
    assert len(clinic.calls("drchrono")) <= 2
    assert len(clinic.calls("oncall")) <= 2


def test_one_system_s_pause_leaves_the_other_going(clinic: Clinic) -> None:
    _appointment, visit = clinic.linked()
    pausing.pause(clinic.sync, "oncall")
    clinic.change_visit(visit, duration=45)
    clinic.settle()
    assert clinic.writes() == ["PATCH /api/appointments/ID"]


def test_another_doctor_goes_on(clinic: Clinic) -> None:
    appointment, _visit = clinic.linked()
    pausing.pause(clinic.sync, "doctor:999")
    clinic.edit(appointment, duration=45)
    clinic.settle()
    assert clinic.writes() == ["PATCH /appointments/ID/"]


@pytest.mark.parametrize("what", HELD)
def test_a_pause_ends_by_itself(clinic: Clinic, what: str) -> None:
    appointment, _visit = clinic.linked()
    pausing.pause(clinic.sync, what, clinic.now() + timedelta(hours=2))
    clinic.edit(appointment, duration=45)
    begun(clinic)
    assert clinic.writes() == []
    clinic.advance(2 * 3600)
    clinic.beat("pauses")
    clinic.settle()
    assert clinic.writes() == ["PATCH /appointments/ID/"]
    told = [(row.action, row.subjects) for row in audit.every(clinic.sync, Filter())]
    assert ("pause", f"what:{what}") in told
    assert ("resume", f"what:{what}") in told


def test_a_paused_lane_leaves_the_others_going(clinic: Clinic) -> None:
    appointment, _visit = clinic.linked()
    pausing.pause(clinic.sync, "bulk")
    clinic.edit(appointment, duration=45)
    clinic.settle()
    assert clinic.writes() == ["PATCH /appointments/ID/"]


def test_explain_says_what_it_waits_for(clinic: Clinic) -> None:
    appointment, _visit = clinic.linked()
    pausing.pause(clinic.sync, "oncall")
    clinic.edit(appointment, duration=45)
    clinic.settle()
    said = "\n".join(attention.explain(clinic.sync, "appointment", appointment).lines())
    assert "paused oncall" in said


def test_the_commands(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "settings", lambda: clinic.settings)
    runner = CliRunner()
    assert "Nothing is paused" in runner.invoke(cli, ["pause"]).stdout
    done = runner.invoke(cli, ["pause", "bulk", "--until", "2h"])
    assert done.exit_code == 0, done.output
    (held,) = pausing.paused(clinic.sync)
    assert held.until is not None
    assert abs(held.until - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=1)
    assert "bulk" in runner.invoke(cli, ["pause", "--json"]).stdout
    assert "goes on" in runner.invoke(cli, ["resume", "bulk"]).stdout
    assert "was not paused" in runner.invoke(cli, ["resume", "bulk"]).stdout
    for wrong in (["pause", "mondays"], ["resume", "mondays"], ["pause", "doctor:"]):
        refused = runner.invoke(cli, wrong)
        assert (refused.exit_code, "can't be paused" in refused.stderr) == (1, True)
    late = runner.invoke(cli, ["pause", "bulk", "--until", "2020-01-01T00:00"])
    assert (late.exit_code, "is over already" in late.stderr) == (1, True)
    assert runner.invoke(cli, ["pause", "bulk", "--until", "soon"]).exit_code == 2
