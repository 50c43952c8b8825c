"""Every cause of an attention item has its sentence, and no row is about nothing."""

import re
from fnmatch import fnmatchcase

import pytest

from sync.core.causes import of_service, of_visits, table, waits
from sync.core.causes.model import Cause, Remedy, command
from sync.core.rules.views import FIELDS
from sync.operations.hand import resolve
from sync.store.schema import attention
from sync.tasks.schedule import TASKS
from tests.unit.test_waiting_page import ROOT, named, opened

NAMES = [one.name for one in table.CAUSES]
# What waits without an item of attention bears another name on the page.
OTHERWISE = {"go-live": "not_accepted"}


def test_each_cause_that_the_code_opens_has_its_sentence() -> None:
    assert {(cause, file) for cause, file in opened() if table.find(cause) is None} == set()


def test_the_table_and_the_page_name_the_same_causes() -> None:
    page = {one.replace("…", "*") for one in named((ROOT / "docs/waiting.md").read_text())}
    page = {OTHERWISE.get(one, one) for one in page}
    assert page - set(NAMES) == set()
    assert set(NAMES) - page == set()


def test_each_family_has_words_for_all_that_it_is_made_of() -> None:
    length = attention.c.cause.type.length
    made = [f"{task}_{end}" for task in TASKS for end in ("refused", "keeps_failing")]
    made += [f"{one}_refused" for one in ("appointment_field", "patient_field")]
    made += [f"{one}_list_incomplete" for one in ("drchrono", "oncall")]
    made += [f"{one}_differs" for one in (*FIELDS, "state", "patient")]
    assert [one for one in made if table.find(one) is None or len(one) > length] == []
    assert set(TASKS) <= set(of_service.TASKS)
    assert set(FIELDS) <= set(of_visits.FIELDS)


@pytest.mark.parametrize("cause", table.CAUSES, ids=lambda one: one.name)
def test_each_row_is_a_sentence_for_staff(cause: Cause) -> None:
    assert NAMES.count(cause.name) == 1
    for text in (cause.sentence, cause.press):
        assert re.fullmatch(r"[A-Z{].*\.", text, re.DOTALL)
        assert len(text) <= 220
        words = set(re.findall(r"[a-z_]+", text.lower()))
        assert not words & {"aggregate", "baseline", "blocker", "fence", "hint", "lease", "parked"}
    assert cause.deeds
    assert (Remedy.RESOLVE in cause.deeds) == (cause.name in resolve.CAUSES)


def test_no_family_takes_another_cause_s_name() -> None:
    families = [one for one in NAMES if "*" in one]
    meant = {one for one in NAMES if any(fnmatchcase(one, family) for family in families)}
    found = {one for one in meant if (row := table.find(one)) is not None and row.name == one}
    assert meant - found - set(families) == set()


def test_ids_are_told_behind_the_sentence_and_can_t_steer() -> None:
    said = table.say("email_shared", ["3 charts", "88\x1b[2J", "89"])
    assert said.sentence.endswith("(3 charts, 88‹U+001B›[2J, 89)")
    assert table.say("of_a_newer_version").deeds == (Remedy.RETRY, Remedy.DROP)
    assert table.find("of_a_newer_version") is None
    assert table.find("nothing_of_ours_refused") is None


@pytest.mark.parametrize(
    ("kind", "ref", "words"),
    [
        ("patient", "88", "chart of patient 88"),
        ("operator", "excluded:88", "Patient 88 is excluded"),
        ("operator", "overlap:7", "time is taken"),
        ("operator", "go-live", "going live"),
        ("operator", "frozen", "too often"),
        ("operator", "201", "a person"),
        ("zone", "201", "doctor 201"),
        ("mode", "live", "may write"),
        ("of_a_newer_version", "x", "waits"),
    ],
)
def test_what_is_waited_for_is_said(kind: str, ref: str, words: str) -> None:
    assert words in waits.sentence(kind, ref)


def test_each_deed_s_command_is_one() -> None:
    assert command(Remedy.RESOLVE, item=7) == "attention resolve 7"
    assert command(Remedy.RETRY) == ""
    assert command(Remedy.LOOK_AGAIN, subject="appointment 7") == "resync appointment 7"
    assert command(Remedy.NONE, item=7) == ""
