"""The mapping's page over both systems: names read live after the look is noted, visits counted."""

import json
import re
from html import unescape
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from cli import environment
from cli.main import cli
from service.doors import Doors
from service.ops_app import create_ops_app
from sync.operations import audit, operators
from sync.operations.audit import Filter
from sync.operations.operators import Role
from sync.setup.mapping_edit import candidate, versions
from tests.support.clinic import DOCTOR, TELEHEALTH, Clinic, SilentBell, wall
from tests.support.ops.browser import post

PAGE = "/ops/mapping"


@pytest.fixture
def browser(clinic: Clinic) -> FlaskClient:
    """Ruth, an admin, at the page of a clinic with one visit in both systems."""
    clinic.linked()
    clinic.forget()
    app = create_ops_app(Doors.of(clinic.sync, SilentBell()))  # type: ignore[arg-type]
    found = app.test_client()
    found.get(f"/ops/link?key={operators.new_link(clinic.sync, 'ruth', Role.ADMIN)}")
    return found


def asked(browser: FlaskClient, address: str, **form: str) -> Any:
    return post(browser, f"{PAGE}/{address}", page=PAGE, **form)


def name_of(clinic: Clinic) -> str:
    doctor = next(one for one in clinic.of("drchrono", "doctors") if one["id"] == DOCTOR)
    return str(doctor["last_name"])


def without(clinic: Clinic, doctor: int) -> str:
    """The file in force without one doctor."""
    text = clinic.settings.mapping_file.read_text()
    entry = re.compile(rf"^\[\[doctors\]\]\ndrchrono = {doctor}\n(?:\w.*\n)*", re.M)
    assert entry.search(text)
    return entry.sub("", text)


def by_phone(text: str) -> str:
    """The file with the telehealth profile meaning another type."""
    return text.replace(f'"{TELEHEALTH}" = "online"', f'"{TELEHEALTH}" = "phone"')


def test_names_are_read_live_after_the_look_is_noted(clinic: Clinic, browser: FlaskClient) -> None:
    name = name_of(clinic)
    for address in (PAGE, f"{PAGE}/form"):
        assert name not in browser.get(address).get_data(as_text=True)
    assert clinic.calls("drchrono") == []
    page = asked(browser, "lists").get_data(as_text=True)
    assert name in page
    assert "Every doctor of DrChrono is mapped." in page
    (deed,) = audit.every(clinic.sync, Filter(action="look"))
    assert (deed.actor, deed.door, deed.subjects) == ("ruth", "ops", "mapping:lists")
    assert name not in browser.get(PAGE).get_data(as_text=True)


def test_no_row_no_show(
    clinic: Clinic, browser: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sync.setup.mapping_edit import lists
    from sync.store.trail import deeds

    def fails(*_told: object) -> None:
        raise OSError

    form = {"csrf_token": re.findall(r'csrf_token" value="([^"]+)"', browser.get(PAGE).text)[0]}
    monkeypatch.setattr(lists.deeds, "note", fails)
    answer = browser.post(f"{PAGE}/lists", data=form)
    assert deeds.note is fails
    assert answer.status_code == 500
    assert clinic.calls("drchrono") == []


def test_who_is_not_mapped_is_suggested_and_put_into_the_form(
    clinic: Clinic, browser: FlaskClient
) -> None:
    clinic.settings.mapping_file.write_text(without(clinic, DOCTOR))
    assert f"doctor {DOCTOR} of DrChrono" in browser.get(PAGE).get_data(as_text=True)
    page = asked(browser, "lists").get_data(as_text=True)
    (pair,) = re.findall(r'name="add" value="([^"]+)"', page)
    assert "same e-mail" in page
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page))
    more = asked(browser, "form", **(fields | {"rows": "more", "add": pair}))
    doctor, provider, division = pair.split(":")
    for value in (doctor, provider, division):
        assert f'value="{value}"' in more.get_data(as_text=True)
    assert doctor == str(DOCTOR)


def test_the_preview_counts_visits_and_mails_and_accepting_is_taken_up(
    clinic: Clinic, browser: FlaskClient
) -> None:
    clinic.beat("mapping")
    assert "and the service works by it" in browser.get(PAGE).get_data(as_text=True)
    text = clinic.settings.mapping_file.read_text()
    page = asked(browser, "preview", text=by_phone(text)).get_data(as_text=True)
    counts = re.findall(r'class="text-end[^"]*">(\d+)</td>', page)
    assert counts == ["1", "1", "0", "0", "1"]
    assert {one.split()[0] for one in clinic.calls("drchrono")} == {"GET"}
    assert clinic.calls("oncall") == []
    form = page.split('action="/ops/mapping/accept"')[1].split("</form>")[0]
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    told = {name: unescape(value) for name, value in hidden}
    answer = browser.post(f"{PAGE}/accept", data=told)
    assert answer.status_code == 303
    assert "not taken up by the service yet" in browser.get(PAGE).get_data(as_text=True)
    clinic.beat("mapping")
    assert "and the service works by it" in browser.get(PAGE).get_data(as_text=True)
    (deed,) = audit.every(clinic.sync, Filter(action="accept_mapping"))
    assert deed.actor == "ruth"


def test_a_preview_that_can_t_read_the_list_says_when(clinic: Clinic, browser: FlaskClient) -> None:
    throttle = {"match": {"path": "/api/appointments"}, "do": "status", "status": 429}
    clinic.sandbox.faults("drchrono", {**throttle, "retry_after": 600})
    text = by_phone(clinic.settings.mapping_file.read_text())
    page = asked(browser, "preview", text=text).get_data(as_text=True)
    assert "could not be counted" in page
    assert re.search(r"can&#39;t be asked before \d\d:\d\d UTC", page)


def test_a_long_list_is_counted_in_part_only_and_said_so(
    clinic: Clinic, browser: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(21):
        clinic.book(scheduled_time=wall(days=day + 4))
    monkeypatch.setattr(candidate, "PAGES", 1)
    text = clinic.settings.mapping_file.read_text() + "# more\n"
    page = asked(browser, "preview", text=text).get_data(as_text=True)
    assert "Only a part of the list was read" in page
    assert len(clinic.calls("drchrono")) == 1


def test_a_file_is_proposed_from_both_systems(clinic: Clinic, browser: FlaskClient) -> None:
    page = asked(browser, "propose").get_data(as_text=True)
    assert f"drchrono = {DOCTOR}" in page
    assert "# decide:" in page
    assert len(list(audit.every(clinic.sync, Filter(action="look")))) == 1


def test_lists_that_can_t_be_read_lose_nothing(clinic: Clinic, browser: FlaskClient) -> None:
    down = {"match": {"path": "/api/doctors"}, "do": "status", "status": 503}
    clinic.sandbox.faults("drchrono", {**down, "times": 5})
    typed = {"doctors-count": "1", "doctors-0-drchrono": "4711"}
    answer = asked(browser, "lists", **typed)
    assert answer.status_code == 400
    assert 'value="4711"' in answer.get_data(as_text=True)
    assert "could not be read" in answer.get_data(as_text=True)


@pytest.mark.usefixtures("browser")
def test_the_commands(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "settings", lambda: clinic.settings)
    run = CliRunner().invoke
    shown = json.loads(run(cli, ["mapping", "show", "--json"]).stdout)
    assert str(DOCTOR) in [one["drchrono"] for one in shown["doctors"]]
    assert "None yet" in run(cli, ["mapping", "versions"]).stdout
    before = clinic.settings.mapping_file.read_text()
    now = candidate.judge(clinic.sync, by_phone(before))
    candidate.accept(clinic.sync, now.text, now.base, now.digest)
    listed = json.loads(run(cli, ["mapping", "versions", "--json"]).stdout)
    assert sorted(one["in_force"] for one in listed) == [False, True]
    assert "by hand" in run(cli, ["mapping", "versions"]).stdout
    (old,) = [one.id for one in versions.every(clinic.settings.mapping_file) if one.by == ""]
    only = run(cli, ["mapping", "rollback", old, "--json"])
    assert (only.exit_code, json.loads(only.stdout)["accepted"]) == (1, False)
    refused = run(cli, ["mapping", "rollback", old], input="n\n")
    assert refused.exit_code == 1
    assert clinic.settings.mapping_file.read_text() != before
    done = run(cli, ["mapping", "rollback", old, "--yes", "--json"])
    assert (done.exit_code, json.loads(done.stdout)["touches"]["whole"]) == (0, True)
    assert clinic.settings.mapping_file.read_text() == before
    assert "There is no version" in run(cli, ["mapping", "rollback", "x"]).stderr
    assert "Mapped" in run(cli, ["mapping", "show"]).stdout
