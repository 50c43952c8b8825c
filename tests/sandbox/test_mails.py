"""The mails that patients would get: each one that should not be sent counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.test_oncall_appointments import JANE, JOHN, invite, sandbox_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sandbox.conftest import Caller
    from tests.support.sandbox_client import Sandbox

NOBODY = {"name": "No Mail"}
GONE = {**JANE, "name": "Gone", "email": "gone@mail.example", "cancelled": True}
JANE_TO, JOHN_TO = "jane.doe@mail.example", "john.roe@mail.example"


@pytest.fixture
def sent(sandbox: Sandbox) -> Callable[[], list[tuple[str, str]]]:
    """What was mailed since it was last asked: (kind, to)."""
    seen = 0

    def ask() -> list[tuple[str, str]]:
        nonlocal seen
        mails = sandbox.mails()
        fresh = [(one["kind"], one["to"]) for one in mails[seen:]]
        seen = len(mails)
        return fresh

    return ask


def test_creating_invites_everyone_not_cancelled_with_an_email(
    oc: Caller, sent: Callable[[], Any], sandbox: Sandbox
) -> None:
    visit = invite(oc, participants=[JANE, JOHN, NOBODY, GONE])
    assert sent() == [("invitation", JANE_TO), ("invitation", JOHN_TO)]
    mail = sandbox.mails()[0]
    assert set(mail) == {"n", "at", "to", "kind", "appointment", "fields", "caused_by"}
    assert (mail["n"], mail["caused_by"], mail["fields"]) == (1, "app", [])
    assert visit["url"].endswith(f"/{mail['appointment']}/")


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"datetime": "2031-06-01T15:00:00Z"}, ["datetime"]),
        ({"duration": 45}, ["duration"]),
        ({"type": "phone"}, ["type"]),
        ({"provider": "/providers/196158/"}, ["provider"]),
        ({"duration": 45, "datetime": "2031-06-01T15:00:00Z"}, ["datetime", "duration"]),
        ({}, None),
        ({"title": "Other", "metadata": {"a": 1}}, None),
        ({"datetime": "2031-06-01T10:00:00-04:00", "duration": 30}, None),
    ],
)
def test_a_change_mails_once_each_and_only_when_a_value_changed(
    sandbox: Sandbox,
    oc: Caller,
    sent: Callable[[], Any],
    change: dict[str, Any],
    fields: list[str] | None,
) -> None:
    visit = invite(oc, participants=[JANE, JOHN, GONE])
    sent()
    assert oc("PATCH", visit["url"], change).status_code == 200
    expected = [("change", JANE_TO), ("change", JOHN_TO)] if fields else []
    assert sent() == expected
    if fields:
        assert sandbox.mails()[-1]["fields"] == fields


@pytest.mark.parametrize("body", [{"cancelled": True}, {"status": "Provider cancelled"}])
def test_cancelling_a_visit_mails_each_once(
    oc: Caller, sent: Callable[[], Any], body: dict[str, Any]
) -> None:
    visit = invite(oc, participants=[JANE, JOHN, GONE])
    sent()
    oc("PATCH", visit["url"], {**body, "datetime": "2031-06-01T15:00:00Z"})
    assert sent() == [("cancellation", JANE_TO), ("cancellation", JOHN_TO)]
    oc("PATCH", visit["url"], body)
    assert sent() == []


def test_cancelling_one_participant_mails_that_one(oc: Caller, sent: Callable[[], Any]) -> None:
    visit = invite(oc, participants=[JANE, JOHN])
    sent()
    for _ in range(2):
        oc("PATCH", visit["participants"][1]["url"], {"cancelled": True})
    assert sent() == [("cancellation", JOHN_TO)]
    oc("PATCH", visit["url"], {"cancelled": True})
    assert sent() == [("cancellation", JANE_TO)]


def test_a_new_email_is_invited_and_a_new_name_is_not(oc: Caller, sent: Callable[[], Any]) -> None:
    person = invite(oc)["participants"][0]["url"]
    sent()
    oc("PATCH", person, {"email": "new@mail.example"})
    assert sent() == [("invitation", "new@mail.example")]
    oc("PATCH", person, {"email": "new@mail.example", "name": "Janet Doe"})
    assert sent() == []


def test_an_added_participant_alone_is_invited(oc: Caller, sent: Callable[[], Any]) -> None:
    visit = invite(oc)
    sent()
    known = {"url": visit["participants"][0]["url"]}
    oc("PATCH", visit["url"], {"participants": [known, JOHN]})
    assert sent() == [("invitation", JOHN_TO)]


def test_a_removed_participant_hears_of_it(
    sandbox: Sandbox, oc: Caller, sent: Callable[[], Any]
) -> None:
    sandbox.behaviours("oncall", participants_patch="replace")
    visit = invite(oc)
    sent()
    oc("PATCH", visit["url"], {"participants": [JOHN]})
    assert sent() == [("invitation", JOHN_TO), ("cancellation", JANE_TO)]


def test_no_show_mails_nobody(oc: Caller, sent: Callable[[], Any]) -> None:
    visit = invite(oc)
    sent()
    oc("PATCH", visit["url"], {"status": "No show"})
    assert sent() == []


def test_reviving_invites(sandbox: Sandbox, oc: Caller, sent: Callable[[], Any]) -> None:
    sandbox.behaviours("oncall", uncancel=True)
    visit = invite(oc)
    oc("PATCH", visit["url"], {"cancelled": True})
    sent()
    oc("PATCH", visit["url"], {"cancelled": False})
    assert sent() == [("invitation", JANE_TO)]


def test_who_caused_it(sandbox: Sandbox, oc: Caller) -> None:
    path = sandbox_path(invite(oc))
    sandbox.staff_oncall("PATCH", path, {"duration": 40})
    sandbox.patient_oncall("PATCH", path, {"cancelled": True})
    assert [mail["caused_by"] for mail in sandbox.mails()] == ["app", "staff", "patient"]
