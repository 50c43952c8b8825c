"""Operate a running world: each command against the real service."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from cli.demo.count import Counter
from cli.environment import without_settings
from cli.world.options import WorldOptions
from cli.world.ports import FREE
from cli.world.world import World
from sync.drchrono.keeper import ConnectionState
from tests.integration.local.test_run_arrives import rows, wall


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A clinic with one visit that stands on both sides, and one that can't."""
    options = WorldOptions(FREE, workers=1, seed="empty")
    with World(tmp_path_factory.mktemp("operate") / "world", options) as started:
        started.settle(seconds=60)
        book(started, "vera@mail.example", 15)
        book(started, "", 17)
        counter = Counter(started)
        assert counter.wait_until(lambda: bool(rows(started, "oncall")), 20)
        assert counter.wait_until(counter.is_quiet, 20)
        yield started


def book(world: World, email: str, hour: int) -> None:
    person = {"doctor": 201, "gender": "Female", "first_name": "Vera", "last_name": f"L{hour}"}
    made = world.control.send(
        "drchrono", "staff", "POST", "/api/patients", {**person, "email": email}
    )
    slot = {"doctor": 201, "office": 301, "exam_room": 1, "profile": 401, "patient": made["id"]}
    body = {**slot, "scheduled_time": wall(hour), "duration": 30}
    world.control.send("drchrono", "staff", "POST", "/api/appointments", body)


def command(world: World, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command, as an operator of this world gives it."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", "--env", str(world.files.env), *arguments],
        env=without_settings(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def told(world: World, *arguments: str) -> Any:
    """What a command says as JSON."""
    result = command(world, *arguments, "--json")
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout)


def appointment(world: World, hour: int) -> str:
    (row,) = (r for r in rows(world, "drchrono") if r["scheduled_time"] == wall(hour))
    return str(row["id"])


def test_status_counts_what_waits_and_what_is_left(world: World) -> None:
    found = told(world, "status")
    assert found["mode"] == "live"
    assert found["token"] == "good"
    assert [lane["waiting"] for lane in found["lanes"]] == [0, 0, 0, 0]
    assert (found["parked"], found["attention_open"]) == (1, 1)
    used = len(world.control.calls("drchrono"))
    assert found["budget"]["drchrono"]["used"] == used
    assert found["budget"]["drchrono"]["left"] == 500 - used
    assert sorted(heard["role"] for heard in found["heartbeats"]) == ["beat", "worker"]
    text = command(world, "status").stdout
    assert "Waiting" in text
    assert "Done in about" in text
    assert "Heard of" in text


def test_plan_of_a_visit_that_agrees_writes_nothing(world: World) -> None:
    found = told(world, "plan", "appointment", appointment(world, 15))
    assert (found["effects"], found["mails"]) == ([], 0)
    assert command(world, "plan", "appointment", appointment(world, 15)).returncode == 0


def test_explain_names_both_objects(world: World) -> None:
    (visit,) = rows(world, "oncall")
    text = command(world, "explain", "appointment", appointment(world, 15)).stdout
    assert f"kind appointment, id {visit['id']}" in text
    assert command(world, "explain", "oncall-appointment", visit["id"]).returncode == 0


def test_resync_has_both_sides_looked_at(world: World) -> None:
    counter = Counter(world)
    assert told(world, "resync", "appointment", appointment(world, 15))["rung"] is True
    assert counter.wait_until(lambda: "GET appointment" in counter.cost().oncall, 10)
    assert counter.wait_until(counter.is_quiet, 10)
    assert counter.cost().drchrono == ("GET appointment",)
    assert counter.cost().oncall == ("GET appointment",)


@pytest.mark.parametrize("name", ["plan", "explain"])
def test_what_is_not_there_is_told(world: World, name: str) -> None:
    result = command(world, name, "visit", "99999")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "There is no visit 99999 here.\n"


def test_what_a_person_must_decide_is_listed_tried_again_and_dropped(world: World) -> None:
    (item,) = told(world, "attention", "ls")
    assert item["about"] in ("visit", "person")
    assert str(item["id"]) in command(world, "attention", "ls").stdout
    result = command(world, "attention", "retry", str(item["id"]))
    assert (result.returncode, result.stderr) == (0, "")
    # Nothing has changed, so it is asked anew.
    counter = Counter(world)
    assert counter.wait_until(lambda: told(world, "attention", "ls") != [], 20)
    (again,) = told(world, "attention", "ls")
    assert again["id"] != item["id"]
    assert again["cause"] == item["cause"]
    assert command(world, "attention", "drop", str(again["id"])).returncode == 0
    assert command(world, "attention", "ls").stdout == "Nothing is open.\n"
    assert command(world, "attention", "drop", str(again["id"])).returncode == 1


def test_check_finds_nothing_wrong(world: World) -> None:
    result = command(world, "check")
    assert (result.returncode, result.stderr) == (0, "")
    assert "TROUBLE" not in result.stdout
    names = {item["name"] for item in told(world, "check")}
    assert names >= {"PUBLIC_URL", "ONCALL_KEY", "database", "redis", "handshake", "mapping"}


def test_mapping_suggest_names_each_doctor(world: World) -> None:
    result = command(world, "mapping", "suggest")
    assert (result.returncode, result.stderr) == (0, "")
    for doctor in ("201", "202", "203"):
        assert f"drchrono = {doctor}" in result.stdout


def test_an_address_of_connect_works_once(world: World) -> None:
    result = command(world, "connect")
    assert result.returncode == 0
    address = result.stdout.strip()
    assert requests.get(address, timeout=10, allow_redirects=False).status_code == 200
    start, _, ticket = address.partition("?ticket=")
    first = requests.post(start, data={"ticket": ticket}, timeout=10, allow_redirects=False)
    assert first.status_code == 303
    assert first.headers["Location"].startswith(f"{world.control.drchrono_url}/o/authorize/")
    assert requests.get(address, timeout=10, allow_redirects=False).status_code == 400


def test_disconnect_ends_the_access_and_connect_gives_it_back(world: World) -> None:
    result = command(world, "disconnect", "--yes")
    assert (result.returncode, result.stderr) == (0, "")
    assert world.sync.keeper.status().state is ConnectionState.NONE
    calls = world.control.calls("drchrono")
    assert [c["path"] for c in calls if c["path"].startswith("/o/revoke")] == ["/o/revoke_token/"]
    assert command(world, "disconnect", "--yes").stdout == "No account was connected.\n"
    world.connect()
    assert world.sync.keeper.status().state is ConnectionState.GOOD
