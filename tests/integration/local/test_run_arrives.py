"""The promise of `run`: what a webhook tells is on the other side within 3 seconds, both ways.

And in the same world, because a world is dear: a rolling restart under load loses none of them.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cli.demo.count import Counter
from cli.world.options import WorldOptions
from cli.world.ports import FREE
from cli.world.world import World
from sync.config import Settings
from tests.support.servers import rolling
from tests.support.servers.processes import soon

# The promise. The default settle time (1 s) is part of it.
PROMISED_SECONDS = 3.0
ZONE = ZoneInfo("US/Eastern")
heard = rolling.Heard()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A clinic without patients, as `run` starts it but for its size."""
    options = WorldOptions(FREE, seed="empty", settings={"WRITES_PER_VISIT_DAY": "1000"})
    directory = tmp_path_factory.mktemp("arrives") / "world"
    with World(directory, options, on_change=heard) as started:
        assert "SETTLE_SECONDS" not in started.environment
        assert Settings.model_fields["settle_seconds"].default == 1.0
        started.settle(seconds=60)
        yield started


def at(hour: int) -> datetime:
    """A full hour (UTC) in five days."""
    day = datetime.now(UTC) + timedelta(days=5)
    return day.replace(hour=hour, minute=0, second=0, microsecond=0)


def wall(hour: int) -> str:
    return f"{at(hour).astimezone(ZONE):%Y-%m-%dT%H:%M:%S}"


def utc(hour: int) -> str:
    return f"{at(hour):%Y-%m-%dT%H:%M:%SZ}"


def rows(world: World, remote: str, kind: str = "appointments") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.control.state(remote)["objects"][kind]
    return found


def seconds_until(true: Callable[[], bool]) -> float:
    """How long it takes to become true, asked every 0.05 s; 20 s at most."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < 20, "it did not arrive"
        time.sleep(0.05)
    return time.monotonic() - began


def fastest(change: Callable[[int], Any], arrived: Callable[[int], bool]) -> float:
    """Make a change that arrives, at up to three hours of a day; the least seconds it took.

    What else the machine does meanwhile is not what was promised.
    """
    took = []
    for hour in (16, 17, 18):
        change(hour)
        took.append(seconds_until(lambda hour=hour: arrived(hour)))  # type: ignore[misc]
        if took[-1] < PROMISED_SECONDS:
            break
    return min(took)


def book(world: World, patient: int, hour: int) -> str:
    """Staff book a visit in DrChrono; its id there."""
    body = {
        "doctor": 201,
        "office": 301,
        "exam_room": 1,
        "profile": 401,
        "patient": patient,
        "scheduled_time": wall(hour),
        "duration": 30,
    }
    made = world.control.send("drchrono", "staff", "POST", "/api/appointments", body)
    return str(made["id"])


@pytest.fixture(scope="module")
def patient(world: World) -> int:
    person = {
        "doctor": 201,
        "gender": "Female",
        "first_name": "Vera",
        "last_name": "Lind",
        "email": "vera@mail.example",
        "date_of_birth": "1984-05-06",
    }
    made = world.control.send("drchrono", "staff", "POST", "/api/patients", person)
    return int(made["id"])


@pytest.fixture(scope="module")
def booked(world: World, patient: int) -> tuple[str, str]:
    """A visit that staff booked in DrChrono, and what it became in OnCall: both ids."""
    appointment = book(world, patient, 15)
    seconds_until(lambda: bool(rows(world, "oncall")))
    (visit,) = rows(world, "oncall")
    assert visit["datetime"] == utc(15)
    assert visit["participants"][0]["email"] == "vera@mail.example"
    Counter(world).wait_until(Counter(world).is_quiet, 20)
    return appointment, str(visit["id"])


def visit_of(world: World, booked: tuple[str, str]) -> dict[str, Any]:
    return next(v for v in rows(world, "oncall") if v["id"] == booked[1])


def appointment_of(world: World, booked: tuple[str, str]) -> dict[str, Any]:
    return next(a for a in rows(world, "drchrono") if a["id"] == booked[0])


def test_a_move_in_drchrono(world: World, booked: tuple[str, str]) -> None:
    path = f"/api/appointments/{booked[0]}"
    took = fastest(
        lambda hour: world.control.send(
            "drchrono", "staff", "PATCH", path, {"scheduled_time": wall(hour)}
        ),
        lambda hour: visit_of(world, booked)["datetime"] == utc(hour),
    )
    assert took < PROMISED_SECONDS


def test_a_move_in_oncall(world: World, booked: tuple[str, str]) -> None:
    path = f"/appointments/{booked[1]}/"
    took = fastest(
        lambda hour: world.control.send(
            "oncall", "staff", "PATCH", path, {"datetime": utc(hour + 5)}
        ),
        lambda hour: appointment_of(world, booked)["scheduled_time"] == wall(hour + 5),
    )
    assert took < PROMISED_SECONDS


def test_a_new_visit(world: World, patient: int, booked: tuple[str, str]) -> None:
    assert booked
    took = fastest(
        lambda hour: book(world, patient, hour - 4),
        lambda hour: any(v["datetime"] == utc(hour - 4) for v in rows(world, "oncall")),
    )
    assert took < PROMISED_SECONDS


def test_a_change_of_a_patient(world: World, patient: int, booked: tuple[str, str]) -> None:
    assert booked

    def arrived(hour: int) -> bool:
        (contact,) = rows(world, "oncall", "contacts")
        invited = [v["participants"][0]["email"] for v in rows(world, "oncall")]
        return {contact["email"], *invited} == {f"vera.{hour}@mail.example"}

    took = fastest(
        lambda hour: world.control.send(
            "drchrono",
            "staff",
            "PATCH",
            f"/api/patients/{patient}",
            {"email": f"vera.{hour}@mail.example"},
        ),
        arrived,
    )
    assert took < PROMISED_SECONDS


def test_a_change_while_the_only_redis_is_gone(world: World, booked: tuple[str, str]) -> None:
    # The doorbell is lost and started anew; the change itself is in SQL.
    world.supervisor.kill("redis")
    path = f"/api/appointments/{booked[0]}"
    world.control.send("drchrono", "staff", "PATCH", path, {"scheduled_time": wall(20)})
    seconds_until(lambda: visit_of(world, booked)["datetime"] == utc(20))


def test_a_cancellation_by_the_patient(world: World, booked: tuple[str, str]) -> None:
    path = f"/appointments/{booked[1]}/"
    world.control.send("oncall", "patient", "PATCH", path, {"cancelled": True})
    seconds_until(lambda: appointment_of(world, booked)["status"] == "Cancelled")


@pytest.mark.timeout(300)
def test_a_rolling_restart_loses_no_webhook(world: World) -> None:
    with rolling.at_work(world) as staff:
        staff.go_on()
        rolling.renew_web(world)
        staff.go_on()
        assert {status for _id, status in rolling.deliveries(world)} == {204}
        for name in ("worker-1", "worker-2", "beat"):
            assert heard.restart(world, name) == 0  # 1: it did not end within its ten seconds
            staff.go_on()
        # OnCall delivers nothing again: who is refused there is found by the catch-up.
        staff.sides = ("drchrono",)
        staff.go_on()
        rolling.idle(world, "oncall")
        assert heard.restart(world, "web") == 0
        staff.go_on()
    rolling.redeliver_refused(world)
    assert rolling.unnoted(world) == set()
    assert rolling.uncounted(world) == 0
    soon(staff.agreed, rolling.BUSY)
