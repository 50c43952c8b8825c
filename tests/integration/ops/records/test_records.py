"""The records: who sees them, what is found, pages that are whole, a CSV that runs nothing."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import String, insert, select, update

from sync.operations.records import asked, listed, proven
from sync.operations.records.listed import Question
from sync.runtime import Sync
from sync.store.listing import pages
from sync.store.listing.kinds import RECORDS
from sync.store.schema import audit, call, conflict, delivery
from tests.support.ops.browser import Person, post
from tests.support.ops.lived import HOSTILE, called, lived
from tests.support.sql import counted

ALL = tuple(RECORDS)


def rows(sync: Sync, name: str, about: str = "", **only: str) -> list[dict[str, Any]]:
    found = listed.listed(sync, RECORDS[name], Question(about, only=only), None, 1000)
    return [dict(line.values) for line in found.lines]


def handed_out(browser: FlaskClient, name: str, **form: str) -> list[list[str]]:
    answer = post(browser, f"/ops/{name}/download", page=f"/ops/{name}", **form)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="{name}-2026')
    assert answer.headers["Cache-Control"] == "no-store"
    return list(csv.reader(io.StringIO(answer.get_data(as_text=True), newline="")))


# --- what is found --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "about", "count"),
    [
        ("deliveries", "70211", 2),
        ("deliveries", "appointment 70211", 2),
        ("deliveries", "patient:70211", 0),
        ("deliveries", "visit 1", 2),
        ("deliveries", "visit 999", 0),
        ("deliveries", "70299", 0),
        ("calls", "70211", 2),  # those of its visit
        ("calls", "oncall-appointment:5501", 2),
        ("calls", "5502", 0),
        ("conflicts", "5501", 1),
        ("conflicts", "70211", 0),
        ("audit", "5501", 1),
        ("audit", "appointment:70211", 1),
        ("audit", "visit 1", 2),  # one was of what it has absorbed
        ("audit", "item:1", 1),
        ("audit", "operator:ruth", 0),
    ],
)
def test_a_number_of_either_system_finds_its_rows(
    sync: Sync, name: str, about: str, count: int
) -> None:
    lived(sync)
    with sync.store.write() as conn:
        conn.execute(insert(conflict).values(object=99, field="x", how="y", at=sync.clock()))
        called(conn, sync.clock(), system="drchrono", method="GET")
    assert len(rows(sync, name, about)) == count


@pytest.mark.parametrize(
    ("name", "only", "count"),
    [
        ("deliveries", {"outcome": "raised"}, 2),
        ("deliveries", {"outcome": "unchanged"}, 0),
        ("deliveries", {"source": "oncall"}, 0),
        ("calls", {"system": "oncall", "state": "done"}, 1),
        ("calls", {"method": "GET"}, 1),
        ("conflicts", {"system": "oncall"}, 1),
        ("conflicts", {"system": "drchrono"}, 0),
        ("audit", {"actor": "ruth", "action": "retry"}, 1),
    ],
)
def test_words_narrow_a_record(sync: Sync, name: str, only: dict[str, str], count: int) -> None:
    lived(sync)
    assert len(rows(sync, name, **only)) == count


def test_times_are_days_or_moments(sync: Sync) -> None:
    lived(sync)
    day = asked.moment("2026-11-20", end=True)
    assert day is not None
    assert day - timedelta(days=1) == asked.moment("2026-11-20T00:00")

    def between(since: str, until: str) -> int:
        question = Question(since=asked.moment(since), until=asked.moment(until, end=True))
        return len(listed.listed(sync, RECORDS["calls"], question, None, 50).lines)

    assert between("2026-11-20", "2026-11-20") == 2
    assert between("2026-11-21", "") == between("", "2026-11-19") == 0
    assert between("2026-11-20T11:21:30Z", "") == 1


# --- pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("only", [{}, {"state": "done"}, {"effect": "update"}], ids=str)
@pytest.mark.parametrize("window", [3, 20_000])
def test_pages_are_whole_without_repeats_while_rows_are_added(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, only: dict[str, str], window: int
) -> None:
    monkeypatch.setattr(pages, "WINDOW", window)
    at = sync.clock()
    with sync.store.write() as conn:
        for number in range(30):  # some of both systems at one time
            system = "drchrono" if number % 3 else "oncall"
            effect = "update" if number % 5 == 0 else ""
            called(conn, at - timedelta(minutes=number // 4), system=system, effect=effect)
    whole = [one["at"] for one in rows(sync, "calls", **only)]
    with sync.store.read() as conn:
        wanted = [call.c[name] == word for name, word in only.items()]
        expected = list(conn.execute(select(call.c.id).where(*wanted)).scalars())
    seen: list[Any] = []
    place = None
    for _ in range(200):
        question = asked_now(sync, only)
        with sync.store.read() as conn:
            found = pages.page(conn, RECORDS["calls"], question, place, 2)
        seen += [row["id"] for row in found.rows]
        place = found.after
        if place is None:
            break
        with sync.store.write() as conn:
            called(conn, at + timedelta(minutes=1), effect="update")
    assert sorted(seen) == sorted(expected)
    if window > 30:
        assert len(whole) == len(expected)


def asked_now(sync: Sync, only: dict[str, str]) -> pages.Asked:
    with sync.store.read() as conn:
        return asked.asked(conn, RECORDS["calls"], only=only)


def test_a_page_says_how_far_it_has_looked(victor: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "WINDOW", 5)
    with victor.sync.store.write() as conn:
        for number in range(12):
            state = "refused" if number == 0 else "done"
            called(conn, victor.sync.clock() + timedelta(minutes=number), state=state)
    victor.sign_in()
    page = victor.browser.get("/ops/calls?state=refused").get_data(as_text=True)
    assert "Nothing of that is among the newest" in page
    assert "Looked back to 2026-11-20 12:07 UTC" in page
    for _ in range(2):
        further = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
        page = victor.browser.get(further).get_data(as_text=True)
    assert page.count("<tr>") == 2


@pytest.mark.parametrize("name", ALL)
def test_a_page_s_statements_do_not_grow_with_its_rows(sync: Sync, name: str) -> None:
    lived(sync)
    with counted(sync.store) as few:
        rows(sync, name)
        rows(sync, name, "70211")
    for number in range(20):
        lived(sync, str(80000 + number), str(6000 + number))
    with counted(sync.store) as many:
        rows(sync, name)
        rows(sync, name, "70211")
    assert many.within(few.count, few.transactions)


# --- who, and what is refused ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_a_viewer_sees_each_and_a_stranger_none(
    victor: Person, browser: FlaskClient, name: str
) -> None:
    lived(victor.sync)
    assert browser.get(f"/ops/{name}").status_code == 303
    assert browser.get(f"/ops/{name}").headers["Location"].startswith("/ops/sign-in")
    victor.sign_in()
    page = victor.browser.get(f"/ops/{name}").get_data(as_text=True)
    assert page.count("<tr>") > 1
    assert "/ops/audit/prove" not in page
    assert post(victor.browser, "/ops/audit/prove", page=f"/ops/{name}").status_code == 403


@pytest.mark.parametrize("name", ALL)
def test_an_empty_record_says_so(victor: Person, name: str) -> None:
    victor.sign_in()
    page = victor.browser.get(f"/ops/{name}?about=70211").get_data(as_text=True)
    assert "Nothing is kept that fits" in page
    assert "Download" not in page


@pytest.mark.parametrize(
    "form",
    [{"about": "Vera Lindqvist"}, {"about": "vera@clinic.example"}, {"since": "Vera"},
     {"state": "Vera"}, {"endpoint": "Vera <b>"}, {"until": "2026-99-01"}, {"after": "Vera"}],
    ids=str,
)  # fmt: skip
def test_what_can_t_be_asked_is_not_repeated_and_gets_into_no_address(
    victor: Person, form: dict[str, str]
) -> None:
    victor.sign_in()
    answer = post(victor.browser, "/ops/calls", page="/ops/calls", **form)
    page = answer.get_data(as_text=True)
    assert (answer.status_code, "Location" in answer.headers) == (200, False)
    assert 'role="alert"' in page
    assert next(iter(form.values())) not in page.replace('value="2026-99-01"', "")


@pytest.mark.parametrize("typed", ["Lindqvist", "1980-02-03", "555-123-4567", "vera@mail.example"])
@pytest.mark.parametrize("name", ALL)
def test_what_may_be_somebody_s_is_no_number(victor: Person, name: str, typed: str) -> None:
    victor.sign_in()
    answer = post(victor.browser, f"/ops/{name}", page=f"/ops/{name}", about=typed)
    assert (answer.status_code, typed in answer.get_data(as_text=True)) == (200, False)


def test_what_is_asked_for_leads_to_an_address_of_its_own(victor: Person) -> None:
    lived(victor.sync)
    victor.sign_in()
    form = {"about": " 70211 ", "state": "done", "since": "2026-11-20", "planted": "x"}
    answer = post(victor.browser, "/ops/calls", page="/ops/calls", **form)
    there = answer.headers["Location"]
    assert there == "/ops/calls?about=70211&since=2026-11-20&state=done"
    page = victor.browser.get(there).get_data(as_text=True)
    assert page.count("<tr>") == 3
    assert "/ops/timeline/visit/1" in page


def test_no_text_of_a_column_steers_a_page(sync: Sync, victor: Person) -> None:
    lived(sync)
    for table in (delivery, call, conflict, audit):
        texts = {one.name: one.type.length for one in table.c if isinstance(one.type, String)}
        for name in ("system", "source", "key_id", "mac", "previous"):
            texts.pop(name, None)
        with sync.store.write() as conn:
            conn.execute(
                update(table).values({name: HOSTILE[:most] for name, most in texts.items()})
            )
    victor.sign_in()
    for name in ALL:
        page = victor.browser.get(f"/ops/{name}").get_data(as_text=True)
        assert "&lt;" in page
        assert not set(page) & {"\u202e", "\x1b"}
        assert page.count("<b>") == page.count("<script") - 2 == 0


# --- handed out -----------------------------------------------------------------------------------

FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", " =1")


@pytest.mark.parametrize("text", [*FORMULAS, 'a","=1', "a\n=1", "\u202etxt"], ids=ascii)
def test_nothing_in_a_csv_is_a_formula_or_a_line_of_its_own(victor: Person, text: str) -> None:
    lived(victor.sync)
    with victor.sync.store.write() as conn:
        conn.execute(update(delivery).values(event=text))
        conn.execute(update(conflict).values(how=text[:20]))
        conn.execute(update(audit).values(outcome=text))
    victor.sign_in()
    for name, count in (("deliveries", 2), ("conflicts", 1), ("audit", 3)):
        told = handed_out(victor.browser, name)
        width = len(RECORDS[name].columns) + 1
        assert {len(line) for line in told} == {width}
        assert len(told) >= count + 1
        for value in (one for line in told for one in line):
            assert not value.lstrip().startswith(("=", "+", "-", "@", "\uff1d")), value
            assert value.isprintable()


def test_a_csv_holds_what_is_asked_for_and_its_taking_is_in_the_audit(victor: Person) -> None:
    lived(victor.sync)
    victor.sign_in()
    told = handed_out(victor.browser, "calls", about="70211", state="done", system="oncall")
    assert told[0] == [*RECORDS["calls"].columns, "visit_or_person"]
    assert [(line[1], line[-1]) for line in told[1:]] == [("oncall", "visit 1")]
    (newest, *_more) = rows(victor.sync, "audit")
    assert (newest["actor"], newest["action"]) == ("victor", "download")
    assert (newest["subjects"], newest["fields"]) == ("record:calls", "state,system")
    refused = post(victor.browser, "/ops/calls/download", page="/ops/calls", about="Vera L")
    assert "Content-Disposition" not in refused.headers


def test_a_csv_ends_where_it_is_too_long_and_says_so(
    victor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listed, "MOST_ROWS", 5)
    monkeypatch.setattr(listed, "_PIECE", 2)
    with victor.sync.store.write() as conn:
        for _ in range(5):
            called(conn, victor.sync.clock())
    victor.sign_in()
    assert len(handed_out(victor.browser, "calls")) == 6
    with victor.sync.store.write() as conn:
        called(conn, victor.sync.clock())
    told = handed_out(victor.browser, "calls")
    assert (len(told), told[-1]) == (7, ["Only the newest 5 are here: ask for an earlier end."])


def test_a_csv_of_what_is_rare_says_how_far_it_has_looked(
    victor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "WINDOW", 1)
    monkeypatch.setattr(listed, "MOST_LOOKED_AT", 2)
    monkeypatch.setattr(listed, "MOST_ROWS", 100)
    with victor.sync.store.write() as conn:
        for minute in range(5):
            called(conn, victor.sync.clock() + timedelta(minutes=minute))
    victor.sign_in()
    told = handed_out(victor.browser, "calls", state="refused")
    assert told[-1][0].startswith("Nothing before 2026-11-20T12:03:00.000Z was looked at")


# --- the audit is proven --------------------------------------------------------------------------


def test_an_admin_has_the_audit_proven_and_everybody_sees_what_it_came_to(
    ruth: Person, victor: Person
) -> None:
    lived(ruth.sync)
    ruth.sign_in()
    assert "not checked from here yet" in ruth.browser.get("/ops/audit").get_data(as_text=True)
    post(ruth.browser, "/ops/audit/prove", page="/ops/audit")
    assert "Nothing was changed" in ruth.browser.get("/ops/audit").get_data(as_text=True)
    with ruth.sync.store.write() as conn:
        conn.execute(update(audit).where(audit.c.seq == 1).values(actor="nobody"))
    post(ruth.browser, "/ops/audit/prove", page="/ops/audit")
    page = ruth.browser.get("/ops/audit").get_data(as_text=True)
    assert "The audit was tampered with" in page
    assert victor.name
    last = proven.last(ruth.sync)
    assert last is not None
    assert (last.sound, last.by) == (False, "ruth")


def test_an_audit_too_long_for_a_page_is_proven_in_the_terminal(
    ruth: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proven, "MOST_ROWS", 1)
    lived(ruth.sync)
    ruth.sign_in()
    page = post(ruth.browser, "/ops/audit/prove", page="/ops/audit").get_data(as_text=True)
    assert "drchrono-oncall audit verify" in page
