"""Filter `attention ls` as the page is filtered, with the same sentences."""

import json

import pytest
from click.testing import CliRunner

from cli import environment
from cli.main import cli
from sync.core.causes import table
from tests.support.clinic import Clinic
from tests.support.ops.waiting import a_person, a_visit, of_the_service


def run(clinic: Clinic, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(environment, "settings", lambda: clinic.settings)
    answer = CliRunner().invoke(cli, ["attention", "ls", *arguments])
    return answer.exit_code, answer.stdout, answer.stderr


def test_the_list_is_filtered(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    visit = a_visit(clinic.sync, "overlap", "70211", candidates=["70999"])
    person = a_person(clinic.sync, "contact_differs", "88123")
    service = of_the_service(clinic.sync, "doctor_unseen", ["201"])
    for asked, items in (
        ((), [visit, person, service]),
        (("--cause", "overlap"), [visit]),
        (("--about", "person"), [person]),
        (("--older", "day"), []),
        (("--find", "patient 88123"), [person]),
        (("--find", "70999"), [visit]),
        (("--about", "service", "--cause", "doctor_unseen"), [service]),
    ):
        _, told, _ = run(clinic, monkeypatch, "--json", *asked)
        assert [one["id"] for one in json.loads(told)] == items, asked
    _, told, _ = run(clinic, monkeypatch, "--cause", "overlap")
    # Of a wrapped cell each line holds a piece.
    assert set(table.say("overlap", ["70999"]).sentence.split()) <= set(told.split())
    assert "Nothing like that is open." in run(clinic, monkeypatch, "--older", "month")[1]


def test_what_can_t_be_asked_is_said(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    for asked in (("--find", "Vera Lindqvist"), ("--about", "planted"), ("--older", "soon")):
        code, told, error = run(clinic, monkeypatch, *asked)
        assert (code, told) == (1, "")
        assert error.strip().endswith(".")
        assert "Vera" not in error
