"""The control API, the seeded world, and starting and stopping the process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.sandbox_client import REMOTES, ROOT, STOP_SECONDS, Sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.conftest import Caller, Receiver


def refused(sandbox: Sandbox, remote: str, name: str, body: Any) -> str:
    answer = sandbox.session.post(f"{sandbox.url(remote)}/_sandbox/{name}", json=body, timeout=5)
    assert answer.status_code == 400, answer.text
    return str(answer.json()["error"])


class TestWorld:
    def test_the_clinic(self, sandbox: Sandbox) -> None:
        state = sandbox.state("drchrono")
        objects = state["objects"]
        assert len(objects["doctors"]) == 3
        assert len(objects["offices"]) == 2
        assert len(objects["patients"]) == 40
        assert len(objects["appointments"]) == 60
        assert len({row["email"] for row in objects["patients"]} - {""}) == 35
        assert sum(row["email"] == "" for row in objects["patients"]) == 2
        assert sum(row["date_of_birth"] is None for row in objects["patients"]) == 3
        assert {row["name"] for row in objects["appointment_profiles"]} == {
            "Telehealth",
            "Phone Consult",
            "Office Visit",
        }
        assert all(row["custom_fields"] == [] for row in objects["appointments"])

    def test_the_appointments_are_coming_weekday_ones_without_overlap(
        self, sandbox: Sandbox
    ) -> None:
        state = sandbox.state("drchrono")
        today = date.fromisoformat(state["now"][:10])
        busy: dict[int, list[tuple[datetime, datetime]]] = {}
        for row in state["objects"]["appointments"]:
            start = datetime.fromisoformat(row["scheduled_time"])
            assert today < start.date() <= today + timedelta(days=14)
            assert start.weekday() < 5
            end = start + timedelta(minutes=row["duration"])
            busy.setdefault(row["doctor"], []).append((start, end))
        for spans in busy.values():
            for (_, end), (start, _) in pairwise(sorted(spans)):
                assert end <= start

    def test_what_both_sides_know_agrees_and_carries_no_marker(self, sandbox: Sandbox) -> None:
        drchrono = sandbox.state("drchrono")["objects"]
        oncall = sandbox.state("oncall")["objects"]
        assert (len(oncall["contacts"]), len(oncall["appointments"])) == (12, 8)
        people = {row["email"]: row for row in drchrono["patients"]}
        for contact in oncall["contacts"]:
            patient = people[contact["email"]]
            assert contact["date_of_birth"] == patient["date_of_birth"]
            assert contact["last_name"] == patient["last_name"]
            assert contact["custom_field_values"] == {}
        zones = {row["id"]: row["timezone"] for row in drchrono["doctors"]}
        slots = set()
        for row in drchrono["appointments"]:
            wall = datetime.fromisoformat(row["scheduled_time"])
            start = wall.replace(tzinfo=ZoneInfo(zones[row["doctor"]])).astimezone(UTC)
            slots.add((start.strftime("%Y-%m-%dT%H:%M:%SZ"), row["patient"], row["duration"]))
        for visit in oncall["appointments"]:
            patient = people[visit["participants"][0]["email"]]
            assert (visit["datetime"], patient["id"], visit["duration"]) in slots
            assert visit["metadata"] is None

    def test_it_depends_on_the_seed_number_alone(self, sandbox: Sandbox) -> None:
        def times() -> Any:
            rows = sandbox.state("drchrono")["objects"]["appointments"]
            return [(row["id"], row["scheduled_time"], row["patient"]) for row in rows]

        first = times()
        sandbox.reset(number=2)
        assert times() != first
        sandbox.reset(number=1)
        assert times() == first

    def test_empty_has_a_clinic_but_nobody_in_it(self, sandbox: Sandbox) -> None:
        sandbox.reset(seed="empty")
        drchrono = sandbox.state("drchrono")["objects"]
        oncall = sandbox.state("oncall")["objects"]
        assert (drchrono["patients"], drchrono["appointments"]) == ([], [])
        assert (oncall["contacts"], oncall["appointments"]) == ([], [])
        assert (len(drchrono["doctors"]), len(oncall["providers"])) == (3, 3)
        assert len(oncall["divisions"]) == 2

    def test_a_practice_of_as_many_doctors_as_asked_for(self, sandbox: Sandbox) -> None:
        for remote in REMOTES:
            sandbox.control(remote, "reset", {"doctors": 6})
        drchrono = sandbox.state("drchrono")["objects"]
        oncall = sandbox.state("oncall")["objects"]
        assert (len(drchrono["doctors"]), len(drchrono["offices"])) == (6, 2)
        assert (len(oncall["providers"]), len(oncall["divisions"])) == (6, 2)
        # Five weekdays with 6 visits and five with 2, each with 4 visits at the office besides.
        assert len(drchrono["appointments"]) == 6 * 5 * (6 + 4 + 2 + 4)
        assert len(oncall["appointments"]) == 6 * 5 * (6 + 2)
        assert len(drchrono["patients"]) == len({p["email"] for p in drchrono["patients"]}) == 240
        assert len(oncall["contacts"]) == 240
        starts = [(row["doctor"], row["scheduled_time"]) for row in drchrono["appointments"]]
        assert len(set(starts)) == len(starts)

    def test_the_doctors_are_few_enough_for_their_ids(self, sandbox: Sandbox) -> None:
        assert refused(sandbox, "oncall", "reset", {"doctors": 91}) == "doctors is from 1 to 90"
        assert refused(sandbox, "oncall", "reset", {"doctors": 0}) == "doctors is from 1 to 90"


class TestReset:
    def test_nothing_of_the_old_world_is_left(
        self, sandbox: Sandbox, hooked: Receiver, dc: Caller
    ) -> None:
        sandbox.behaviours("drchrono", page_size=5)
        sandbox.faults("drchrono", {"do": "status"}, webhooks={"mode": "hold"})
        sandbox.staff_drchrono("PATCH", "/api/appointments/90001", {"notes": "x"})
        sandbox.reset()
        state = sandbox.state("drchrono")
        assert state["behaviours"]["page_size"] == 20
        assert state["faults"] == []
        assert state["webhook"] is None
        assert sandbox.calls("drchrono", actor=None) == []
        assert sandbox.webhooks("drchrono")["held"] == []
        assert dc("GET", "/api/doctors").status_code == 401
        assert hooked.all() == []

    def test_a_saved_world_comes_back_as_it_was(self, sandbox: Sandbox, dc: Caller) -> None:
        sandbox.behaviours("drchrono", page_size=5)
        sandbox.save("before")
        before = sandbox.state("drchrono")["objects"]
        sandbox.staff_drchrono("PATCH", "/api/appointments/90001", {"notes": "x"})
        sandbox.staff_oncall("PATCH", "/appointments/5001/", {"title": "x"})
        sandbox.behaviours("drchrono", page_size=7)
        sandbox.faults("drchrono", {"do": "status"})
        sandbox.restore("before")
        state = sandbox.state("drchrono")
        assert state["objects"] == before
        assert state["behaviours"]["page_size"] == 5
        assert state["faults"] == []
        assert sandbox.mails() == []
        assert dc("GET", "/api/doctors").status_code == 200

    def test_webhooks_can_be_kept(self, sandbox: Sandbox, hooked: Receiver) -> None:
        sandbox.reset(keep_webhooks=True)
        sandbox.staff_drchrono("PATCH", "/api/appointments/90001", {"notes": "x"})
        sandbox.staff_oncall("PATCH", "/appointments/5001/", {"title": "x"})
        hooked.next()
        hooked.next()
        assert sandbox.state("drchrono")["webhook"]["callback_url"] == hooked.url


class TestCalls:
    def test_each_call_is_noted_with_its_actor(self, sandbox: Sandbox, dc: Caller) -> None:
        dc("GET", "/api/doctors?page_size=1")
        sandbox.staff_drchrono("GET", "/api/nothing")
        listed = sandbox.calls("drchrono", actor=None)
        kept = [
            (one["n"], one["method"], one["path"], one["query"], one["status"]) for one in listed
        ]
        assert kept == [
            (1, "GET", "/api/doctors", "page_size=1", 200),
            (2, "GET", "/api/nothing", "", 404),
        ]
        assert [one["actor"] for one in listed] == ["app", "staff"]
        assert datetime.fromisoformat(listed[0]["at"]).tzinfo is not None
        assert 0 <= listed[0]["seconds"] < 5
        assert [one["n"] for one in sandbox.calls("drchrono", actor=None, since=1)] == [2]
        assert [one["n"] for one in sandbox.calls("drchrono", actor="app")] == [1]

    def test_patients_are_actors_too(self, sandbox: Sandbox) -> None:
        sandbox.patient_oncall("GET", "/appointments/5001/")
        assert [one["actor"] for one in sandbox.calls("oncall", actor=None)] == ["patient"]

    def test_keep_alive(self, dc: Caller) -> None:
        first = dc("GET", "/api/doctors")
        assert first.headers.get("Connection", "keep-alive") == "keep-alive"
        assert first.raw.version == 11


class TestRefusals:
    @pytest.mark.parametrize(
        ("remote", "name", "body", "word"),
        [
            ("drchrono", "reset", {"sede": "clinic"}, "sede"),
            ("drchrono", "reset", {"seed": "hospital"}, "clinic"),
            ("drchrono", "faults", {"fault": []}, "fault"),
            ("drchrono", "faults", {"behaviours": {"nonsense": 1}}, "nonsense"),
            ("drchrono", "faults", {"behaviours": {"delete_get": "gone"}}, "gone"),
            ("drchrono", "faults", {"behaviours": {"bulk_lists": 1}}, "bulk_lists"),
            ("drchrono", "faults", {"behaviours": {"hourly_limit": None}}, "hourly_limit"),
            ("oncall", "faults", {"behaviours": {"delete_get": "404"}}, "delete_get"),
            ("oncall", "faults", {"webhooks": {"mode": "lose"}}, "drop"),
            ("oncall", "webhook", {"url": "http://localhost"}, "url"),
            ("oncall", "token", {"actor": "nurse"}, "staff"),
            ("drchrono", "webhook", {"callback_url": "http://localhost:1/"}, "secret_token"),
            ("drchrono", "expire", {"what": "code"}, "refresh"),
            ("drchrono", "materialise", {"id": "2031-06-01_1"}, "404"),
            ("drchrono", "redeliver", {"delivery": "x"}, "delivery"),
            ("drchrono", "time", {}, "offset_seconds"),
            ("drchrono", "reset", [], "object"),
        ],
    )
    def test_with_a_clear_message(
        self, sandbox: Sandbox, remote: str, name: str, body: Any, word: str
    ) -> None:
        assert word in refused(sandbox, remote, name, body)

    def test_an_unknown_command_names_those_that_exist(self, sandbox: Sandbox) -> None:
        answer = sandbox.session.post(f"{sandbox.oncall_url}/_sandbox/clone", timeout=5)
        assert answer.status_code == 404
        assert "webhook" in answer.json()["error"]


def test_a_token_for_each_actor(sandbox: Sandbox) -> None:
    for actor in ("app", "staff", "patient"):
        assert sandbox.control("drchrono", "token", {"actor": actor})["access_token"]
        assert sandbox.control("oncall", "token", {"actor": actor})["key"]


def test_the_clock_is_one_for_both(sandbox: Sandbox) -> None:
    before = datetime.fromisoformat(sandbox.state("oncall")["now"])
    sandbox.control("drchrono", "time", {"offset_seconds": 86400})
    after = datetime.fromisoformat(sandbox.state("oncall")["now"])
    assert timedelta(days=1) <= after - before < timedelta(days=1, minutes=5)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_the_process_says_when_it_is_ready_and_stops_cleanly(
    tmp_path: Path, sign: signal.Signals
) -> None:
    told = tmp_path / "ready.json"
    command = [sys.executable, "-W", "error", "-m", "sandbox", "--ready-file", str(told)]
    command += ["--drchrono-port", "0", "--oncall-port", "0", "--seed", "empty"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(sign)
        out, errors = process.communicate(timeout=STOP_SECONDS)
    assert (process.returncode, out, errors) == (0, "", "")
    ready = json.loads(line)
    # The line is printed first; the file is there by the time the process has ended.
    assert json.loads(told.read_text()) == ready
    assert ready["drchrono_port"] != ready["oncall_port"]


def test_a_context_manager_leaves_no_process() -> None:
    with Sandbox(seed="empty", number=3) as own:
        for remote in REMOTES:
            assert own.state(remote)["remote"] == remote
