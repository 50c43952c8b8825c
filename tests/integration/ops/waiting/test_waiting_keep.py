"""What is shown before it is done: a side that is kept, a zone, a patient taken in again."""

import re
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from sync.operations import attention, pausing
from sync.operations.hand import by_hand, pair
from sync.store.schema import audit
from tests.integration.visits.test_unknown_zone import zone
from tests.support.clinic import Clinic, utc, wall
from tests.support.ops.browser import post
from tests.support.ops.waiting import signed_in

LATER = f"{utc(days=3, hour=17):%Y-%m-%dT%H:%M:%SZ}"


def page(browser: FlaskClient, address: str, **form: str) -> str:
    """The main part of what a form leads to."""
    answer = post(browser, address, page="/ops", **form)
    assert answer.status_code == 200, answer.status_code
    return unescape(answer.get_data(as_text=True)).split("<main")[1]


def form_of(shown: str) -> dict[str, str]:
    """What the page's button sends."""
    return dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', shown))


def item(clinic: Clinic) -> int:
    (found,) = attention.attention_list(clinic.sync)
    return found.id


@pytest.fixture
def differs(clinic: Clinic) -> Clinic:
    """An appointment and its OnCall visit at two times, and nobody has said which is right."""
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop"})
    clinic.sandbox.faults("oncall", webhooks={"mode": "drop"})
    appointment = clinic.book()
    visit = clinic.invite(datetime=LATER)
    clinic.pump()
    clinic.sandbox.faults("drchrono", webhooks={"mode": "deliver"})
    clinic.sandbox.faults("oncall", webhooks={"mode": "deliver"})
    pair.pair(clinic.sync, "visit", appointment, visit)
    clinic.settle()
    assert clinic.attention() == ["starts_differs"]
    clinic.forget()
    return clinic


def test_a_side_is_kept_after_what_follows_was_shown(differs: Clinic) -> None:
    browser, address = signed_in(differs), f"/ops/waiting/{item(differs)}"
    shown = unescape(browser.get(address).get_data(as_text=True))
    assert "Keep DrChrono’s…" in shown
    assert "Keep OnCall’s…" in shown
    first = page(browser, f"{address}/keep", side="drchrono", about="visit")
    assert "starts: written to oncall (1 mail)" in first
    assert differs.writes() == []
    form = form_of(first)
    assert (form["side"], form["sure"], form["about"]) == ("drchrono", "1", "visit")
    answer = browser.post(f"{address}/keep", data=form)
    assert answer.headers["Location"] == f"{address}?done=keep&about=visit"
    differs.settle()
    assert differs.attention() == []
    assert len(differs.mails()) == 1
    with differs.sync.store.read() as conn:
        row = conn.execute(select(audit).where(audit.c.action == "keep")).one()
    assert (row.actor, row.fields) == ("ruth", "starts")
    again = page(browser, f"{address}/keep", side="drchrono", sure="1")
    assert "This is settled since" in again


@pytest.mark.parametrize("side", ["", "planted", "both"])
def test_a_side_that_is_none_is_refused(differs: Clinic, side: str) -> None:
    browser, address = signed_in(differs), f"/ops/waiting/{item(differs)}"
    for sure in ("", "1"):
        assert 'role="alert"' in page(browser, f"{address}/keep", side=side, sure=sure)
    assert differs.writes() == []
    assert differs.attention() == ["starts_differs"]


def test_visits_are_moved_to_a_new_zone_after_the_mails_were_shown(clinic: Clinic) -> None:
    clinic.linked()
    zone(clinic, "America/Denver")
    clinic.catch_up()
    assert clinic.attention() == ["zone_changed"]
    clinic.forget()
    browser, address = signed_in(clinic), f"/ops/waiting/{item(clinic)}"
    assert "Move the visits…" in unescape(browser.get(address).get_data(as_text=True))
    first = page(browser, f"{address}/accept_zones")
    assert "doctor 201, now in America/Denver: 1 visits to come are moved" in first
    assert "Mails to patients: <strong>1</strong>" in first
    assert clinic.writes() == []
    answer = browser.post(f"{address}/accept_zones", data=form_of(first))
    assert answer.headers["Location"] == f"{address}?done=accept_zones"
    clinic.settle()
    assert clinic.attention() == []
    assert clinic.mails() == [("change", "app")]


def test_the_first_screen_takes_a_patient_in_again(clinic: Clinic) -> None:
    clinic.linked()
    by_hand.exclude(clinic.sync, str(clinic.patient))
    appointment = clinic.book(scheduled_time=wall(days=6))
    clinic.settle()
    browser = signed_in(clinic)
    asked = page(browser, "/ops/why", about=f"appointment {appointment}")
    assert 'action="/ops/press/include"' in asked
    first = page(browser, "/ops/press/include", patient=str(clinic.patient))
    assert "is synced again" in first
    browser.post("/ops/press/include", data=form_of(first))
    with clinic.sync.store.read() as conn:
        assert conn.execute(select(audit.c.actor).where(audit.c.action == "include")).all()
    gone = post(browser, "/ops/press/include", page="/ops", patient="a b")
    assert gone.status_code == 303


def test_the_first_screen_lets_a_pause_end(clinic: Clinic) -> None:
    pausing.pause(clinic.sync, "oncall")
    appointment = clinic.book()
    clinic.settle()
    browser = signed_in(clinic)
    asked = page(browser, "/ops/why", about=f"appointment {appointment}")
    assert 'action="/ops/press/resume"' in asked
    browser.post("/ops/press/resume", data={**form_of(asked), "what": "oncall"})
    clinic.settle()
    assert len(clinic.visits()) == 1
    assert post(browser, "/ops/press/resume", page="/ops", what="planted").status_code == 400


def test_the_first_screen_leads_to_what_is_to_be_decided(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    who = {"first_name": "Olga", "last_name": "Lindqvist", "email": "vera@mail.example"}
    visit = clinic.invite(participants=[who])
    clinic.settle()
    browser = signed_in(clinic)
    asked = page(browser, "/ops/why", about=f"oncall-appointment {visit}")
    assert f'href="/ops/waiting/{item(clinic)}">Decide it' in asked


def test_a_day_s_list_has_the_button_of_each_answer(clinic: Clinic) -> None:
    nora = clinic.new_patient(first_name="Nora", last_name="Nomail", email="")
    appointment = clinic.book(patient=nora)
    clinic.settle()
    browser = signed_in(clinic)
    day = f"{utc(days=3):%Y-%m-%d}"
    listed = page(browser, "/ops/day", doctor="201", day=day)
    assert 'action="/ops/press/look_again"' in listed
    assert f'name="id" value="{appointment}"' in listed
