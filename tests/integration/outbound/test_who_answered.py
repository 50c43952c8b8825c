"""An answer of something in front of an API is not the API's: nothing is lost, made or ended by it.

The faults stand for a firewall's page, a lapsed session's login page, and links that a proxy wrote.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sync.core.errors import NotTheApi
from sync.tasks import failing, schedule
from tests.support.agreement import agree
from tests.support.clinic import Clinic, utc, wall
from tests.support.templates import Templates

PAGE = "<!DOCTYPE html><title>Just a moment...</title>"
LOGIN = "/accounts/login/?next=/x"
EDGES: dict[str, dict[str, Any]] = {
    "403 page": {"do": "html", "status": 403, "body": PAGE},
    "401 page": {"do": "html", "status": 401, "body": PAGE},
    "404 page": {"do": "html", "status": 404, "body": PAGE},
    "405 page": {"do": "html", "status": 405, "body": PAGE},
    "login": {"do": "redirect", "location": LOGIN},
    "gateway": {"do": "status", "status": 403, "body": {"message": "Forbidden"}},
    "missing token": {"do": "status", "status": 401, "body": {"message": "Unauthorized"}},
}
REMOTES = pytest.mark.parametrize("remote", ["drchrono", "oncall"])


def behind_an_edge(clinic: Clinic, remote: str, path: str, edge: str) -> None:
    clinic.sandbox.faults(remote, {"match": {"path": path}, "times": None, **EDGES[edge]})


@REMOTES
@pytest.mark.parametrize("edge", EDGES)
def test_an_edge_that_lasts_keeps_nothing_out_and_ends_nothing(
    clinic: Clinic, remote: str, edge: str
) -> None:
    """Forty minutes of it, over reads and writes by id: told when it lasts, then all arrives."""
    appointment, _ = clinic.linked()
    path = "^/api/appointments/." if remote == "drchrono" else "^/appointments/."
    behind_an_edge(clinic, remote, path, edge)
    clinic.edit(appointment, duration=50)
    clinic.settle(hours=0.7)
    assert clinic.attention() == ["keeps_failing"]
    assert (clinic.writes() if edge == "login" else clinic.mails()) == []
    clinic.sandbox.faults(remote, clear=True)
    clinic.sandbox.behaviours("drchrono", burst_limit=None)
    clinic.settle()
    agree(clinic)
    assert clinic.mails() == [("change", "app")]
    assert clinic.attention() == []


@pytest.mark.parametrize("edge", [one for one in EDGES if one != "404 page"])
def test_a_create_that_an_edge_answered_is_made_once_and_looked_for_never(
    clinic: Clinic, edge: str
) -> None:
    before = {visit["id"] for visit in clinic.visits()}
    behind_an_edge(clinic, "oncall", "^/appointments/$", edge)
    clinic.book(patient=clinic.patient)
    clinic.settle(hours=0.3)
    assert "create_unknown" not in clinic.attention()
    clinic.sandbox.faults("oncall", clear=True)
    clinic.forget()
    clinic.settle()
    assert len({visit["id"] for visit in clinic.visits()} - before) == 1
    assert clinic.calls("oncall").count("POST /appointments/") == 1
    # No look at the lists for what was never made.
    assert "GET /appointments/" not in clinic.calls("oncall")
    agree(clinic)


def test_no_body_and_no_credential_go_to_a_login_page(clinic: Clinic) -> None:
    appointment, visit = clinic.linked()
    for remote in ("drchrono", "oncall"):
        behind_an_edge(clinic, remote, "appointments/.", "login")
    clinic.edit(appointment, duration=50)
    clinic.settle(hours=0.2)
    clinic.change_visit(visit, duration=40)
    clinic.settle(hours=0.2)
    for remote in ("drchrono", "oncall"):
        paths = {call["path"] for call in clinic.sandbox.calls(remote, None)}
        assert "/accounts/login/" not in paths


def test_a_newer_token_is_taken_for_a_login_page_and_none_is_renewed(clinic: Clinic) -> None:
    sync, ticket = clinic.sync, clinic.sync.task_ticket()
    behind_an_edge(clinic, "drchrono", "^/api/doctors$", "login")
    clinic.forget()
    with pytest.raises(NotTheApi, match="login_page"):
        sync.drchrono.doctors(ticket)
    assert clinic.calls("drchrono") == ["GET /api/doctors"]
    newer = sync.keeper.version() + 1
    sync.keeper.version = lambda: newer  # type: ignore[method-assign]
    with pytest.raises(NotTheApi):
        sync.drchrono.doctors(ticket)
    assert clinic.calls("drchrono") == ["GET /api/doctors"] * 3


# --- links ----------------------------------------------------------------------------------------

FORMS = ("http_no_port", "other_host", "path", "query")
LISTS = {
    "drchrono": {
        "drchrono_appointments": "GET /api/appointments",
        "drchrono_patients": "GET /api/patients",
    },
    "oncall": {"oncall_walk": "GET /appointments/", "oncall_contacts": "GET /contacts/"},
}


def two_of_each(clinic: Clinic) -> None:
    """Two people with a visit each on both sides, not yet matched."""
    for number in (1, 2):
        email = f"vera{number}@mail.example"
        clinic.new_patient(email=email, first_name=f"Vera{number}")
        clinic.book(scheduled_time=wall(days=3, hour=8 + number))
        who = {"first_name": f"Vera{number}", "last_name": "Lindqvist", "email": email}
        clinic.invite(participants=[who], datetime=f"{utc(days=5, hour=8 + number):%FT%TZ}")


def both_matched(clinic: Clinic) -> None:
    two_of_each(clinic)
    clinic.go_live()


@pytest.fixture
def unmatched(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    with templates.copied("two unmatched", tmp_path, two_of_each) as opened:
        yield opened


@pytest.fixture
def matched(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    with templates.copied("two matched", tmp_path, both_matched) as opened:
        yield opened


@REMOTES
@pytest.mark.parametrize("form", FORMS)
def test_a_link_in_a_proxy_s_form_is_followed_at_the_configured_base(
    matched: Clinic, remote: str, form: str
) -> None:
    clinic = matched
    clinic.sandbox.behaviours("drchrono", bulk_lists=False)
    clinic.sandbox.behaviours(remote, links=form, page_size=1)
    clinic.forget()
    for task, page in LISTS[remote].items():
        clinic.beat(task)
        assert clinic.calls(remote).count(page) >= 2
    assert clinic.attention() == []


@REMOTES
def test_a_first_matching_that_can_t_read_a_list_is_told_and_goes_on(
    unmatched: Clinic, remote: str
) -> None:
    clinic = unmatched
    clinic.sandbox.behaviours("drchrono", bulk_lists=False)
    clinic.sandbox.behaviours(remote, links="foreign", page_size=1)
    clinic.beat("matching")
    assert clinic.attention() == ["matching_refused"]
    clinic.sandbox.behaviours(remote, links="same", page_size=20)
    clinic.beat("matching")
    assert clinic.attention() == []


# --- every task of the beat -----------------------------------------------------------------------


@pytest.mark.parametrize("away", [0, 30 * 3600])
@pytest.mark.parametrize("name", schedule.TASKS)
def test_every_task_that_keeps_failing_is_told_and_its_end_too(
    clinic: Clinic, name: str, away: float
) -> None:
    """Not at its first trouble, however long the service was away, or is live, before that."""
    clinic.advance(away)
    broken = True

    def run(_sync: Any) -> tuple[()]:
        if broken:
            raise NotTheApi("edge_503")
        return ()

    task = failing.telling(name, schedule.TASKS[name].every_seconds, run)
    task(clinic.sync)
    assert clinic.attention() == []
    clinic.advance(failing.TOLD_AFTER.total_seconds() + 1)
    task(clinic.sync)
    task(clinic.sync)
    assert clinic.attention() == [f"{name}_keeps_failing"]
    broken = False
    task(clinic.sync)
    assert clinic.attention() == []


def test_a_task_that_breaks_by_a_defect_is_told_too(clinic: Clinic) -> None:
    def run(_sync: Any) -> tuple[()]:
        raise KeyError

    task = failing.telling("window", schedule.TASKS["window"].every_seconds, run)
    for _ in range(2):
        with pytest.raises(KeyError):
            task(clinic.sync)
        clinic.advance(failing.TOLD_SOON.total_seconds() + 1)
    assert clinic.attention() == ["window_keeps_failing"]


def test_the_beat_runs_each_task_under_that_watch(clinic: Clinic) -> None:
    """What stands in `TASKS` is what the beat runs: one name of it, followed to an attention."""
    behind_an_edge(clinic, "drchrono", "^/api/doctors$", "403 page")
    clinic.beat("practice")
    clinic.advance(failing.TOLD_AFTER.total_seconds() + 1)
    clinic.beat("practice")
    assert "practice_keeps_failing" in clinic.attention()
