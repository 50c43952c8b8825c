"""List and explain what a person must decide in staff's words, with what to do about it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from cli.commands import attention as command
from sync.core.causes.table import say
from sync.operations import attention
from sync.runtime import Sync
from tests.support.clinic import Clinic


def run(clinic: Clinic, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    @contextmanager
    def opened() -> Iterator[Sync]:
        yield clinic.sync

    monkeypatch.setattr(command, "opened", opened)
    answer = CliRunner().invoke(command.attention, arguments)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def test_the_list_says_what_happened_and_what_to_do(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic.edit_patient(clinic.patient, email="")
    clinic.book()
    clinic.pump()
    said = say("patient_without_email")
    shown = " ".join(run(clinic, monkeypatch, "ls").split())
    assert "what happened what to do" in shown
    assert "patient_without_email" not in shown
    assert "has no e-mail address" in shown
    (item,) = json.loads(run(clinic, monkeypatch, "ls", "--json"))
    assert item["cause"] == "patient_without_email"
    assert (item["sentence"], item["press"]) == (said.sentence, said.press)
    assert item["deeds"] == ["look_again"]


def test_explain_says_the_same_sentences(clinic: Clinic) -> None:
    clinic.edit_patient(clinic.patient, email="")
    appointment = clinic.book()
    clinic.pump()
    told = attention.explain(clinic.sync, "appointment", appointment)
    (asked,) = told.as_dict()["attention"]
    assert asked["sentence"] == say("patient_without_email").sentence
    assert asked["press"] == say("patient_without_email").press
    (waits,) = told.as_dict()["waits_for"]
    assert waits["sentence"] == f"It waits for the chart of patient {clinic.patient} to change."
    assert any(asked["sentence"] in line for line in told.lines())
