"""Serve OnCall's visits and participants: one rule of docs/api-facts.md a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller
    from tests.support.sandbox_client import Sandbox

JANE = {"name": "Jane Doe", "email": "jane.doe@mail.example"}
JOHN = {"first_name": "John", "last_name": "Roe", "email": "john.roe@mail.example"}
VISIT: dict[str, Any] = {
    "title": "Visit",
    "type": "online",
    "participants": [JANE],
    "duration": 30,
    "division": "https://api.oncallhealth.ca/divisions/2404/",
    "provider": "https://api.oncallhealth.ca/providers/196157/",
    "datetime": "2031-06-01T14:00:00Z",
}


def invite(oc: Caller, **changes: Any) -> Any:
    answer = oc("POST", "/appointments/", {**VISIT, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json()


def emails(oc: Caller, visit: Any) -> list[str]:
    return [one["email"] for one in oc("GET", visit["url"]).json()["participants"]]


def test_a_create_answer_as_in_the_guide_lacks_status(sandbox: Sandbox, oc: Caller) -> None:
    visit = invite(oc, metadata={"patient_emr_id": "12345"})
    assert set(visit) == {
        *("url", "title", "datetime", "duration", "type", "cancelled"),
        *("division", "participants", "metadata"),
    }
    assert visit["url"].startswith(f"{sandbox.oncall_url}/appointments/")
    assert visit["url"].endswith("/")
    assert visit["datetime"] == "2031-06-01T14:00:00Z"
    assert set(visit["participants"][0]) == {
        *("url", "email", "name", "first_name", "last_name", "fee", "cancelled"),
    }


def test_a_read_as_in_the_guide(sandbox: Sandbox, oc: Caller) -> None:
    visit = oc("GET", invite(oc)["url"]).json()
    assert set(visit) == {
        *("url", "title", "datetime", "duration", "type", "status", "cancelled"),
        *("division", "participants", "metadata"),
    }
    assert visit["status"] == "Incomplete"
    assert visit["cancelled"] is False
    assert visit["metadata"] is None
    assert visit["division"] == f"{sandbox.oncall_url}/divisions/2404/"
    person = visit["participants"][0]
    assert set(person) == {
        *("url", "appointment", "name", "first_name", "last_name"),
        *("email", "fee", "cancelled", "user_id"),
    }
    assert person["appointment"] == visit["url"]
    assert (person["first_name"], person["last_name"]) == ("Jane", "Doe")
    assert isinstance(person["user_id"], int)


@pytest.mark.parametrize(
    ("switch", "key"),
    [("returns_id", "id"), ("returns_provider", "provider"), ("returns_updated", "updated")],
)
def test_more_keys_by_switch(sandbox: Sandbox, oc: Caller, switch: str, key: str) -> None:
    visit = invite(oc)
    assert key not in oc("GET", visit["url"]).json()
    sandbox.behaviours("oncall", **{switch: True})
    assert key in oc("GET", visit["url"]).json()


@pytest.mark.parametrize(
    "field", ["title", "type", "participants", "duration", "division", "datetime", "provider"]
)
def test_required_fields(oc: Caller, field: str) -> None:
    body = {key: value for key, value in VISIT.items() if key != field}
    answer = oc("POST", "/appointments/", body)
    assert (answer.status_code, answer.json()) == (400, {field: ["This field is required."]})


def test_a_message_needs_no_time(oc: Caller) -> None:
    body = {key: value for key, value in VISIT.items() if key != "datetime"}
    assert oc("POST", "/appointments/", {**body, "type": "message"}).status_code == 201


def test_a_provider_key_defaults_to_its_own_provider(sandbox: Sandbox, oc: Caller) -> None:
    sandbox.behaviours("oncall", key_role="provider")
    body = {key: value for key, value in VISIT.items() if key != "provider"}
    assert oc("POST", "/appointments/", body).status_code == 201


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": "in-person"}, "type"),
        ({"duration": 0}, "duration"),
        ({"participants": []}, "participants"),
        ({"participants": [JANE] * 26}, "participants"),
        ({"division": "2404"}, "division"),
        ({"division": "https://api.oncallhealth.ca/divisions/1/"}, "division"),
        ({"division": "https://api.oncallhealth.ca/divisions/2405/"}, "provider"),
        ({"provider": "https://api.oncallhealth.ca/providers/1/"}, "provider"),
        ({"datetime": "tomorrow"}, "datetime"),
        ({"metadata": "x"}, "metadata"),
        ({"status": "Scheduled"}, "status"),
        ({"participants": [{"email": "a@mail.example"}]}, "name"),
    ],
)
def test_what_is_refused_with_400(oc: Caller, changes: dict[str, Any], field: str) -> None:
    answer = oc("POST", "/appointments/", {**VISIT, **changes})
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


def test_25_participants_are_taken(oc: Caller) -> None:
    assert len(invite(oc, participants=[JANE] * 25)["participants"]) == 25


@pytest.mark.parametrize(
    ("switch", "shown"),
    [
        ({}, "2031-06-01T04:00:00Z"),
        ({"one_digit_hour": True}, "2031-06-01T4:00:00Z"),
        ({"fractional_seconds": True}, "2031-06-01T04:00:00.000000Z"),
    ],
)
def test_the_form_of_times(
    sandbox: Sandbox, oc: Caller, switch: dict[str, bool], shown: str
) -> None:
    sandbox.behaviours("oncall", **switch)
    visit = invite(oc, datetime="2031-06-01T00:00:00-04:00")
    assert oc("GET", visit["url"]).json()["datetime"] == shown


@pytest.mark.parametrize(
    ("behaviour", "left"), [("merge", {"a": 1, "b": 2}), ("replace", {"b": 2})]
)
def test_metadata_is_merged_or_replaced(
    sandbox: Sandbox, oc: Caller, behaviour: str, left: dict[str, int]
) -> None:
    sandbox.behaviours("oncall", metadata_patch=behaviour)
    visit = invite(oc, metadata={"a": 1})
    answer = oc("PATCH", visit["url"], {"metadata": {"b": 2}})
    assert (answer.status_code, answer.json()["metadata"]) == (200, left)


class TestParticipants:
    @pytest.mark.parametrize(
        ("behaviour", "left"),
        [
            ("append", ["jane.doe@mail.example", "john.roe@mail.example"]),
            ("replace", ["john.roe@mail.example"]),
        ],
    )
    def test_patching_the_list(
        self, sandbox: Sandbox, oc: Caller, behaviour: str, left: list[str]
    ) -> None:
        sandbox.behaviours("oncall", participants_patch=behaviour)
        visit = invite(oc)
        assert oc("PATCH", visit["url"], {"participants": [JOHN]}).status_code == 200
        assert emails(oc, visit) == left

    @pytest.mark.parametrize("behaviour", ["append", "replace"])
    def test_the_full_list_with_urls_is_right_under_both(
        self, sandbox: Sandbox, oc: Caller, behaviour: str
    ) -> None:
        sandbox.behaviours("oncall", participants_patch=behaviour)
        visit = invite(oc)
        known = {"url": visit["participants"][0]["url"]}
        oc("PATCH", visit["url"], {"participants": [known, JOHN]})
        assert emails(oc, visit) == ["jane.doe@mail.example", "john.roe@mail.example"]

    def test_a_removed_one_is_404(self, sandbox: Sandbox, oc: Caller) -> None:
        sandbox.behaviours("oncall", participants_patch="replace")
        visit = invite(oc)
        oc("PATCH", visit["url"], {"participants": [JOHN]})
        assert oc("GET", visit["participants"][0]["url"]).status_code == 404

    def test_never_more_than_25(self, oc: Caller) -> None:
        visit = invite(oc, participants=[JANE] * 25)
        answer = oc("PATCH", visit["url"], {"participants": [JOHN]})
        assert answer.status_code == 400
        assert len(emails(oc, visit)) == 25

    def test_patching_one(self, oc: Caller) -> None:
        person = invite(oc)["participants"][0]
        answer = oc("PATCH", person["url"], {"last_name": "Smith", "fee": 10.5})
        assert answer.status_code == 200
        body = answer.json()
        assert (body["name"], body["first_name"], body["fee"]) == ("Jane Smith", "Jane", 10.5)
        renamed = oc("PATCH", person["url"], {"name": "Ann Lee"}).json()
        assert (renamed["first_name"], renamed["last_name"]) == ("Ann", "Lee")
        assert oc("GET", person["url"]).json() == renamed

    def test_there_is_no_list(self, oc: Caller) -> None:
        assert oc("GET", "/participants/").status_code == 404


class TestCancelling:
    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"cancelled": True}, "Coordinator cancelled"),
            ({"status": "Provider cancelled"}, "Provider cancelled"),
            ({"status": "provider CANCELLED"}, "Provider cancelled"),
            ({"cancelled": True, "status": "Patient cancelled"}, "Patient cancelled"),
        ],
    )
    def test_status_and_flag_go_together(
        self, oc: Caller, body: dict[str, Any], status: str
    ) -> None:
        after = oc("PATCH", invite(oc)["url"], body).json()
        assert (after["cancelled"], after["status"]) == (True, status)

    def test_who_did_it(self, sandbox: Sandbox, oc: Caller) -> None:
        first, second = (sandbox_path(invite(oc)) for _ in range(2))
        staff = sandbox.staff_oncall("PATCH", first, {"cancelled": True}).json()
        patient = sandbox.patient_oncall("PATCH", second, {"cancelled": True}).json()
        assert (staff["status"], patient["status"]) == ("Staff cancelled", "Patient cancelled")

    def test_the_flag_alone_by_switch(self, sandbox: Sandbox, oc: Caller) -> None:
        sandbox.behaviours("oncall", cancelled_sets_status=False)
        after = oc("PATCH", invite(oc)["url"], {"cancelled": True}).json()
        assert (after["cancelled"], after["status"]) == (True, "Incomplete")

    @pytest.mark.parametrize(("allowed", "status"), [(False, 400), (True, 200)])
    def test_un_cancelling(
        self, sandbox: Sandbox, oc: Caller, *, allowed: bool, status: int
    ) -> None:
        sandbox.behaviours("oncall", uncancel=allowed)
        visit = invite(oc)
        oc("PATCH", visit["url"], {"cancelled": True})
        answer = oc("PATCH", visit["url"], {"cancelled": False})
        assert answer.status_code == status
        assert oc("GET", visit["url"]).json()["cancelled"] is not allowed
        person = invite(oc)["participants"][0]["url"]
        oc("PATCH", person, {"cancelled": True})
        assert oc("PATCH", person, {"cancelled": False}).status_code == status

    @pytest.mark.parametrize("follows", [False, True])
    def test_the_last_participant_leaving(
        self, sandbox: Sandbox, oc: Caller, *, follows: bool
    ) -> None:
        sandbox.behaviours("oncall", cancel_all_participants_cancels_visit=follows)
        visit = invite(oc)
        oc("PATCH", visit["participants"][0]["url"], {"cancelled": True})
        assert oc("GET", visit["url"]).json()["cancelled"] is follows

    def test_delete_is_405(self, oc: Caller) -> None:
        assert oc("DELETE", invite(oc)["url"]).status_code == 405


def sandbox_path(visit: Any) -> str:
    return "/" + str(visit["url"]).split("/", 3)[3]


@pytest.mark.parametrize(("allowed", "status"), [(True, 200), (False, 400)])
def test_changing_the_provider(sandbox: Sandbox, oc: Caller, *, allowed: bool, status: int) -> None:
    sandbox.behaviours("oncall", provider_patch=allowed)
    visit = invite(oc)
    body = {"provider": f"{sandbox.oncall_url}/providers/196158/"}
    assert oc("PATCH", visit["url"], body).status_code == status


class TestLists:
    def test_pages(self, sandbox: Sandbox, oc: Caller) -> None:
        sandbox.behaviours("oncall", page_size=3)
        first = oc("GET", "/appointments/").json()
        assert set(first) == {"count", "next", "previous", "results"}
        assert (first["count"], first["previous"]) == (8, None)
        assert first["next"] == f"{sandbox.oncall_url}/appointments/?page=2"
        last = oc("GET", "/appointments/?page=3").json()
        assert (len(last["results"]), last["next"]) == (2, None)
        assert oc("GET", "/appointments/?page=4").status_code == 404

    @pytest.mark.parametrize(
        ("order", "first"), [("oldest_first", "5001"), ("newest_first", "5008")]
    )
    def test_order(self, sandbox: Sandbox, oc: Caller, order: str, first: str) -> None:
        sandbox.behaviours("oncall", order=order)
        row = oc("GET", "/appointments/").json()["results"][0]
        assert row["url"].endswith(f"/appointments/{first}/")

    def test_status_and_lag_by_switch(self, sandbox: Sandbox, oc: Caller) -> None:
        sandbox.behaviours("oncall", list_lag_seconds=5)
        assert "status" in oc("GET", "/appointments/").json()["results"][0]
        visit = invite(oc)
        assert oc("GET", "/appointments/").json()["count"] == 8
        assert oc("GET", visit["url"]).status_code == 200
        sandbox.control("oncall", "time", {"offset_seconds": 6})
        assert oc("GET", "/appointments/").json()["count"] == 9
        sandbox.behaviours("oncall", status_on_list=False)
        assert "status" not in oc("GET", "/appointments/").json()["results"][0]

    def test_reads_by_id_that_lag(self, sandbox: Sandbox, oc: Caller) -> None:
        visit = invite(oc)
        sandbox.behaviours("oncall", read_lag_seconds=5)
        assert oc("GET", visit["url"]).status_code == 404
        sandbox.control("oncall", "time", {"offset_seconds": 6})
        assert oc("PATCH", visit["url"], {"duration": 45}).json()["duration"] == 45
        assert oc("GET", visit["url"]).json()["duration"] == 30
        sandbox.control("oncall", "time", {"offset_seconds": 12})
        assert oc("GET", visit["url"]).json()["duration"] == 45


class TestTransport:
    @pytest.mark.parametrize(
        ("prefix", "sent", "status"),
        [
            ("", "sandbox-oncall-key", 200),
            ("", "Token sandbox-oncall-key", 401),
            ("Token ", "Token sandbox-oncall-key", 200),
            ("Token ", "sandbox-oncall-key", 401),
            ("", "wrong", 401),
            ("", "", 401),
        ],
    )
    def test_the_key(
        self, sandbox: Sandbox, oc: Caller, prefix: str, sent: str, status: int
    ) -> None:
        sandbox.behaviours("oncall", key_prefix=prefix)
        answer = oc("GET", "/providers/", headers={"Authorization": sent})
        assert answer.status_code == status

    @pytest.mark.parametrize(("behaviour", "status"), [("301", 301), ("404", 404)])
    def test_without_the_trailing_slash(
        self, sandbox: Sandbox, oc: Caller, behaviour: str, status: int
    ) -> None:
        sandbox.behaviours("oncall", no_slash=behaviour)
        answer = oc("GET", "/appointments/5001")
        assert answer.status_code == status
        if status == 301:
            assert answer.headers["Location"] == f"{sandbox.oncall_url}/appointments/5001/"

    @pytest.mark.parametrize(
        ("shape", "body"),
        [
            ("field", {"title": ["This field may not be blank."]}),
            ("detail", {"detail": "title: This field may not be blank."}),
            ("error", {"error": "title: This field may not be blank."}),
            ("list", ["title: This field may not be blank."]),
            ("html", None),
        ],
    )
    def test_errors_have_no_standard_shape(
        self, sandbox: Sandbox, oc: Caller, shape: str, body: Any
    ) -> None:
        sandbox.behaviours("oncall", error_shape=shape)
        answer = oc("PATCH", "/appointments/5001/", {"title": ""})
        assert answer.status_code == 400
        if body is None:
            assert answer.headers["Content-Type"].startswith("text/html")
        else:
            assert answer.json() == body

    def test_a_limit_per_minute(self, sandbox: Sandbox, oc: Caller) -> None:
        sandbox.behaviours("oncall", limit_per_minute=2)
        # A minute may end between the calls: then there are two fresh ones.
        codes = [oc("GET", "/providers/").status_code for _ in range(5)]
        assert codes[:2] == [200, 200]
        assert 429 in codes
        sandbox.control("oncall", "time", {"offset_seconds": 61})
        assert oc("GET", "/providers/").status_code == 200


@pytest.mark.parametrize("shape", ["urls", "objects"])
def test_providers_and_their_memberships(sandbox: Sandbox, oc: Caller, shape: str) -> None:
    sandbox.behaviours("oncall", memberships=shape)
    rows = oc("GET", "/providers/").json()["results"]
    assert [row["email"] for row in rows] == [
        "m.okafor@riverside.example",
        "d.reyes@riverside.example",
        "h.lindqvist@riverside.example",
    ]
    assert set(rows[0]) == {"url", "full_name", "email", "memberships"}
    urls = [f"{sandbox.oncall_url}/divisions/{number}/" for number in ("2404", "2405")]
    wanted = [{"division": url} for url in urls] if shape == "objects" else urls
    assert rows[1]["memberships"] == wanted
    assert oc("GET", rows[1]["url"]).json() == rows[1]
    assert oc("PATCH", rows[1]["url"], {}).status_code == 405
