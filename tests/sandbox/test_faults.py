"""Faults on request: what the caller sees, and what was committed all the same."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.sandbox.test_drchrono_appointments import NEW, book
from tests.sandbox.test_oncall_appointments import invite

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller, Receiver
    from tests.support.sandbox_client import Sandbox

PATH = "/api/appointments/90001"


def notes(sandbox: Sandbox) -> str:
    rows = sandbox.state("drchrono")["objects"]["appointments"]
    return next(str(row["notes"]) for row in rows if row["id"] == "90001")


def test_a_status_is_answered_once_and_nothing_is_committed(sandbox: Sandbox, dc: Caller) -> None:
    sandbox.faults("drchrono", {"match": {"method": "PATCH"}, "do": "status", "status": 503})
    assert dc("PATCH", PATH, {"notes": "x"}).status_code == 503
    assert notes(sandbox) == ""
    assert dc("PATCH", PATH, {"notes": "x"}).status_code == 204


def test_a_body_and_times(sandbox: Sandbox, dc: Caller) -> None:
    fault = {"do": "status", "status": 403, "body": {"detail": "no"}, "times": 2}
    sandbox.faults("drchrono", fault)
    answers = [dc("GET", PATH) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [403, 403, 200]
    assert answers[0].json() == {"detail": "no"}


def test_times_null_is_for_ever_until_cleared(sandbox: Sandbox, dc: Caller) -> None:
    sandbox.faults("drchrono", {"do": "status", "times": None})
    assert [dc("GET", PATH).status_code for _ in range(3)] == [500, 500, 500]
    sandbox.faults("drchrono", clear=True)
    assert dc("GET", PATH).status_code == 200


@pytest.mark.parametrize(
    ("match", "hit"),
    [
        ({"method": "GET"}, True),
        ({"method": "PATCH"}, False),
        ({"path": "^/api/appointments/9"}, True),
        ({"path": "^/api/patients"}, False),
    ],
)
def test_matching(sandbox: Sandbox, dc: Caller, match: dict[str, str], *, hit: bool) -> None:
    sandbox.faults("drchrono", {"match": match, "do": "status"})
    assert (dc("GET", PATH).status_code == 500) is hit


def test_staff_are_spared_by_default(sandbox: Sandbox, dc: Caller) -> None:
    sandbox.faults("drchrono", {"do": "status"})
    assert sandbox.staff_drchrono("GET", PATH).status_code == 200
    assert dc("GET", PATH).status_code == 500
    sandbox.faults("drchrono", {"do": "status", "actor": "staff"})
    assert dc("GET", PATH).status_code == 200
    assert sandbox.staff_drchrono("GET", PATH).status_code == 500


def test_429_in_drchronos_form(sandbox: Sandbox, dc: Caller) -> None:
    sandbox.faults("drchrono", {"do": "429"}, {"do": "429", "seconds": 7, "retry_after": "7"})
    plain, told = dc("GET", PATH), dc("GET", PATH)
    assert plain.status_code == told.status_code == 429
    assert plain.json() == {
        "detail": "Request was throttled. Expected available in 2295.0 seconds."
    }
    assert "Retry-After" not in plain.headers
    assert told.headers["Retry-After"] == "7"
    assert "7.0 seconds" in told.json()["detail"]


def test_html_and_garbage_are_200(sandbox: Sandbox, dc: Caller) -> None:
    sandbox.faults("drchrono", {"do": "html"}, {"do": "garbage"})
    page, broken = dc("GET", PATH), dc("GET", PATH)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert (broken.status_code, broken.headers["Content-Type"]) == (200, "application/json")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        broken.json()


@pytest.mark.parametrize(("do", "committed"), [("drop", ""), ("drop_after", "x")])
def test_dropping_before_and_after_the_commit(
    sandbox: Sandbox, dc: Caller, do: str, committed: str
) -> None:
    sandbox.faults("drchrono", {"do": do})
    with pytest.raises(requests.ConnectionError):
        dc("PATCH", PATH, {"notes": "x"})
    assert notes(sandbox) == committed
    assert sandbox.calls("drchrono")[-1]["status"] is None
    assert dc("GET", PATH).status_code == 200


def test_a_create_whose_answer_is_lost_has_happened(sandbox: Sandbox, oc: Caller) -> None:
    before = len(sandbox.state("oncall")["objects"]["appointments"])
    sandbox.faults("oncall", {"match": {"method": "POST"}, "do": "drop_after"})
    with pytest.raises(requests.ConnectionError):
        invite(oc)
    assert len(sandbox.state("oncall")["objects"]["appointments"]) == before + 1


def test_hanging_never_answers(sandbox: Sandbox, dc: Caller) -> None:
    sandbox.faults("drchrono", {"do": "hang", "seconds": 0.5, "times": 2})
    with pytest.raises(requests.ReadTimeout):
        dc("PATCH", PATH, {"notes": "x"}, timeout=0.2)
    with pytest.raises(requests.ConnectionError, match="Remote end closed"):
        dc("PATCH", PATH, {"notes": "x"}, timeout=5)
    assert notes(sandbox) == ""


@pytest.mark.parametrize("part", ["all", "body"])
def test_dripping_defeats_a_read_timeout(sandbox: Sandbox, dc: Caller, part: str) -> None:
    sandbox.faults("drchrono", {"do": "drip", "seconds": 0.005, "part": part})
    started = time.monotonic()
    # Each byte comes within the timeout, so requests waits for all of them.
    answer = dc("GET", "/api/users/501", timeout=0.2)
    assert answer.json()["id"] == 501
    assert time.monotonic() - started > 0.005 * len(answer.content)


@pytest.mark.parametrize("then", ["close", "hang"])
def test_a_late_write_is_seen_after_the_caller_gave_up(
    sandbox: Sandbox, hooked: Receiver, dc: Caller, then: str
) -> None:
    fault = {"match": {"method": "PATCH"}, "do": "late", "seconds": 0.4, "then": then}
    sandbox.faults("drchrono", fault)
    with pytest.raises((requests.ConnectionError, requests.ReadTimeout)):
        dc("PATCH", PATH, {"notes": "x"}, timeout=0.1)
    assert dc("GET", PATH).json()["notes"] == ""
    # Nobody is idle while a write is still to come.
    sandbox.wait_idle()
    assert dc("GET", PATH).json()["notes"] == "x"
    assert len(hooked.all()) == 1


def test_a_late_write_does_not_reach_the_next_world(sandbox: Sandbox, oc: Caller) -> None:
    sandbox.faults("oncall", {"do": "late", "seconds": 0.2})
    with pytest.raises(requests.ConnectionError):
        oc("PATCH", "/appointments/5001/", {"title": "old"})
    sandbox.reset()
    # A later one in the new world tells when the time of the old one is over.
    sandbox.faults("oncall", {"do": "late", "seconds": 0.4})
    with pytest.raises(requests.ConnectionError):
        oc("PATCH", "/appointments/5002/", {"title": "new"})
    sandbox.wait_idle()
    assert oc("GET", "/appointments/5002/").json()["title"] == "new"
    assert oc("GET", "/appointments/5001/").json()["title"] == "Video visit"


def test_a_stale_read_is_the_object_before_its_last_change(
    sandbox: Sandbox, dc: Caller, oc: Caller
) -> None:
    dc("PATCH", PATH, {"notes": "first"})
    dc("PATCH", PATH, {"notes": "second"})
    sandbox.faults("drchrono", {"do": "stale"})
    assert dc("GET", PATH).json()["notes"] == "first"
    assert dc("GET", PATH).json()["notes"] == "second"
    fresh = book(dc)
    sandbox.faults("drchrono", {"do": "stale"})
    assert dc("GET", f"/api/appointments/{fresh['id']}").status_code == 404
    person = invite(oc)["participants"][0]["url"]
    oc("PATCH", person, {"fee": 5})
    sandbox.faults("oncall", {"do": "stale"})
    assert oc("GET", person).json()["fee"] == 0
    assert oc("GET", person).json()["fee"] == 5


def test_a_redirect_to_the_other_name_of_this_machine_once(sandbox: Sandbox, dc: Caller) -> None:
    sandbox.faults("drchrono", {"match": {"method": "PATCH"}, "do": "redirect"})
    answer = dc("PATCH", f"{PATH}?x=1", {"notes": "x"})
    assert answer.status_code == 302
    location = answer.headers["Location"]
    assert location == sandbox.drchrono_url.replace("127.0.0.1", "localhost") + f"{PATH}?x=1"
    assert notes(sandbox) == ""
    assert dc("PATCH", location, {"notes": "x"}).status_code == 204


@pytest.mark.parametrize(
    ("remote", "path", "body"),
    [
        ("drchrono", "/api/patients", {"previous": None, "results": [], "next": None}),
        ("oncall", "/contacts/", {"count": 0, "next": None, "previous": None, "results": []}),
    ],
)
def test_an_empty_list(
    sandbox: Sandbox, dc: Caller, oc: Caller, remote: str, path: str, body: Any
) -> None:
    sandbox.faults(remote, {"do": "empty_list"})
    call = dc if remote == "drchrono" else oc
    assert call("GET", path).json() == body
    assert call("GET", path).json() != body


def test_the_token_endpoint_can_lose_a_rotation(sandbox: Sandbox) -> None:
    pair = sandbox.app_token()
    form = {
        "client_id": "sandbox-client-id",
        "client_secret": "sandbox-client-secret-that-is-as-long-as-one-of-drchrono-s-own-is",
        "grant_type": "refresh_token",
        "refresh_token": pair["refresh_token"],
    }
    sandbox.faults("drchrono", {"match": {"path": "^/o/token/$"}, "do": "drop_after"})
    address = sandbox.drchrono_url + "/o/token/"
    with pytest.raises(requests.ConnectionError):
        sandbox.session.post(address, data=form, timeout=5)
    assert sandbox.session.post(address, data=form, timeout=5).status_code == 401


@pytest.mark.parametrize(
    "fault",
    [
        {"do": "explode"},
        {"do": "status", "tiems": 2},
        {"do": "status", "match": {"url": "x"}},
        {"do": "status", "match": {"path": "("}},
        {"do": "late", "then": "maybe"},
        "status",
    ],
)
def test_a_fault_that_means_nothing_is_refused(sandbox: Sandbox, fault: Any) -> None:
    answer = sandbox.session.post(
        f"{sandbox.drchrono_url}/_sandbox/faults", json={"faults": [fault]}, timeout=5
    )
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert sandbox.state("drchrono")["faults"] == []


def test_concurrent_writers_are_served_side_by_side(sandbox: Sandbox, dc: Caller) -> None:
    sandbox.faults("drchrono", {"match": {"method": "POST"}, "do": "hang", "seconds": 3})
    hanging = threading.Thread(target=_post, args=(sandbox,))
    hanging.start()
    try:
        assert dc("GET", PATH, timeout=2).status_code == 200
    finally:
        hanging.join()


def _post(sandbox: Sandbox) -> None:
    access = sandbox.app_token()["access_token"]
    with pytest.raises(requests.RequestException):
        requests.post(
            f"{sandbox.drchrono_url}/api/appointments",
            json=NEW,
            headers={"Authorization": f"Bearer {access}"},
            timeout=0.5,
        )
