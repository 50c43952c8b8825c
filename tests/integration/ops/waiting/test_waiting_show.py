"""Show live values: for operators, with a reason, in the audit before anything is read."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, inspect, literal_column, select, table
from sqlalchemy.exc import OperationalError

from sync.operations import attention
from sync.operations.inbox import looking
from sync.operations.operators import Role
from sync.store import attention as opening
from sync.store.schema import audit
from sync.store.tables import links
from tests.support.clinic import Clinic
from tests.support.ops.browser import post, token
from tests.support.ops.waiting import signed_in
from tests.support.templates import on_both

PERSONAL = ("Olga", "Vera", "Lindqvist", "mail.example", "1984-05-06", "2125550147")
OLGA = {"first_name": "Olga", "last_name": "Lindqvist", "email": "vera@mail.example"}
REASON = {"reason": "to_answer", "ticket": "inc-2041"}
EVIL = "<script>x</script>{{ 7*7 }}\u202e\x1b[2J"


@pytest.fixture
def unsure(clinic: Clinic) -> Clinic:
    """Somebody with Vera's e-mail and another first name has a visit in OnCall."""
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    clinic.invite(participants=[OLGA])
    clinic.settle()
    assert clinic.attention() == ["patient_unsure"]
    clinic.forget()
    return clinic


def item(clinic: Clinic) -> int:
    (found,) = attention.attention_list(clinic.sync)
    return found.id


def show(browser: FlaskClient, number: int, **form: str) -> Any:
    return post(browser, f"/ops/waiting/{number}/show", page="/ops", **(form or REASON))


def text(answer: Any) -> str:
    return unescape(answer.get_data(as_text=True))


def everything(clinic: Clinic) -> str:
    """All that the database holds."""
    with clinic.sync.store.read() as conn:
        # By name: to reflect a table reads its indexes too, of which some are on expressions.
        tables = [table(name) for name in inspect(conn).get_table_names()]
        rows = [conn.execute(select(literal_column("*")).select_from(one)) for one in tables]
        return "".join(str(row) for found in rows for row in found)


@on_both
def test_they_are_masked_until_show_is_pressed_and_kept_nowhere(
    unsure: Clinic, capsys: pytest.CaptureFixture[str]
) -> None:
    browser, number = signed_in(unsure), item(unsure)
    before = text(browser.get(f"/ops/waiting/{number}"))
    assert f"DrChrono chart {unsure.patient}" in before
    assert "•••••" in before
    assert unsure.calls("drchrono") + unsure.calls("oncall") == []
    capsys.readouterr()
    answer = show(browser, number)
    shown = text(answer)
    for value in (
        "Olga Lindqvist",
        "Vera Lindqvist",
        "vera@mail.example",
        "1984-05-06",
        "2125550147",
    ):
        assert value in shown, value
    assert "•••••" not in shown
    assert answer.headers["Cache-Control"] == "no-store"
    assert 'hx-history="false"' in shown
    # As many calls as were told before, and none for what was masked.
    (told,) = re.findall(r"now, (\d+) calls at most", before)
    assert len(unsure.calls("drchrono") + unsure.calls("oncall")) == int(told)
    with unsure.sync.store.read() as conn:
        (row,) = conn.execute(select(audit).where(audit.c.action == "look"))
    assert (row.actor, row.door) == ("ruth", "ops")
    assert (
        row.subjects == f"item:{number} reason:to_answer ticket:INC-2041 patient:{unsure.patient}"
    )
    kept = everything(unsure) + "".join(capsys.readouterr())
    assert not [one for one in (*PERSONAL, "Olga Lindqvist") if one in kept]
    assert "Olga" not in text(browser.get(f"/ops/waiting/{number}"))


def test_a_viewer_has_no_show_and_is_refused(unsure: Clinic) -> None:
    browser, number = signed_in(unsure, Role.VIEWER), item(unsure)
    page = text(browser.get(f"/ops/waiting/{number}"))
    assert "/show" not in page
    assert show(browser, number).status_code == 403
    assert unsure.calls("drchrono") + unsure.calls("oncall") == []
    with unsure.sync.store.read() as conn:
        assert conn.execute(select(audit).where(audit.c.action == "look")).all() == []


@pytest.mark.parametrize(
    "form",
    [
        {"reason": ""},
        {"reason": "because Vera Lindqvist asked"},
        {"reason": "to_answer", "ticket": "Vera Lindqvist"},
        {"reason": "to_answer", "ticket": "2125550147"},
        {"reason": "to_answer", "ticket": "1984-05-06"},
        {"reason": "to_answer", "ticket": "INC-2041\nx"},
        {"reason": "to_answer", "ticket": "INC-" + "1" * 40},
    ],
)
def test_without_a_reason_that_may_be_kept_nothing_is_shown(
    unsure: Clinic, form: dict[str, str]
) -> None:
    browser, number = signed_in(unsure), item(unsure)
    answer = show(browser, number, **form)
    assert answer.status_code == 400
    assert "Olga" not in text(answer)
    assert "Vera" not in text(answer)
    assert unsure.calls("drchrono") + unsure.calls("oncall") == []
    with unsure.sync.store.read() as conn:
        assert conn.execute(select(audit).where(audit.c.action == "look")).all() == []


@pytest.mark.parametrize("ticket", ["INC-2041", "cs12", " REQ0012345 ", ""])
def test_a_ticket_is_a_key_and_a_number(ticket: str) -> None:
    told = looking.because("to_check", ticket)
    assert told[0] == ("reason", "to_check")
    assert [which for kind, which in told[1:]] == ([ticket.strip().upper()] if ticket else [])


@pytest.fixture
def broken_audit(unsure: Clinic) -> Iterator[None]:
    """The audit takes no row."""

    def refuse(_conn: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("INSERT INTO audit"):
            raise OperationalError("audit", {}, Exception("no space"))

    engine = unsure.sync.store.engine
    event.listen(engine, "before_cursor_execute", refuse)
    yield
    event.remove(engine, "before_cursor_execute", refuse)


def test_what_can_t_be_written_down_is_not_read(unsure: Clinic, request: Any) -> None:
    browser, number = signed_in(unsure), item(unsure)
    request.getfixturevalue("broken_audit")
    answer = show(browser, number)
    assert answer.status_code == 503
    assert not [one for one in ("Olga", "Vera", "mail.example") if one in text(answer)]
    assert unsure.calls("drchrono") + unsure.calls("oncall") == []


def test_the_row_is_committed_before_the_first_read(unsure: Clinic) -> None:
    browser, number = signed_in(unsure), item(unsure)
    told: list[bool] = []
    send = unsure.wire.send

    def watched(asked: Any) -> Any:
        with unsure.sync.store.read() as conn:
            told.append(bool(conn.execute(select(audit).where(audit.c.action == "look")).all()))
        return send(asked)

    unsure.wire.send = watched  # type: ignore[method-assign]
    show(browser, number)
    assert told
    assert all(told)


def test_what_a_remote_says_does_nothing_but_be_read(unsure: Clinic) -> None:
    unsure.sandbox.faults("drchrono", webhooks={"mode": "drop"})
    unsure.edit_patient(unsure.patient, first_name=EVIL, last_name="'\"><img src=x>")
    browser, number = signed_in(unsure), item(unsure)
    page = show(browser, number).get_data(as_text=True)
    assert "&lt;script&gt;x&lt;/script&gt;{{ 7*7 }}[2J" in page
    assert "&gt;&lt;img src=x&gt;" in page
    assert "<script>x" not in page
    assert "49" not in re.findall(r'class="live">([^<]*)<', page)
    assert not [one for one in "\u202e\x1b" if one in page]


def test_a_candidate_that_is_gone_says_so(unsure: Clinic) -> None:
    number = item(unsure)
    gone = {"match": {"method": "GET", "path": f"/patients/{unsure.patient}"}, "do": "status"}
    unsure.sandbox.faults("drchrono", {**gone, "status": 404, "body": {"detail": "Not found."}})
    shown = text(show(signed_in(unsure), number))
    assert "It is not there any more." in shown
    assert "Olga Lindqvist" in shown


def test_a_system_that_is_down_is_said_and_nothing_is_shown(unsure: Clinic) -> None:
    number = item(unsure)
    unsure.sandbox.faults("drchrono", {"match": {"method": "GET"}, "do": "status", "status": 500})
    answer = show(signed_in(unsure), number)
    assert answer.status_code == 200
    assert "did not do what was asked" in text(answer)
    assert "Olga" not in text(answer)


def test_the_chosen_one_is_taken_and_the_page_says_so(unsure: Clinic) -> None:
    browser, number = signed_in(unsure), item(unsure)
    address = f"/ops/waiting/{number}/answer"
    refused = post(browser, address, page="/ops", chosen="999999")
    assert "none of its candidates" in text(refused)
    answer = post(browser, address, page="/ops", chosen=str(unsure.patient), about="visit")
    assert answer.headers["Location"] == f"/ops/waiting/{number}?done=resolve&about=visit"
    assert "Your answer is taken." in text(browser.get(answer.headers["Location"]))
    again = post(browser, address, page="/ops", chosen=str(unsure.patient))
    assert "This is settled since" in text(again)
    unsure.settle()
    assert [one["patient"] for one in unsure.appointments()] == [unsure.patient]
    assert unsure.attention() == []


def test_what_is_typed_for_an_answer_is_an_id_and_not_said_again(unsure: Clinic) -> None:
    browser, number = signed_in(unsure), item(unsure)
    with unsure.sync.store.write() as conn:
        opening.list_anew(conn, number, [])  # any chart can be named
    for typed in ("Vera Lindqvist", "../appointments", "1?x=2", "1984-05-06", ""):
        answer = post(browser, f"/ops/waiting/{number}/answer", page="/ops", chosen=typed)
        assert "can't be the id of a patient" in text(answer)
        assert not typed or typed not in text(answer)
    assert unsure.calls("drchrono") + unsure.calls("oncall") == []


def test_show_puts_a_part_in_its_place(unsure: Clinic) -> None:
    browser, number = signed_in(unsure), item(unsure)
    form = {"csrf_token": token(browser, "/ops"), **REASON}
    address, by_htmx = f"/ops/waiting/{number}/show", {"HX-Request": "true"}
    part = browser.post(address, data=form, headers=by_htmx)
    assert text(part).lstrip().startswith("<section")
    assert "Olga Lindqvist" in text(part)
    assert part.headers["Cache-Control"] == "no-store"
    wrong = browser.post(address, data={**form, "reason": ""}, headers=by_htmx)
    assert (wrong.status_code, 'role="alert"' in text(wrong)) == (200, True)
    attention.attention_drop(unsure.sync, number)
    over = browser.post(address, data=form, headers=by_htmx)
    assert "This is settled since" in text(over)
    assert "Olga" not in text(over)


def test_what_has_no_candidates_shows_both_sides(clinic: Clinic) -> None:
    appointment, visit = clinic.linked()
    with clinic.sync.store.write() as conn:
        row = links.find(conn, "drchrono", "appointment", appointment)
        assert row is not None
        opening.open_item(conn, row.aggregate, "starts_differs", now=clinic.now())
    browser, number = signed_in(clinic), item(clinic)
    shown = text(show(browser, number))
    assert f"DrChrono appointment {appointment}" in shown
    assert f"OnCall visit {visit}" in shown
    assert "vera@mail.example" in shown
    with clinic.sync.store.read() as conn:
        (row,) = conn.execute(select(audit).where(audit.c.action == "look"))
    assert f"appointment:{appointment} visit:{visit}" in row.subjects
