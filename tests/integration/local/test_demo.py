"""The `demo` command from end to end, and a kept world that goes on where the demo ended."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.demo.count import Counter
from cli.demo.script import DAY
from cli.environment import without_settings
from cli.output import TroubleError
from cli.world.options import WorldOptions
from cli.world.ports import FREE
from cli.world.world import World
from sandbox.world import Seed, plan

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "world"


@pytest.fixture(scope="module")
def played(directory: Path) -> "subprocess.CompletedProcess[str]":
    """The command, as `make demo` gives it."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", "demo", "--dir", str(directory)],
        env=without_settings(os.environ),
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def test_it_plays_the_whole_day_and_ends_with_0(
    played: "subprocess.CompletedProcess[str]",
) -> None:
    assert (played.returncode, played.stderr) == (0, ""), played.stdout
    lines = [line for line in played.stdout.splitlines() if line.startswith("ok ")]
    for line, step in zip(lines, DAY, strict=True):
        assert step.name in line
    assert "\x1b" not in played.stdout


@pytest.fixture(scope="module")
def kept(
    directory: Path, played: "subprocess.CompletedProcess[str]"
) -> Iterator[tuple[World, dict[str, Any]]]:
    """The demo's world, started again with --keep; and its OnCall as the file holds it."""
    assert played.returncode == 0, played.stdout
    with World(directory, WorldOptions(FREE, keep=True, workers=1)) as world:
        before = world.control.state("oncall")["objects"]
        world.settle(seconds=60)
        yield world, before


def test_a_kept_world_goes_on_without_a_second_sync(kept: tuple[World, dict[str, Any]]) -> None:
    world, before = kept
    after = world.control.state("oncall")["objects"]
    # Every video and phone visit of somebody with an e-mail address, and the three of the day.
    seeded = plan(Seed(), datetime.now(UTC).date())
    mailable = {person.index for person in seeded.patients if person.email}
    virtual = [slot for slot in seeded.slots if slot.profile != "Office Visit"]
    booked = sum(step.name.startswith("book") for step in DAY)
    assert len(after["appointments"]) == booked + sum(slot.patient in mailable for slot in virtual)
    assert [row["id"] for row in after["appointments"]] == [
        row["id"] for row in before["appointments"]
    ]
    assert after["contacts"] == before["contacts"]


def test_a_change_in_a_kept_world_arrives(kept: tuple[World, dict[str, Any]]) -> None:
    world, _ = kept
    visit = next(
        row
        for row in world.control.state("oncall")["objects"]["appointments"]
        if not row["cancelled"] and row["participants"][0]["last_name"] == "Brandvold"
    )
    appointment = next(
        row
        for row in world.control.state("drchrono")["objects"]["appointments"]
        if row["reason"].startswith("Migraine") and row["status"] != "Cancelled"
    )
    path = f"/api/appointments/{appointment['id']}"
    world.control.send("drchrono", "staff", "PATCH", path, {"status": "Cancelled"})

    def arrived() -> bool:
        rows = world.control.state("oncall")["objects"]["appointments"]
        return any(row["id"] == visit["id"] and row["cancelled"] for row in rows)

    assert Counter(world).wait_until(arrived, 10)


def test_a_world_without_its_clinic_can_not_be_kept(tmp_path: Path) -> None:
    directory = tmp_path / "world"
    directory.mkdir()
    (directory / ".drchrono-oncall-world").touch()
    (directory / "world.env").write_text("PORT=1\n")
    with pytest.raises(TroubleError, match="run without --keep"):
        World(directory, WorldOptions(FREE, keep=True))
    assert (directory / "world.env").read_text() == "PORT=1\n"


def test_ctrl_c_ends_the_demo_with_1_and_leaves_no_process(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "cli.main", "demo", "--dir", str(tmp_path / "w")],
        env={**without_settings(os.environ), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith("• Webhooks registered"):
                break
        running.send_signal(signal.SIGINT)
        rest = running.stdout.read()
        assert running.wait(20) == 1, rest
    assert "All processes are stopped." in rest
