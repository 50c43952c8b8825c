"""Both remotes' webhooks: their bodies and headers, and how deliveries go wrong."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.conftest import SECRET
from tests.sandbox.test_drchrono_appointments import NEW, book
from tests.sandbox.test_oncall_appointments import VISIT, invite
from tests.support.sandbox_client import REMOTES

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller, Receiver
    from tests.support.sandbox_client import Sandbox


class TestHandshake:
    def test_the_right_answer_verifies(self, sandbox: Sandbox, receiver: Receiver) -> None:
        body = {"callback_url": receiver.url, "secret_token": SECRET}
        assert sandbox.control("drchrono", "webhook", body)["verified"] is True

    def test_another_secret_does_not_and_nothing_is_delivered(
        self, sandbox: Sandbox, receiver: Receiver, dc: Caller
    ) -> None:
        body = {"callback_url": receiver.url, "secret_token": "another"}
        answer = sandbox.control("drchrono", "webhook", body)
        assert answer["verified"] is False
        assert "HMAC" in answer["detail"]
        book(dc)
        sandbox.wait_idle()
        assert receiver.all() == []

    def test_a_silent_callback_does_not(self, sandbox: Sandbox) -> None:
        body = {"callback_url": "http://127.0.0.1:9/", "secret_token": SECRET}
        answer = sandbox.control("drchrono", "webhook", body)
        assert answer["verified"] is False
        assert "could not be asked" in answer["detail"]


class TestDrChrono:
    def test_headers_and_body(self, hooked: Receiver, dc: Caller) -> None:
        row = book(dc)
        got = hooked.next()
        assert got.headers["X-drchrono-event"] == "APPOINTMENT_CREATE"
        # The secret in clear, not an HMAC of the body.
        assert got.headers["X-drchrono-signature"] == SECRET
        assert got.headers["X-drchrono-delivery"]
        assert set(got.body) == {"receiver", "object", "practice_group_id"}
        assert got.body["practice_group_id"] == 4242
        assert got.body["receiver"]["secret_token"] == SECRET
        assert {*("id", "name", "api_app", "owning_doctor_id", "active", "verified")} < set(
            got.body["receiver"]
        )
        shown = got.body["object"]
        assert shown["id"] == row["id"]
        assert {"doctor", "office", "patient", "updated_at"} < set(shown)
        assert not {"custom_fields", "vitals", "status_transitions"} & set(shown)

    @pytest.mark.parametrize("app", [True, False])
    def test_every_write_is_told_our_own_too(
        self, sandbox: Sandbox, hooked: Receiver, dc: Caller, *, app: bool
    ) -> None:
        send: Any = dc if app else sandbox.staff_drchrono
        row = send("POST", "/api/appointments", NEW).json()
        send("PATCH", f"/api/appointments/{row['id']}", {"notes": "x"})
        send("DELETE", f"/api/appointments/{row['id']}")
        patient = send("POST", "/api/patients", {"doctor": 201, "gender": "UNK"}).json()
        send("PATCH", f"/api/patients/{patient['id']}", {"first_name": "A"})
        sandbox.wait_idle()
        assert [got.headers["X-drchrono-event"] for got in hooked.all()] == [
            "APPOINTMENT_CREATE",
            "APPOINTMENT_MODIFY",
            "APPOINTMENT_DELETE",
            "PATIENT_CREATE",
            "PATIENT_MODIFY",
        ]

    def test_delete_comes_without_doctor_office_and_patient(
        self, hooked: Receiver, dc: Caller
    ) -> None:
        row = book(dc, status="Confirmed")
        hooked.next()
        dc("DELETE", f"/api/appointments/{row['id']}")
        shown = hooked.next().body["object"]
        assert not {"doctor", "office", "patient"} & set(shown)
        assert (shown["id"], shown["deleted_flag"]) == (row["id"], True)
        assert shown["status"] == "Confirmed"

    def test_a_patient_carries_custom_demographics(self, hooked: Receiver, dc: Caller) -> None:
        dc("PATCH", "/api/patients/7001", {"first_name": "Janet"})
        shown = hooked.next().body["object"]
        assert (shown["id"], shown["custom_demographics"]) == (7001, [])
        assert "primary_insurance" not in shown

    @pytest.mark.parametrize(
        ("locked", "event"), [(True, "CLINICAL_NOTE_LOCK"), (False, "CLINICAL_NOTE_UNLOCK")]
    )
    def test_clinical_notes(
        self, sandbox: Sandbox, hooked: Receiver, dc: Caller, *, locked: bool, event: str
    ) -> None:
        path = f"/api/appointments/{book(dc)['id']}"
        if not locked:
            sandbox.staff_drchrono("PATCH", path, {"clinical_note": {"locked": True}})
        sandbox.wait_idle()
        hooked.all()
        sandbox.staff_drchrono("PATCH", path, {"clinical_note": {"locked": locked}})
        sandbox.wait_idle()
        events = [got.headers["X-drchrono-event"] for got in hooked.all()]
        assert events == ["APPOINTMENT_MODIFY", event]

    def test_only_the_events_registered(
        self, sandbox: Sandbox, receiver: Receiver, dc: Caller
    ) -> None:
        body = {
            "callback_url": receiver.url,
            "secret_token": SECRET,
            "events": ["APPOINTMENT_MODIFY"],
        }
        assert sandbox.control("drchrono", "webhook", body)["verified"]
        row = book(dc)
        dc("PATCH", f"/api/appointments/{row['id']}", {"notes": "x"})
        sandbox.wait_idle()
        events = [got.headers["X-drchrono-event"] for got in receiver.all()]
        assert events == ["APPOINTMENT_MODIFY"]

    @pytest.mark.parametrize("signed", [True, False])
    def test_ping(self, sandbox: Sandbox, hooked: Receiver, *, signed: bool) -> None:
        sandbox.control("drchrono", "ping", {"signed": signed})
        got = hooked.next()
        assert got.headers["X-drchrono-event"] == "PING"
        assert got.headers.get("X-drchrono-signature") == (SECRET if signed else None)
        assert (got.raw == b"") is not signed

    @pytest.mark.parametrize("keeps", [True, False])
    def test_redelivery(
        self, sandbox: Sandbox, hooked: Receiver, dc: Caller, *, keeps: bool
    ) -> None:
        sandbox.behaviours("drchrono", redelivery_keeps_id=keeps)
        book(dc)
        first = hooked.next()
        sandbox.wait_idle()
        delivery = first.headers["X-drchrono-delivery"]
        sandbox.control("drchrono", "redeliver", {"delivery": delivery})
        again = hooked.next()
        assert again.raw == first.raw
        assert (again.headers["X-drchrono-delivery"] == delivery) is keeps

    def test_failures_are_retried_after_1_3_and_7_hours(
        self, sandbox: Sandbox, hooked: Receiver, dc: Caller
    ) -> None:
        hooked.status = 302
        started = datetime.fromisoformat(sandbox.state("drchrono")["now"]).timestamp()
        book(dc)
        for hours in (1, 3, 7):
            hooked.next()
            sandbox.wait_idle()
            [waiting] = sandbox.webhooks("drchrono")["retries"]
            assert started <= waiting["due"] - hours * 3600 <= started + 60
            sandbox.control("drchrono", "time", {"offset_seconds": hours * 3600 + 1})
        hooked.next()
        sandbox.wait_idle()
        told = sandbox.webhooks("drchrono")
        assert [line["status"] for line in told["deliveries"]] == [302, 302, 302, 302]
        assert told["retries"] == []

    def test_practice_group_id_by_switch(
        self, sandbox: Sandbox, hooked: Receiver, dc: Caller
    ) -> None:
        sandbox.behaviours("drchrono", practice_group_id=False)
        book(dc)
        assert "practice_group_id" not in hooked.next().body

    def test_a_virtual_occurrence_that_becomes_real_is_created(
        self, sandbox: Sandbox, hooked: Receiver
    ) -> None:
        series = {
            **NEW,
            "recurring_appointment": True,
            "recurring_days": ["Monday"],
            "recur_start_date": "2031-06-02",
        }
        base = sandbox.staff_drchrono("POST", "/api/appointments", series).json()["id"]
        hooked.next()
        real = sandbox.control("drchrono", "materialise", {"id": f"2031-06-02_{base}"})
        got = hooked.next()
        assert got.headers["X-drchrono-event"] == "APPOINTMENT_CREATE"
        assert got.body["object"]["id"] == real["id"]


class TestOnCall:
    def test_exactly_event_and_url(self, hooked: Receiver, oc: Caller) -> None:
        number = invite(oc)["url"].rstrip("/").rpartition("/")[2]
        assert hooked.next().body == {
            "event": "appointment_created",
            "url": f"https://api.oncallhealth.com/appointments/{number}",
        }

    def test_updates_and_participants(self, sandbox: Sandbox, hooked: Receiver, oc: Caller) -> None:
        visit = invite(oc)
        oc("PATCH", visit["url"], {"title": "New"})
        oc("PATCH", visit["participants"][0]["url"], {"fee": 5})
        sandbox.wait_idle()
        events = [got.body["event"] for got in hooked.all()]
        assert events == ["appointment_created", "appointment_updated", "appointment_updated"]

    @pytest.mark.parametrize(("on", "count"), [(True, 3), (False, 2)])
    def test_the_apis_own_writes_by_switch(
        self, sandbox: Sandbox, hooked: Receiver, oc: Caller, *, on: bool, count: int
    ) -> None:
        sandbox.behaviours("oncall", webhooks_for_api=on)
        path = "/appointments/5001/"
        oc("PATCH", path, {"title": "a"})
        sandbox.staff_oncall("PATCH", path, {"title": "b"})
        sandbox.patient_oncall("PATCH", path, {"title": "c"})
        sandbox.wait_idle()
        assert len(hooked.all()) == count

    def test_contacts_have_none(self, sandbox: Sandbox, hooked: Receiver, oc: Caller) -> None:
        oc("PATCH", "/contacts/313001/", {"notes": "x"})
        sandbox.wait_idle()
        assert hooked.all() == []

    def test_basic_credentials(self, sandbox: Sandbox, receiver: Receiver, oc: Caller) -> None:
        sandbox.register_webhooks(oncall=receiver.url, basic=("user", "pass"))
        oc("POST", "/appointments/", VISIT)
        wanted = "Basic " + base64.b64encode(b"user:pass").decode()
        assert receiver.next().headers["Authorization"] == wanted

    def test_a_failure_is_not_retried(self, sandbox: Sandbox, hooked: Receiver, oc: Caller) -> None:
        hooked.status = 500
        invite(oc)
        sandbox.wait_idle()
        assert len(hooked.all()) == 1
        assert sandbox.webhooks("oncall")["retries"] == []


class TestModes:
    def notes(self, sandbox: Sandbox, hooked: Receiver) -> list[str]:
        sandbox.wait_idle()
        return [got.body["object"]["notes"] for got in hooked.all()]

    def write(self, dc: Caller, *notes: str) -> None:
        for note in notes:
            assert dc("PATCH", "/api/appointments/90001", {"notes": note}).status_code == 204

    def test_drop(self, sandbox: Sandbox, hooked: Receiver, dc: Caller) -> None:
        sandbox.faults("drchrono", webhooks={"mode": "drop", "times": 1})
        self.write(dc, "a", "b")
        assert self.notes(sandbox, hooked) == ["b"]
        assert sandbox.webhooks("drchrono")["deliveries"][0]["status"] is None

    @pytest.mark.parametrize(
        ("order", "expected"), [("forward", ["a", "b"]), ("reverse", ["b", "a"])]
    )
    def test_hold_and_release(
        self, sandbox: Sandbox, hooked: Receiver, dc: Caller, order: str, expected: list[str]
    ) -> None:
        sandbox.faults("drchrono", webhooks={"mode": "hold"})
        self.write(dc, "a", "b")
        assert self.notes(sandbox, hooked) == []
        assert len(sandbox.webhooks("drchrono")["held"]) == 2
        sandbox.control("drchrono", "release", {"order": order})
        assert self.notes(sandbox, hooked) == expected

    @pytest.mark.usefixtures("hooked")
    def test_who_waits_for_both_hears_who_is_busy(self, sandbox: Sandbox) -> None:
        sandbox.faults("oncall", webhooks={"mode": "delay", "seconds": 3000, "times": 1})
        sandbox.staff_oncall("PATCH", "/appointments/5001/", {"title": "b"})
        asked = {"webhooks_idle": 1, "timeout": 0}
        for remote in REMOTES:
            both = sandbox.read(remote, "wait", both=1, **asked)
            assert both == {"idle": False, "busy": ["oncall"]}
        assert sandbox.read("drchrono", "wait", **asked)["idle"]

    def test_delay(self, sandbox: Sandbox, hooked: Receiver, dc: Caller) -> None:
        sandbox.faults("drchrono", webhooks={"mode": "delay", "seconds": 3000, "times": 1})
        self.write(dc, "a", "b")
        assert hooked.next().body["object"]["notes"] == "b"
        assert hooked.inbox.empty()
        sandbox.control("drchrono", "time", {"offset_seconds": 3001})
        assert hooked.next().body["object"]["notes"] == "a"

    def test_duplicate(self, sandbox: Sandbox, hooked: Receiver, dc: Caller) -> None:
        sandbox.faults("drchrono", webhooks={"mode": "duplicate", "times": 1})
        self.write(dc, "a", "b")
        sandbox.wait_idle()
        got = hooked.all()
        assert [one.body["object"]["notes"] for one in got] == ["a", "a", "b"]
        ids = [one.headers["X-drchrono-delivery"] for one in got]
        assert (ids[0] == ids[1], ids[0] == ids[2]) == (True, False)

    def test_reorder(self, sandbox: Sandbox, hooked: Receiver, dc: Caller) -> None:
        sandbox.faults("drchrono", webhooks={"mode": "reorder", "times": 2, "seconds": 5})
        self.write(dc, "a", "b", "c")
        assert self.notes(sandbox, hooked) == ["b", "a", "c"]

    def test_reorder_of_a_single_one_ends(
        self, sandbox: Sandbox, hooked: Receiver, dc: Caller
    ) -> None:
        sandbox.faults("drchrono", webhooks={"mode": "reorder", "times": 1, "seconds": 0.1})
        self.write(dc, "a")
        assert self.notes(sandbox, hooked) == ["a"]

    def test_echoes_may_be_late(self, sandbox: Sandbox, hooked: Receiver, dc: Caller) -> None:
        sandbox.behaviours("drchrono", echo_delay_seconds=0.3)
        self.write(dc, "a")
        assert sandbox.webhooks("drchrono")["pending"] == 1
        assert self.notes(sandbox, hooked) == ["a"]
