"""Serve DrChrono's appointments: one rule of docs/api-facts.md a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller
    from tests.support.sandbox_client import Sandbox

NEW: dict[str, Any] = {
    "doctor": 201,
    "office": 301,
    "exam_room": 1,
    "patient": 7001,
    "duration": 30,
    # A Sunday, years ahead: the seed books weekdays of the next two weeks.
    "scheduled_time": "2031-06-01T10:00:00",
}


def book(dc: Caller, **changes: Any) -> Any:
    answer = dc("POST", "/api/appointments", {**NEW, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_post_answers_201_with_the_object_and_the_documented_value_forms(dc: Caller) -> None:
    row = book(dc, reason="Follow-up")
    assert isinstance(row["id"], str)
    assert row["id"].isdigit()
    assert (row["doctor"], row["office"], row["patient"]) == (201, 301, 7001)
    assert row["status"] == ""
    assert row["scheduled_time"] == "2031-06-01T10:00:00"
    assert row["notes"] == ""
    assert row["profile"] is None
    assert row["deleted_flag"] is False
    assert row["appt_is_break"] is False


def test_a_post_of_a_list_creates_all_or_none(dc: Caller, sandbox: Sandbox) -> None:
    later = {**NEW, "scheduled_time": "2031-06-01T11:00:00"}
    made = dc("POST", "/api/appointments", [NEW, later])
    assert made.status_code == 201
    assert [row["scheduled_time"] for row in made.json()] == [
        "2031-06-01T10:00:00",
        "2031-06-01T11:00:00",
    ]
    before = len(sandbox.state("drchrono")["objects"]["appointments"])
    third = {**NEW, "scheduled_time": "2031-06-01T12:00:00"}
    assert dc("POST", "/api/appointments", [third, {**NEW, "patient": None}]).status_code == 400
    assert len(sandbox.state("drchrono")["objects"]["appointments"]) == before


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_change_answers_204_without_a_body(dc: Caller, method: str) -> None:
    row = book(dc)
    body = {"notes": "x"} if method == "PATCH" else {**NEW, "notes": "x"}
    answer = dc(method, f"/api/appointments/{row['id']}", body)
    assert (answer.status_code, answer.content) == (204, b"")
    assert dc("GET", f"/api/appointments/{row['id']}").json()["notes"] == "x"


def test_a_put_sets_what_is_not_sent_back_to_its_default(dc: Caller) -> None:
    row = book(dc, reason="Follow-up", notes="bring papers")
    dc("PUT", f"/api/appointments/{row['id']}", NEW)
    after = dc("GET", f"/api/appointments/{row['id']}").json()
    assert (after["reason"], after["notes"]) == ("", "")


@pytest.mark.parametrize("field", ["doctor", "office", "exam_room", "patient", "scheduled_time"])
def test_required_fields(dc: Caller, field: str) -> None:
    body = {key: value for key, value in NEW.items() if key != field}
    answer = dc("POST", "/api/appointments", body)
    assert answer.status_code == 400
    assert answer.json() == {field: ["This field is required."]}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reason": "x" * 101}, "reason"),
        ({"status": "Scheduled"}, "status"),
        ({"patient": None}, "patient"),
        ({"patient": 1}, "patient"),
        ({"doctor": "nobody"}, "doctor"),
        ({"exam_room": 4}, "exam_room"),
        ({"exam_room": 0}, "exam_room"),
        ({"scheduled_time": "soon"}, "scheduled_time"),
        ({"scheduled_time": "0001-01-01T00:00:00Z"}, "scheduled_time"),
        ({"duration": 10**25}, "duration"),
        ({"profile": 1}, "profile"),
        ({"custom_fields": [{"field_type": 1, "field_value": "x"}]}, "custom_fields"),
    ],
)
def test_what_is_refused_with_400(dc: Caller, changes: dict[str, Any], field: str) -> None:
    answer = dc("POST", "/api/appointments", {**NEW, **changes})
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert isinstance(answer.json()[field][0], str)


def test_a_reason_of_100_characters_is_taken(dc: Caller) -> None:
    assert book(dc, reason="x" * 100)["reason"] == "x" * 100


def test_duration_is_optional_with_a_profile_which_sets_defaults(dc: Caller) -> None:
    body = {key: value for key, value in NEW.items() if key != "duration"}
    assert dc("POST", "/api/appointments", body).status_code == 400
    row = dc("POST", "/api/appointments", {**body, "profile": 402}).json()
    assert (row["duration"], row["color"], row["reason"]) == (15, "#33AA77", "Phone Consult")
    mine = {**body, "profile": 402, "duration": 45, "scheduled_time": "2031-06-01T14:00:00"}
    assert dc("POST", "/api/appointments", mine).json()["duration"] == 45


@pytest.mark.parametrize(
    "status",
    ["Checked In Online", "Not Confirmed", "In Session", "Ready for Video"],
)
def test_statuses_are_an_open_set(dc: Caller, status: str) -> None:
    row = book(dc)
    answer = dc("PATCH", f"/api/appointments/{row['id']}", {"status": status})
    assert answer.status_code == 204
    assert dc("GET", f"/api/appointments/{row['id']}").json()["status"] == status


def test_status_changes_are_recorded_and_shown_verbose_only(dc: Caller) -> None:
    row = book(dc)
    dc("PATCH", f"/api/appointments/{row['id']}", {"status": "Confirmed"})
    dc("PATCH", f"/api/appointments/{row['id']}", {"status": "Cancelled"})
    path = f"/api/appointments/{row['id']}"
    moves = dc("GET", f"{path}?verbose=true").json()["status_transitions"]
    assert [(one["from_status"], one["to_status"]) for one in moves] == [
        ("", "Confirmed"),
        ("Confirmed", "Cancelled"),
    ]
    assert "status_transitions" not in dc("GET", path).json()


def test_read_only_keys_are_ignored(dc: Caller) -> None:
    row = book(dc)
    body = {"id": "5", "created_at": "2000-01-01T00:00:00", "deleted_flag": True}
    assert dc("PATCH", f"/api/appointments/{row['id']}", body).status_code == 204
    after = dc("GET", f"/api/appointments/{row['id']}").json()
    assert (after["id"], after["created_at"]) == (row["id"], row["created_at"])
    assert after["deleted_flag"] is False


def test_updated_at_is_naive_not_utc_and_strictly_increasing(dc: Caller, sandbox: Sandbox) -> None:
    row = book(dc)
    revisions = [row["updated_at"]]
    for note in ("a", "b", "c"):
        dc("PATCH", f"/api/appointments/{row['id']}", {"notes": note})
        revisions.append(dc("GET", f"/api/appointments/{row['id']}").json()["updated_at"])
    assert revisions == sorted(set(revisions))
    assert all(len(revision) == len("2014-02-24T15:32:19") for revision in revisions)
    assert revisions[0] < sandbox.state("drchrono")["now"][:19]


def test_a_time_with_a_zone_is_moved_to_the_doctors_wall_clock(dc: Caller) -> None:
    # 201 is in US/Eastern: four hours behind UTC on 1 June.
    assert book(dc, scheduled_time="2031-06-01T14:00:00Z")["scheduled_time"] == (
        "2031-06-01T10:00:00"
    )


class TestOverlap:
    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({}, 409),
            ({"scheduled_time": "2031-06-01T10:29:00"}, 409),
            ({"scheduled_time": "2031-06-01T09:31:00"}, 409),
            ({"scheduled_time": "2031-06-01T10:30:00"}, 201),
            ({"exam_room": 2}, 201),
            ({"doctor": 202}, 201),
            ({"allow_overlapping": True}, 201),
        ],
    )
    def test_same_doctor_office_room_and_time(
        self, dc: Caller, changes: dict[str, Any], status: int
    ) -> None:
        first = book(dc)
        answer = dc("POST", "/api/appointments", {**NEW, "patient": 7002, **changes})
        assert answer.status_code == status
        if status == 409:
            assert answer.json() == {"detail": f"Appointment overlaps with {first['id']}"}

    @pytest.mark.parametrize("status", ["Cancelled", "No Show", "Rescheduled"])
    def test_these_statuses_free_the_slot(self, dc: Caller, status: str) -> None:
        first = book(dc)
        dc("PATCH", f"/api/appointments/{first['id']}", {"status": status})
        assert dc("POST", "/api/appointments", {**NEW, "patient": 7002}).status_code == 201

    def test_deleted_ones_free_the_slot(self, dc: Caller) -> None:
        dc("DELETE", f"/api/appointments/{book(dc)['id']}")
        assert dc("POST", "/api/appointments", NEW).status_code == 201

    @pytest.mark.parametrize("method", ["PATCH", "PUT"])
    def test_moving_into_a_taken_slot(self, dc: Caller, method: str) -> None:
        first = book(dc)
        second = book(dc, scheduled_time="2031-06-01T12:00:00")
        answer = dc(method, f"/api/appointments/{second['id']}", NEW)
        assert answer.status_code == 409
        assert answer.json() == {"detail": f"Appointment overlaps with {first['id']}"}
        kept = dc("GET", f"/api/appointments/{second['id']}").json()
        assert kept["scheduled_time"] == "2031-06-01T12:00:00"

    def test_reviving_into_a_taken_slot(self, dc: Caller) -> None:
        first = book(dc)
        dc("PATCH", f"/api/appointments/{first['id']}", {"status": "Cancelled"})
        book(dc, patient=7002)
        answer = dc("PATCH", f"/api/appointments/{first['id']}", {"status": "Confirmed"})
        assert answer.status_code == 409

    @pytest.mark.parametrize(("strict", "status"), [(False, 204), (True, 409)])
    def test_a_patch_that_moves_nothing_while_overlapping(
        self, sandbox: Sandbox, dc: Caller, *, strict: bool, status: int
    ) -> None:
        first = book(dc)
        book(dc, patient=7002, allow_overlapping=True)
        sandbox.behaviours("drchrono", overlap_on_any_patch=strict)
        answer = dc("PATCH", f"/api/appointments/{first['id']}", {"notes": "x"})
        assert answer.status_code == status


class TestDelete:
    @pytest.mark.parametrize("behaviour", ["404", "flagged"])
    def test_what_a_get_says_afterwards(self, sandbox: Sandbox, dc: Caller, behaviour: str) -> None:
        sandbox.behaviours("drchrono", delete_get=behaviour)
        row = book(dc)
        gone = dc("DELETE", f"/api/appointments/{row['id']}")
        assert (gone.status_code, gone.content) == (204, b"")
        after = dc("GET", f"/api/appointments/{row['id']}")
        if behaviour == "404":
            assert after.status_code == 404
        else:
            assert after.status_code == 200
            assert after.json()["deleted_flag"] is True

    def test_deleting_again_is_404(self, dc: Caller) -> None:
        row = book(dc)
        dc("DELETE", f"/api/appointments/{row['id']}")
        assert dc("DELETE", f"/api/appointments/{row['id']}").status_code == 404
        assert dc("PATCH", f"/api/appointments/{row['id']}", {}).status_code == 404


class TestCustomFields:
    @pytest.fixture
    def kinds(self, dc: Caller) -> list[int]:
        made = [
            dc("POST", "/api/custom_appointment_fields", {"doctor": 201, "field_name": name})
            for name in ("Visit link", "Other")
        ]
        assert [answer.status_code for answer in made] == [201, 201]
        return [answer.json()["id"] for answer in made]

    def test_they_show_with_verbose_only(self, dc: Caller, kinds: list[int]) -> None:
        row = book(dc, custom_fields=[{"field_type": kinds[0], "field_value": "a"}])
        path = f"/api/appointments/{row['id']}"
        assert "custom_fields" not in dc("GET", path).json()
        shown = dc("GET", f"{path}?verbose=true").json()["custom_fields"]
        assert [(one["field_type"], one["field_value"]) for one in shown] == [(kinds[0], "a")]

    @pytest.mark.parametrize(("behaviour", "left"), [("merge", {"a", "new"}), ("replace", {"new"})])
    def test_patch_merges_or_replaces(
        self, sandbox: Sandbox, dc: Caller, kinds: list[int], behaviour: str, left: set[str]
    ) -> None:
        sandbox.behaviours("drchrono", custom_fields_patch=behaviour)
        row = book(dc, custom_fields=[{"field_type": kinds[0], "field_value": "a"}])
        path = f"/api/appointments/{row['id']}"
        new = {"custom_fields": [{"field_type": kinds[1], "field_value": "new"}]}
        assert dc("PATCH", path, new).status_code == 204
        shown = dc("GET", f"{path}?verbose=true").json()["custom_fields"]
        assert {one["field_value"] for one in shown} == left


class TestOnlyStaff:
    def test_breaks_have_no_patient_and_room_0(self, sandbox: Sandbox, dc: Caller) -> None:
        pause = {**NEW, "patient": None, "appt_is_break": True, "exam_room": 0}
        made = sandbox.staff_drchrono("POST", "/api/appointments", pause)
        assert made.status_code == 201
        shown = dc("GET", f"/api/appointments/{made.json()['id']}").json()
        assert (shown["patient"], shown["exam_room"], shown["appt_is_break"]) == (None, 0, True)

    def test_the_app_cant_make_a_break_or_a_clone(self, dc: Caller) -> None:
        pause = {**NEW, "patient": None, "appt_is_break": True, "exam_room": 0}
        assert dc("POST", "/api/appointments", pause).status_code == 400
        assert book(dc, cloned_from=90001)["cloned_from"] is None

    @pytest.mark.parametrize("order", ["clone_first", "original_first"])
    def test_rescheduling_makes_a_clone(self, sandbox: Sandbox, dc: Caller, order: str) -> None:
        row = book(dc)
        body = {"id": row["id"], "scheduled_time": "2031-06-02T09:00:00", "order": order}
        clone = sandbox.control("drchrono", "clone", body)
        assert clone["cloned_from"] == int(row["id"])
        assert clone["scheduled_time"] == "2031-06-02T09:00:00"
        assert clone["status"] == ""
        after = dc("GET", f"/api/appointments/{row['id']}").json()
        assert after["status"] == "Rescheduled"
        assert (clone["updated_at"] < after["updated_at"]) == (order == "clone_first")

    def test_the_note_is_locked_and_shown_verbose(self, sandbox: Sandbox, dc: Caller) -> None:
        row = book(dc)
        path = f"/api/appointments/{row['id']}"
        sandbox.staff_drchrono("PATCH", path, {"clinical_note": {"locked": True}})
        assert dc("GET", f"{path}?verbose=true").json()["clinical_note"]["locked"] is True
        assert "clinical_note" not in dc("GET", path).json()


def test_is_telehealth_is_shown_by_some_accounts_only(sandbox: Sandbox, dc: Caller) -> None:
    video = book(dc, profile=401)
    path = f"/api/appointments/{video['id']}"
    assert "is_telehealth" not in dc("GET", path).json()
    sandbox.behaviours("drchrono", is_telehealth=True)
    assert dc("GET", path).json()["is_telehealth"] is True


def test_telehealth_appointments_have_a_url_and_are_read_only(dc: Caller) -> None:
    video = book(dc, profile=401)
    listed = dc("GET", f"/api/telehealth_appointments?appointment={video['id']}").json()["results"]
    assert [one["appointment"] for one in listed] == [int(video["id"])]
    assert listed[0]["telehealth_url"].startswith("https://")
    assert dc("POST", "/api/telehealth_appointments", {}).status_code == 405


def test_unknown_ids_and_trailing_slashes_are_404(dc: Caller) -> None:
    assert dc("GET", "/api/appointments/1").status_code == 404
    assert dc("GET", "/api/appointments/90001/").status_code == 404
    assert dc("GET", "/api/nothing").status_code == 404


def test_broken_json_is_400_and_a_form_is_taken(dc: Caller) -> None:
    broken = dc("POST", "/api/appointments", data="{", headers={"Content-Type": "application/json"})
    assert broken.status_code == 400
    assert "detail" in broken.json()
    form = {key: str(value) for key, value in NEW.items()}
    assert dc("POST", "/api/appointments", data=form).json()["doctor"] == 201
