"""The pages that bring something in, before an engine in memory: what each state shows to whom."""

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from sync.core.batch.model import Fate, Item, Kind, Outcome, State
from sync.operations.operators import Role
from sync.runtime import Sync
from sync.sheets.errors import ChoiceError, UnusableError
from sync.store.database import Store
from tests.support.ops.batches import NOW, Engine
from tests.support.ops.browser import Person, post, token

LINE = Item(7, Fate.PROBLEM, None, "refused", 2, ("phone",), ("881", "882"), None, "5601", None)


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    """Nothing here depends on which database it is."""
    opened = Store(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    found = Engine()
    found.columns = replace(
        found.columns, samples=(("Nora", "Lind", "n@mail.example", "03/04/1980"),)
    )
    found.install(monkeypatch)
    return found


@pytest.fixture
def olga(sync: Sync, browser: FlaskClient) -> Person:
    found = Person(sync, browser, "olga", Role.OPERATOR)
    found.sign_in()
    return found


def text(browser: FlaskClient, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return answer.get_data(as_text=True)


def sent(browser: FlaskClient, content: bytes, **form: Any) -> Any:
    file = (io.BytesIO(content), "Nora Lind.csv")
    return post(browser, "/ops/import", "/ops/import", file=file, **form)


def test_a_file_is_sent_named_planned_started_and_ended(engine: Engine, olga: Person) -> None:
    engine.fates = {Fate.CREATE: 3, Fate.PROBLEM: 1}
    answer = sent(olga.browser, b"First,Last\nNora,Lind\n", kind="patients")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/ops/import/1")
    assert ("read", b"First,Last\nNora,Lind\n", {}) in engine.done
    page = text(olga.browser, "/ops/import/1")
    assert "Name the columns" in page
    assert "Nora" not in page
    form = {"c0": "first_name", "c2": "email", "c3": "", "c9": "sex", "provider": "11"}
    answer = post(olga.browser, "/ops/import/1/columns", "/ops/import", **form)
    assert answer.status_code == 303
    [chosen] = [one for one in engine.done if one[0] == "choose"]
    assert chosen[2:] == (
        {0: "first_name", 2: "email"},
        {"date_format": None, "provider": "11"},
    )
    page = text(olga.browser, "/ops/import/1")
    assert 'role="progressbar"' in page
    assert "Is being read" in page
    engine._planned(1)
    page = text(olga.browser, "/ops/import/1")
    assert "Start it…" in page
    assert "Mails to providers" in page
    assert "will be created" in text(olga.browser, "/ops/import/1/start")
    for deed, state in (
        ("start", State.RUNNING),
        ("pause", State.PAUSED),
        ("resume", State.RUNNING),
        ("cancel", State.CANCELLED),
    ):
        answer = post(olga.browser, f"/ops/import/1/{deed}", "/ops/import")
        assert (answer.status_code, engine.batches[1].state) == (303, state)
        text(olga.browser, "/ops/import/1")
    answer = post(olga.browser, "/ops/import/1/result", "/ops/import")
    assert answer.mimetype == "text/csv"
    assert "Nora" not in answer.headers["Content-Disposition"]
    assert post(olga.browser, "/ops/import/1/drop", "/ops/import").status_code == 303
    assert "Download" not in text(olga.browser, "/ops/import/1")
    assert post(olga.browser, "/ops/import/1/result", "/ops/import").status_code == 410


def test_the_file_s_name_stands_nowhere(engine: Engine, olga: Person) -> None:
    answer = sent(olga.browser, b"x", kind="patients")
    told = f"{answer.headers}{answer.text}{text(olga.browser, '/ops/import')}{engine.done}"
    assert "Nora Lind" not in told


@pytest.mark.parametrize(
    ("content", "form", "refuse", "words"),
    [
        (b"x", {"kind": "patients"}, UnusableError("x", "It has no rows."), "It has no rows."),
        (b"x", {"kind": "none"}, None, "Choose what each line"),
        (b"x", {}, None, "Choose what each line"),
    ],
)
def test_a_refused_file_says_why(
    engine: Engine,
    olga: Person,
    content: bytes,
    form: dict[str, str],
    refuse: Exception | None,
    words: str,
) -> None:
    if refuse is not None:
        engine.refuse["open_file"] = refuse
    answer = sent(olga.browser, content, **form)
    assert (answer.status_code, words in answer.text) == (400, True)
    assert "nothing was sent" in answer.text


def test_no_file_is_no_file(engine: Engine, olga: Person) -> None:
    answer = post(olga.browser, "/ops/import", "/ops/import", kind="patients")
    assert (answer.status_code, "Choose a file." in answer.text) == (400, True)
    assert engine.batches == {}


def test_dates_that_fit_in_several_ways_are_asked(engine: Engine, olga: Person) -> None:
    sent(olga.browser, b"x", kind="patients")
    assert "How are dates written" not in text(olga.browser, "/ops/import/1")
    engine.refuse["choose"] = ChoiceError("date_format_asked", "Dates can be read in two ways.")
    answer = post(olga.browser, "/ops/import/1/columns", "/ops/import", c3="birth_date", c1="sex")
    assert answer.status_code == 400
    assert "Dates can be read in two ways." in answer.text
    assert "How are dates written" in answer.text
    assert answer.text.count('value="birth_date" selected') == 1  # what was chosen stays
    engine.columns = replace(engine.columns, date_formats={"birth_date": ("mdy", "dmy")})
    page = text(olga.browser, "/ops/import/1")
    assert [name for name in ("mdy", "dmy", "ymd") if f'value="{name}"' in page] == ["mdy", "dmy"]


def test_the_first_lines_come_when_they_are_asked_for(engine: Engine, olga: Person) -> None:
    sent(olga.browser, b"x", kind="patients")
    assert 'hx-trigger="load' not in text(olga.browser, "/ops/import/1")  # it is ruth's
    engine._put(1, by="olga")
    assert 'hx-trigger="load' in text(olga.browser, "/ops/import/1")
    word = token(olga.browser, "/ops/import")
    for headers in ({}, {"HX-Request": "true"}):
        answer = olga.browser.post(
            "/ops/import/1/samples", data={"csrf_token": word, "c3": "sex"}, headers=headers
        )
        assert ("<html" in answer.text) is not bool(headers)
        assert "n@mail.example" in answer.text
        assert "data-live" in answer.text
        assert 'value="sex" selected' in answer.text  # what was chosen meanwhile


def planned(engine: Engine, **more: Any) -> None:
    engine._add(Kind.IMPORT_PATIENTS, State.PLANNING)
    engine.fates = {Fate.CREATE: 60, Fate.PROBLEM: 1}
    engine._planned(1)
    engine._put(1, **more)


def test_lines_are_shown_by_fate_and_paged(
    engine: Engine, olga: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned(engine, options={"choice": {"columns": {"email": 2}, "formats": {}}})
    asked: list[dict[str, Any]] = []

    def items(_sync: Sync, _batch: int, **told: Any) -> list[Item]:
        asked.append(told)
        return [replace(LINE, number=told["after"] + at + 1) for at in range(told["limit"])]

    monkeypatch.setattr("sync.batches.showing.items", items)
    page = text(olga.browser, "/ops/import/1?which=problem")
    assert asked[-1]["fate"] is Fate.PROBLEM
    assert "E-mail (column 3):" in page
    assert "the other system refuses it" in page
    assert "881, 882" in page
    assert "after=50" in page
    text(olga.browser, "/ops/import/1?which=problem&after=50")
    assert asked[-1]["after"] == 50
    for odd in ("which=created", "which=%3Cscript%3E", "after=x", "after=99999999999999999999"):
        text(olga.browser, f"/ops/import/1?{odd}")
        assert asked[-1]["fate"] is None


def test_lines_are_left_out_and_taken_in(engine: Engine, olga: Person) -> None:
    planned(engine)
    for form, call in (
        ({"out": "7"}, ("leave_out", 1, [7], {"out": True})),
        ({"in": "7", "which": "left_out"}, ("leave_out", 1, [7], {"out": False})),
        ({"all": "create"}, ("leave_out_all", 1, Fate.CREATE, {})),
    ):
        answer = post(olga.browser, "/ops/import/1/leave_out", "/ops/import", **form)
        assert answer.status_code == 303
        assert call in engine.done
    assert answer.headers["Location"] == "/ops/import/1"
    answer = post(olga.browser, "/ops/import/1/leave_out", "/ops/import", all="problem")
    assert (answer.status_code, "Choose the lines" in answer.text) == (409, True)


def test_what_a_line_says_is_shown_with_a_reason_alone(
    engine: Engine, olga: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned(engine)
    monkeypatch.setattr("sync.batches.showing.items", lambda *_, **__: [LINE])
    assert "n@mail.example" not in text(olga.browser, "/ops/import/1")
    word = token(olga.browser, "/ops/import")
    headers = {"HX-Request": "true"}
    answer = olga.browser.post("/ops/import/1/look", data={"csrf_token": word}, headers=headers)
    assert (answer.status_code, "choose a reason" in answer.text) == (200, True)
    form = {"csrf_token": word, "reason": "to_check", "ticket": "inc-7", "which": "problem"}
    answer = olga.browser.post("/ops/import/1/look", data=form, headers=headers)
    assert "n@mail.example" in answer.text
    assert "<html" not in answer.text
    [looked] = [one for one in engine.done if one[0] == "cells"]
    assert looked[1:4] == (1, [7], (("reason", "to_check"), ("ticket", "INC-7")))


def test_a_part_keeps_itself_fresh_until_the_page_has_another_shape(
    engine: Engine, olga: Person
) -> None:
    planned(engine, state=State.RUNNING, started_at=NOW, outcomes={Outcome.CREATED: 12})
    headers = {"HX-Request": "true"}
    answer = olga.browser.get("/ops/import/1/now?was=running", headers=headers)
    assert "12 of 61 lines, 120 a minute, about 30 seconds left" in answer.text
    assert "HX-Refresh" not in answer.headers
    engine._put(1, state=State.DONE)
    answer = olga.browser.get("/ops/import/1/now?was=running", headers=headers)
    assert (answer.text, answer.headers["HX-Refresh"]) == ("", "true")


def test_a_viewer_sees_counts_and_no_button(
    engine: Engine, sync: Sync, browser: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    Person(sync, browser, "victor", Role.VIEWER).sign_in()
    monkeypatch.setattr("sync.batches.showing.items", lambda *_, **__: [LINE])
    planned(engine)
    assert 'type="file"' not in text(browser, "/ops/import")
    for state in State:
        engine._put(1, state=state)
        page = text(browser, "/ops/import/1")
        assert page.count("<form") == 1 + (state not in {State.CHOOSING, State.PLANNING}), state
        assert "<button" not in page.replace(
            '<button class="btn btn-outline-secondary btn-sm">', ""
        )
    word = token(browser, "/ops/import")
    for deed in ("columns", "samples", "look", "start", "result", "drop", "leave_out"):
        answer = browser.post(f"/ops/import/1/{deed}", data={"csrf_token": word})
        assert answer.status_code == 403, deed
    assert browser.get("/ops/import/1/start").status_code == 403


def test_the_record_is_counted_and_then_like_a_file(engine: Engine, olga: Person) -> None:
    form = {"kind": "appointments", "source": "oncall", "since": "2026-12-01", "doctor": "201"}
    answer = post(olga.browser, "/ops/backfill", "/ops/backfill", **form)
    assert answer.headers["Location"] == "/ops/backfill/1"
    engine._planned(1)
    page = text(olga.browser, "/ops/backfill/1")
    assert "what is in OnCall, changed since 2026-12-01, of doctor 201" in page
    assert "Why do you look" not in page  # it has no file
    assert olga.browser.get("/ops/import/1").status_code == 404
    assert olga.browser.get("/ops/backfill/2").status_code == 404
    for wrong in ({"doctor": "Nora"}, {"since": "Nora"}):
        answer = post(olga.browser, "/ops/backfill", "/ops/backfill", **(form | wrong))
        assert (answer.status_code, "Write the" in answer.text) == (400, True)
        assert "Nora" not in answer.text
    answer = post(olga.browser, "/ops/backfill", "/ops/backfill", **(form | {"kind": "x"}))
    assert answer.status_code == 400


def test_a_template_for_each_kind(engine: Engine, olga: Person) -> None:
    del engine
    for kind in ("patients", "appointments"):
        answer = olga.browser.get(f"/ops/import/template/{kind}")
        assert (answer.mimetype, "@example.com" in answer.text) == ("text/csv", True)
        assert answer.headers["Content-Disposition"].startswith("attachment")
    assert olga.browser.get("/ops/import/template/people").status_code == 404


@pytest.mark.parametrize("signed_in", [True, False])
def test_only_who_may_send_a_file_is_read_at_length(
    engine: Engine, sync: Sync, browser: FlaskClient, signed_in: bool
) -> None:
    if signed_in:
        Person(sync, browser, "olga", Role.OPERATOR).sign_in()
    else:
        Person(sync, browser, "victor", Role.VIEWER).sign_in()
    long = b"a,b\n" * 400_000
    form = {"csrf_token": token(browser, "/ops/import"), "kind": "patients"}
    kind, body = encode_multipart({**form, "file": FileStorage(io.BytesIO(long), "x.csv")})
    told = f"multipart/form-data; boundary={kind}"
    answer = browser.post("/ops/import", data=body, content_type=told)
    assert answer.status_code == (303 if signed_in else 413)
    assert (("read", long, {}) in engine.done) is signed_in
    assert ("At most 128 MB of a file are taken." in answer.text) is not signed_in
