"""The command `diff`: a table, JSON or CSV of ids, and its exit status."""

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.exc import OperationalError

from cli.commands import diff as command
from cli.output import TroubleError
from sync.runtime import Sync
from sync.store.compared import found
from tests.support.clinic import Clinic, wall

Run = Callable[..., Result]
PERSONAL = ("vera", "lindqvist", "lindgren", "1984", "555")


@pytest.fixture
def run(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> Run:
    @contextmanager
    def opened() -> Iterator[Sync]:
        yield clinic.sync

    monkeypatch.setattr(command, "opened", opened)

    def said(*arguments: str) -> Result:
        return CliRunner().invoke(command.diff, list(arguments))

    return said


def _differing(clinic: Clinic) -> tuple[str, str]:
    made = clinic.linked()
    for remote in ("drchrono", "oncall"):
        clinic.sandbox.faults(remote, webhooks={"mode": "drop"})
    clinic.edit(made[0], scheduled_time=wall(days=5))
    clinic.edit_patient(clinic.patient, last_name="Lindgren")
    return made


def test_the_same_is_zero(clinic: Clinic, run: Run) -> None:
    clinic.linked()
    answer = run()
    assert answer.exit_code == 0
    assert answer.stdout.startswith("The same. 1 linked visits")
    assert json.loads(run("--json").stdout)["status"] == "same"
    assert run("--csv").stdout.count("\n") == 1  # its head


def test_what_differs_is_one_by_cause_and_ids_alone(clinic: Clinic, run: Run) -> None:
    appointment, visit = _differing(clinic)
    table, data, sheet = run(), run("--json"), run("--csv")
    assert {one.exit_code for one in (table, data, sheet)} == {1}
    assert "Visits that say different things: 1" in table.stdout
    assert appointment in table.stdout
    found = {one["cause"]: one for one in json.loads(data.stdout)["found"]}
    assert found["fields_differ"]["drchrono"] == appointment
    assert found["fields_differ"]["oncall"] == visit
    assert found["fields_differ"]["fields"] == ["starts"]
    rows = list(csv.DictReader(StringIO(sheet.stdout)))
    assert {row["cause"] for row in rows} == set(found)
    assert [row["fields"] for row in rows if row["cause"] == "contact_differs"] == ["last_name"]
    for answer in (table, data, sheet):
        assert not [word for word in PERSONAL if word in answer.output.lower()]


def test_what_can_t_be_told_is_two_and_what_was_found_is_shown(clinic: Clinic, run: Run) -> None:
    appointment, _visit = _differing(clinic)
    clinic.wire.answers = False
    clinic.sandbox.faults(
        "oncall",
        {"match": {"path": "^/contacts/$"}, "times": None, "do": "status", "status": 503},
        webhooks={"mode": "drop"},
    )
    for way in ((), ("--json",), ("--csv",)):
        answer = run(*way)
        assert answer.exit_code == 2
        assert appointment in answer.stdout
    assert "OnCall contacts could not be read whole" in run().stderr


def test_a_service_that_can_t_be_opened_is_two(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def closed() -> Iterator[Sync]:
        raise TroubleError("The database can't be reached.")
        yield

    monkeypatch.setattr(command, "opened", closed)
    answer = run()
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "can't be reached" in answer.stderr


def test_a_database_that_takes_nothing_keeps_nothing_back(
    clinic: Clinic, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    appointment, _visit = _differing(clinic)

    def full(*_args: object) -> None:
        raise OperationalError("", {}, Exception("disk full"))

    monkeypatch.setattr(found, "keep", full)
    answer = run()
    assert answer.exit_code == 2
    assert appointment in answer.stdout


def test_one_way_of_answer_at_a_time(run: Run) -> None:
    assert run("--json", "--csv").exit_code == 2


def test_its_help_has_examples(run: Run) -> None:
    assert "drchrono-oncall diff --csv" in run("--help").stdout
