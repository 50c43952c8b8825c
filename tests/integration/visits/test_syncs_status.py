"""What a status makes of the other side, both ways.

Each word of the table is a row of `unit/core/rules/test_lifecycle.py`; a locked clinical note is in
`alike/test_members_alike_ends.py`, for a visit of one and for a group.
"""

import pytest

from tests.support.clinic import Clinic, utc, wall
from tests.support.syncs import decide, linked, visit_of

FEES = "[policy]\nfee_bearing_writes = true"
OPEN_WORDS = (
    "Confirmed",
    "Not Confirmed",
    "Arrived",
    "Checked In",
    "Checked In Online",
    "In Room",
    "In Session",
    "",
)


# --- from DrChrono --------------------------------------------------------------------------------


def test_open_statuses_leave_oncall_untouched(clinic: Clinic) -> None:
    appointment, visit = linked(clinic)
    for word in OPEN_WORDS:
        clinic.edit(appointment, status=word)
        clinic.pump()
    assert visit_of(clinic, visit)["status"] == "Incomplete"
    assert [call for call in clinic.calls("oncall") if not call.startswith("GET")] == []
    assert clinic.mails() == []


@pytest.mark.parametrize(
    ("word", "toml", "status", "cancelled", "mails"),
    [
        ("Cancelled", "", "Coordinator cancelled", True, [("cancellation", "app")]),
        ("No Show", "", "Incomplete", False, []),
        ("No Show", FEES, "No show", False, []),
        ("Complete", FEES, "Complete", False, []),
    ],
)
def test_an_end_in_drchrono(
    clinic: Clinic,
    word: str,
    toml: str,
    status: str,
    cancelled: bool,
    mails: list[tuple[str, str]],
) -> None:
    """No Show and Complete can charge the patient in OnCall: written only where that is allowed."""
    appointment, visit = linked(clinic)
    decide(clinic, toml)
    clinic.edit(appointment, status=word)
    clinic.pump()
    shown = visit_of(clinic, visit)
    assert (shown["status"], shown["cancelled"]) == (status, cancelled)
    clinic.catch_up()
    assert clinic.mails() == mails
    assert clinic.appointment(appointment)["status"] == word
    assert clinic.attention() == []


@pytest.mark.parametrize("key", ["status", "custom_status"])
def test_a_practice_defined_status(clinic: Clinic, key: str) -> None:
    appointment, visit = linked(clinic)
    decide(clinic, '[status.drchrono]\n"Waiting on Forms" = "cancelled"')
    clinic.edit(appointment, **{key: "Waiting on Forms"})
    clinic.pump()
    assert visit_of(clinic, visit)["status"] == "Coordinator cancelled"


def test_a_word_of_the_table_can_be_made_open(clinic: Clinic) -> None:
    appointment, visit = linked(clinic)
    decide(clinic, '[status.drchrono]\n"Cancelled" = "open"')
    clinic.edit(appointment, status="Cancelled")
    clinic.pump()
    assert visit_of(clinic, visit)["status"] == "Incomplete"
    assert clinic.mails() == []


# --- from OnCall ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "status", "note"),
    [
        ({"cancelled": True}, "Cancelled", "Cancelled by staff in OnCall"),
        ({"status": "Patient cancelled"}, "Cancelled", "Cancelled by patient in OnCall"),
        ({"status": "No show"}, "No Show", ""),
        ({"status": "Complete"}, "Complete", ""),
    ],
)
def test_an_end_in_oncall(
    clinic: Clinic, change: dict[str, object], status: str, note: str
) -> None:
    appointment, visit = linked(clinic)
    clinic.change_visit(visit, **change)
    clinic.pump()
    shown = clinic.appointment(appointment)
    assert shown["status"] == status
    assert shown["notes"] == note
    clinic.catch_up()
    assert [call for call in clinic.calls("oncall") if not call.startswith("GET")] == []


def test_who_cancelled_is_unknown_where_oncall_says_only_the_flag(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("oncall", cancelled_sets_status=False)
    appointment, visit = linked(clinic)
    clinic.edit(appointment, notes="Brings a guide dog")
    clinic.change_visit(visit, by="patient", cancelled=True)
    clinic.pump()
    shown = clinic.appointment(appointment)
    assert shown["status"] == "Cancelled"
    assert shown["notes"] == "Brings a guide dog\nCancelled in OnCall"


def test_a_cancelled_participant_cancels_a_visit_of_one(clinic: Clinic) -> None:
    appointment, visit = linked(clinic)
    (participant,) = visit_of(clinic, visit)["participants"]  # type: ignore[misc,attr-defined]
    answer = clinic.sandbox.patient_oncall(
        "PATCH", f"/participants/{participant['id']}/", {"cancelled": True}
    )
    assert answer.status_code == 200
    clinic.pump()
    assert clinic.appointment(appointment)["status"] == "Cancelled"


@pytest.mark.parametrize("word", ["Charge failed", "Fee waived"])
def test_fees_are_open_and_noted_once(clinic: Clinic, word: str) -> None:
    appointment, visit = linked(clinic)
    clinic.change_visit(visit, status=word)
    clinic.pump()
    assert clinic.appointment(appointment)["status"] == ""
    assert clinic.attention() == ["noted"]
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=17))
    clinic.pump()
    assert clinic.attention() == ["noted"]
    assert visit_of(clinic, visit)["datetime"] == f"{utc(days=3, hour=17):%Y-%m-%dT%H:%M:%SZ}"


def test_the_clinic_s_own_table_for_oncall_and_for_what_is_written(clinic: Clinic) -> None:
    decide(
        clinic,
        '[status.oncall]\n"Fee waived" = "complete"\n[status.written]\ncomplete = "In Session"',
    )
    appointment, visit = linked(clinic)
    clinic.change_visit(visit, status="Fee waived")
    clinic.pump()
    assert clinic.appointment(appointment)["status"] == "In Session"


# --- one after the other --------------------------------------------------------------------------


def test_of_several_changes_in_a_row_the_last_counts(clinic: Clinic) -> None:
    appointment, visit = linked(clinic)
    for word in ("Confirmed", "Cancelled", "Arrived", "Checked In"):
        clinic.edit(appointment, status=word)
    clinic.pump()
    assert visit_of(clinic, visit)["status"] == "Incomplete"
    assert clinic.mails() == []
    for word in ("Confirmed", "Cancelled"):
        clinic.edit(appointment, status=word)
    clinic.pump()
    assert visit_of(clinic, visit)["status"] == "Coordinator cancelled"
    assert clinic.mails() == [("cancellation", "app")]


def test_a_late_event_revives_nothing(clinic: Clinic) -> None:
    appointment, visit = linked(clinic)
    clinic.edit(appointment, status="Confirmed")
    clinic.pump()
    open_event = clinic.sandbox.webhooks("drchrono")["deliveries"][-1]["delivery"]
    clinic.edit(appointment, status="Cancelled")
    clinic.pump()
    clinic.forget()
    clinic.sandbox.control("drchrono", "redeliver", {"delivery": open_event})
    clinic.settle()
    assert clinic.mails() == []
    assert visit_of(clinic, visit)["status"] == "Coordinator cancelled"
    assert len(clinic.of("oncall", "appointments")) == 1


@pytest.mark.parametrize(
    ("toml", "visits", "attention"),
    [("", 2, []), ('[policy]\nreopened = "ask"', 1, ["reopened"])],
)
def test_opened_again_is_a_new_visit_by_policy(
    clinic: Clinic, toml: str, visits: int, attention: list[str]
) -> None:
    appointment, visit = linked(clinic)
    decide(clinic, toml)
    clinic.edit(appointment, status="Cancelled")
    clinic.pump()
    clinic.edit(appointment, status="Confirmed")
    clinic.settle()
    assert len(clinic.of("oncall", "appointments")) == visits
    assert visit_of(clinic, visit)["cancelled"] is True
    assert clinic.attention() == attention
    clinic.catch_up()
    assert len(clinic.of("oncall", "appointments")) == visits
    assert clinic.attention() == attention


def test_cancelled_in_oncall_and_opened_again_in_the_record(clinic: Clinic) -> None:
    appointment, visit = linked(clinic)
    clinic.change_visit(visit, cancelled=True)
    clinic.pump()
    clinic.edit(appointment, status="Confirmed")
    clinic.pump()
    (new,) = clinic.visits()
    assert new["id"] != visit
    assert clinic.appointment(appointment)["status"] == "Confirmed"


def test_an_end_that_was_only_noted_and_taken_back_goes_on(clinic: Clinic) -> None:
    """No Show by mistake: OnCall was never told, so the same visit goes on, address and all."""
    appointment, visit = linked(clinic)
    clinic.edit(appointment, status="No Show")
    clinic.pump()
    clinic.edit_patient(clinic.patient, first_name="Veronika")
    clinic.pump()
    clinic.edit(appointment, status="Confirmed")
    clinic.pump()
    assert [p["first_name"] for p in clinic.visits()[0]["participants"]] == ["Veronika"]
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=17))
    clinic.edit_patient(clinic.patient, email="vera.new@mail.example")
    clinic.settle()
    (now,) = clinic.visits()
    assert now["id"] == visit
    assert now["datetime"] == f"{utc(days=3, hour=17):%Y-%m-%dT%H:%M:%SZ}"
    assert [p["email"] for p in now["participants"]] == ["vera.new@mail.example"]
