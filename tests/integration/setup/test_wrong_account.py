"""Another practice's account denies all that is ours: nothing of it is stored, believed or done."""

from typing import Any

import pytest
from pydantic import SecretStr

from sync.core.errors import WrongAccount
from sync.drchrono.keeper import ConnectionState
from sync.run.evidence import accounts
from sync.setup import connect
from sync.setup.check import check
from sync.tasks import schedule
from tests.support.agreement import agree
from tests.support.clinic import DOCTOR, Clinic, wall
from tests.support.templates import on_both

HOUR = 3600.0


def token(clinic: Clinic) -> str:
    return clinic.sync.keeper.access_token()


def health(clinic: Clinic) -> Any:
    return clinic.sandbox.session.get(f"{clinic.url}/healthz", timeout=10).json()["parts"]


def move(clinic: Clinic, account: str) -> None:
    """The user who connected is of another practice from now on; no token changes."""
    clinic.sandbox.control("drchrono", "move", {"account": account})


# --- connecting -----------------------------------------------------------------------------------


@on_both
def test_a_stranger_who_connects_changes_nothing(clinic: Clinic) -> None:
    appointment, _ = clinic.linked()
    before = token(clinic)
    clinic.sandbox.behaviours("drchrono", login="stranger")
    with pytest.raises(connect.ConnectError, match="another practice"):
        clinic.authorise()
    assert token(clinic) == before
    assert clinic.sync.keeper.status().state is ConnectionState.GOOD
    # The stranger's pair was ended; nothing but the doctors was read with it.
    tokens = clinic.sandbox.state("drchrono")["credentials"]["tokens"]
    assert [one["revoked"] for one in tokens if one["account"] == "stranger"] == [True]
    paths = ["POST /o/token/", "GET /api/doctors", "POST /o/revoke_token/"]
    assert clinic.calls("drchrono") == paths
    clinic.edit(appointment, duration=50)
    clinic.settle()
    agree(clinic)
    assert clinic.mails() == [("change", "app")]
    assert clinic.attention() == []


@pytest.mark.parametrize("missing", ["403", "empty"])
def test_a_weak_user_is_refused_by_the_name_of_the_missing_right(
    clinic: Clinic, missing: str
) -> None:
    clinic.sandbox.behaviours("drchrono", login="weak", missing_scope=missing)
    before = token(clinic)
    if missing == "403":
        with pytest.raises(connect.ConnectError, match="calendar:read"):
            clinic.authorise()
        assert token(clinic) == before
    else:
        clinic.authorise()  # an empty calendar and a hidden one look alike: `check` tries it


def test_a_scope_that_was_not_granted_is_named(clinic: Clinic) -> None:
    clinic.settings.drchrono_scopes = "user:read calendar:read clinical:read patients:read"
    with pytest.raises(connect.ConnectError, match="calendar:write, clinical:write, patients:wr"):
        clinic.authorise()


def test_the_same_user_again_ends_the_earlier_token_and_nothing_is_lost(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("drchrono", renewal_ends_access=True)
    appointment, _ = clinic.linked()
    before = token(clinic)
    clinic.authorise()
    assert token(clinic) != before
    clinic.edit(appointment, duration=50)
    clinic.settle()
    agree(clinic)


def test_another_organisation_s_key_is_refused_at_connect(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("oncall", key_of="another")
    before = token(clinic)
    with pytest.raises(connect.ConnectError, match="another OnCall organisation"):
        clinic.authorise()
    assert token(clinic) == before


def test_check_names_the_right_that_a_user_has_lost_and_another_practice(clinic: Clinic) -> None:
    move(clinic, "weak")
    found = {one.name: one for one in check(clinic.sync)}
    assert "calendar:read" in found["drchrono"].detail
    move(clinic, "stranger")
    found = {one.name: one for one in check(clinic.sync)}
    assert "another practice" in found["accounts"].detail
    assert clinic.attention() == ["wrong_account"]


# --- a later loss ---------------------------------------------------------------------------------


@on_both
@pytest.mark.parametrize("told", ["edited", "deleted"])
def test_no_404_is_believed_when_the_user_moved_to_another_practice(
    clinic: Clinic, told: str
) -> None:
    appointment, _ = clinic.linked()
    move(clinic, "stranger")
    if told == "edited":
        clinic.edit(appointment, duration=50)
    else:
        clinic.delete(appointment)
    clinic.settle(hours=0.2)
    assert clinic.attention() == ["wrong_account"]
    assert (clinic.writes(), clinic.mails()) == ([], [])
    assert health(clinic)["account"] == {"ok": False, "detail": "wrong account: drchrono"}
    # Held: nothing but the account is asked for, and no try is burned.
    clinic.forget()
    clinic.advance(HOUR)
    clinic.settle(hours=0.2)
    assert clinic.calls("drchrono") == clinic.calls("oncall") == []
    move(clinic, "owner")
    clinic.beat("account")
    assert clinic.attention() == []
    assert health(clinic)["account"] == {"ok": True}
    clinic.settle()
    agree(clinic)
    kind = "change" if told == "edited" else "cancellation"
    assert [one for one, _ in clinic.mails()] == [kind]


def test_no_404_of_a_patient_is_believed(clinic: Clinic) -> None:
    clinic.linked()
    move(clinic, "stranger")
    clinic.edit_patient(clinic.patient, email="new@mail.example")
    clinic.settle(hours=0.2)
    assert (clinic.attention(), clinic.writes()) == (["wrong_account"], [])
    move(clinic, "owner")
    clinic.authorise()
    assert clinic.attention() == []
    clinic.settle()
    agree(clinic)


def test_no_404_of_oncall_s_is_believed_under_another_organisation_s_key(clinic: Clinic) -> None:
    _, visit = clinic.linked()
    clinic.sandbox.behaviours("oncall", key_of="another")
    clinic.change_visit(visit, duration=50)
    clinic.edit_patient(clinic.patient, email="new@mail.example")
    clinic.settle(hours=0.2)
    assert clinic.attention() == ["wrong_account"]
    assert [call for call in clinic.writes() if "drchrono" in call or "POST" in call] == []
    clinic.sandbox.behaviours("oncall", key_of="clinic")
    clinic.beat("account")
    clinic.settle()
    agree(clinic)


def test_the_scans_find_nothing_missing_under_a_wrong_account(clinic: Clinic) -> None:
    clinic.linked()
    move(clinic, "stranger")
    clinic.advance(HOUR + 1)
    due = schedule.due_tasks(clinic.sync)
    assert "account" in due
    clinic.beat("account")
    assert clinic.attention() == ["wrong_account"]
    clinic.advance(25 * HOUR)
    of_the_account = {"account", "token", "sample", "prune", "audit", "pauses", "alerts", "imports"}
    assert set(schedule.due_tasks(clinic.sync)) <= of_the_account


def test_a_changed_key_is_proven_before_anything_is_done(clinic: Clinic) -> None:
    appointment, _ = clinic.linked()
    key = clinic.settings.oncall_key
    clinic.settings.oncall_key = SecretStr("sandbox-oncall-key-of-another")
    clinic.edit(appointment, duration=50)
    clinic.settle(hours=0.1)
    assert (clinic.calls("drchrono"), clinic.calls("oncall")) == ([], [])
    clinic.settings.oncall_key = key
    clinic.settle()
    agree(clinic)


def test_the_proof_costs_a_call_an_hour(clinic: Clinic) -> None:
    clinic.advance(HOUR)
    clinic.forget()
    for _ in range(12):
        clinic.beat("account")
    assert clinic.calls("drchrono") == ["GET /api/doctors/ID"]
    assert clinic.calls("oncall") == ["GET /providers/"]


# --- one doctor's calendar ------------------------------------------------------------------------


def test_appointments_that_are_shared_no_more_are_not_deleted(clinic: Clinic) -> None:
    """Without share_patients the account sees its own doctor's alone (docs/api-facts.md, D8)."""
    appointment, _ = clinic.linked(doctor=DOCTOR + 1, profile=404, office=302)
    clinic.sandbox.behaviours("drchrono", share_patients=False)
    clinic.edit(appointment, duration=50)
    clinic.settle(hours=0.5)
    assert clinic.attention() == ["doctor_unseen"]
    assert (clinic.writes(), clinic.mails()) == ([], [])
    clinic.sandbox.behaviours("drchrono", share_patients=True)
    clinic.settle(hours=2)
    agree(clinic)
    clinic.beat("account")
    assert clinic.attention() == []


def test_a_deletion_is_believed_where_the_calendar_is_seen(clinic: Clinic) -> None:
    appointment, _ = clinic.linked()
    clinic.book(scheduled_time=wall(days=9))
    clinic.settle()
    clinic.forget()
    clinic.delete(appointment)
    clinic.settle()
    agree(clinic)
    assert [kind for kind, _ in clinic.mails()] == ["cancellation"]
    read = ["GET /api/appointments/ID"] * 2
    assert clinic.calls("drchrono") == [*read, "GET /api/appointments"]


# --- a renewal whose answer is lost ---------------------------------------------------------------


def test_a_lost_renewal_that_ends_the_old_token_too_is_told_at_once(clinic: Clinic) -> None:
    appointment, _ = clinic.linked()
    clinic.sandbox.behaviours("drchrono", renewal_ends_access=True)
    clinic.sandbox.faults("drchrono", {"match": {"path": "/o/token/"}, "do": "drop_after"})
    clinic.advance(25 * HOUR)
    clinic.edit(appointment, duration=50)
    clinic.settle(hours=0.1)
    assert clinic.sync.keeper.status().state is ConnectionState.LOST
    assert health(clinic)["token"] == {"ok": False, "detail": "lost"}
    clinic.beat("token")
    assert "token_lost" in clinic.attention()
    refused = clinic.sandbox.calls("drchrono", "app")
    clinic.authorise()
    clinic.beat("token")
    assert "token_lost" not in clinic.attention()
    clinic.settle()
    agree(clinic)
    assert clinic.mails() == [("change", "app")]
    assert len(refused) < 30


def test_a_wrong_account_is_an_error_of_its_own(clinic: Clinic) -> None:
    move(clinic, "stranger")
    with pytest.raises(WrongAccount):
        accounts.require(clinic.sync, "drchrono", clinic.now())
