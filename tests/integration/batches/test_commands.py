"""`import` and `backfill` from the command to the contacts, by the engine and the sandbox."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import cli
from sync.batches import showing
from sync.core.batch.model import State
from sync.settings_read import load_settings
from tests.support import canary
from tests.support.batches import visits
from tests.support.batches.imports import HEADERS, contact, line, text
from tests.support.clinic import PROVIDER, Clinic

WRONG = {"email": "Nora Quill"}


@pytest.fixture
def said(clinic: Clinic, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """What a command in a process of its own says to that clinic."""
    monkeypatch.chdir(tmp_path)
    env = {name.upper(): str(value) for name, value in clinic.values.items()} | {"REDIS_URL": ""}
    load_settings.cache_clear()

    def run(*argv: str, **more: Any) -> Result:
        return CliRunner().invoke(cli, argv, env=env, **more)

    yield run
    load_settings.cache_clear()


def document(said: Result) -> dict[str, Any]:
    """The one document of standard output; the clinic's doors log there too, in this process."""
    [found] = re.findall(r"^\{\n.*?^\}$", said.stdout, re.MULTILINE | re.DOTALL)
    told: dict[str, Any] = json.loads(found)
    return told


def rows(name: str) -> list[dict[str, str]]:
    with Path(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_file_goes_in_and_its_result_comes_out(clinic: Clinic, said: Any) -> None:
    contact(clinic)  # the first line's
    Path("in.csv").write_bytes(text([line(0), line(1), line(2, **WRONG)]))
    argv = ("import", "in.csv", "--kind", "patients", "--provider", PROVIDER)
    dry = said(*argv, "--dry-run", "--result", "plan.csv", "--json")
    assert dry.exit_code == 1
    assert document(dry)["fates"]["create"] == 1
    assert [one["outcome"] for one in rows("plan.csv")][1:] == ["create", "problem"]
    left = showing.listed(clinic.sync, imports=True)
    assert [(one.state, one.has_file) for one in left] == [(State.CANCELLED, False)]
    assert len(clinic.of("oncall", "contacts")) == 1
    done = said(*argv, "--yes", "--result", "out.csv")
    assert (done.exit_code, done.exception.__class__) == (1, SystemExit), done.output
    told = rows("out.csv")
    assert list(told[0]) == [*HEADERS, "oncall_url", "outcome", "problem"]
    assert [one["outcome"] for one in told][1:] == ["created", "problem"]
    assert told[1]["oncall_url"].startswith(f"{clinic.sandbox.oncall_url}/contacts/")
    assert told[2]["problem"].startswith("Email: ")
    assert not showing.show(clinic.sync, 2).has_file  # it was read once
    assert len(clinic.of("oncall", "contacts")) == 2
    assert canary.hits({"Noraa", "Quillb", "nora1@mail.example"}, done.stderr.encode()) == set()
    again = said(*argv, "--yes", "--json")
    assert document(again)["outcomes"]["already_there"] >= 1
    assert len(clinic.of("oncall", "contacts")) == 2


def test_visits_of_a_file_cost_the_mails_that_were_said(clinic: Clinic, said: Any) -> None:
    Path("in.csv").write_bytes(text([visits.line(0), visits.line(1)], visits.HEADERS))
    argv = ("import", "in.csv", "--kind", "appointments", "--json")
    dry = said(*argv, "--dry-run")
    assert dry.exit_code == 0, dry.output
    foreseen = document(dry)["foreseen"]
    assert (foreseen["mails_to_patients"], clinic.visits()) == (2, [])
    done = said(*argv, "--yes")
    assert (done.exit_code, document(done)["outcomes"]["created"]) == (0, 2), done.output
    assert len(clinic.visits()) == 2
    assert len(clinic.mails()) == 2


def test_dates_in_two_forms_are_asked_with_the_option_to_add(clinic: Clinic, said: Any) -> None:
    Path("in.csv").write_bytes(text([line(1, date_of_birth="03/04/1980")]))
    argv = ("import", "in.csv", "--kind", "patients", "--provider", PROVIDER, "--dry-run")
    done = said(*argv)
    assert done.exit_code == 2
    assert "Add --date-format mdy" in done.stderr
    assert "--date-format dmy" in done.stderr
    assert said(*argv, "--date-format", "dmy").exit_code == 0
    assert said(*argv, "--date-format", "DD/MM/YYYY").exit_code == 0
    assert clinic.of("oncall", "contacts") == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file can't be used."),
        (b"\x00\x01\x02" * 99, "The file can't be used."),
        (b"PK\x03\x04rubbish", "The file can't be used."),
    ],
)
def test_a_bad_file_ends_with_2(said: Any, content: bytes, words: str) -> None:
    done = said("import", "-", "--kind", "patients", "--yes", input=content)
    assert (done.exit_code, words in done.stderr, "Traceback" in done.output) == (2, True, False)


def test_what_the_record_has_is_made_once(clinic: Clinic, said: Any) -> None:
    argv = ("backfill", "patients", "--json")
    dry = said(*argv, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert document(dry)["fates"]["create"] == 1
    assert clinic.of("oncall", "contacts") == []
    done = said(*argv, "--yes", "--result", "out.csv")
    assert (done.exit_code, document(done)["outcomes"]["created"]) == (0, 1), done.output
    [made] = clinic.of("oncall", "contacts")
    assert rows("out.csv")[0]["drchrono_id"] == str(clinic.patient)
    assert rows("out.csv")[0]["oncall_id"] == str(made["id"])
    assert document(said(*argv, "--yes"))["outcomes"]["already_there"] == 1
