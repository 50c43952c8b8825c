"""`run`: the whole world started, connected over real doors, kept alive and stopped."""

import os
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from cli.environment import without_settings
from cli.output import TroubleError
from cli.world.options import WorldOptions
from cli.world.ports import FREE
from cli.world.supervisor import ProcessState, ProcessStatus
from cli.world.world import World


class Seen:
    """Every status change, and a way to wait for one."""

    def __init__(self) -> None:
        self.statuses: list[ProcessStatus] = []
        self._changed = threading.Condition()

    def __call__(self, status: ProcessStatus) -> None:
        with self._changed:
            self.statuses.append(status)
            self._changed.notify_all()

    def wait_for(self, wanted: Callable[[ProcessStatus], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: any(map(wanted, self.statuses)), 30)


seen = Seen()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A clinic without patients, one worker, any free ports."""
    directory = tmp_path_factory.mktemp("run") / "world"
    options = WorldOptions(FREE, workers=1, seed="empty")
    with World(directory, options, on_change=seen) as started:
        yield started


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


def test_everything_runs_under_one_supervisor(world: World) -> None:
    assert [(s.name, s.state) for s in world.statuses()] == [
        (name, ProcessState.RUNNING) for name in ("redis", "sandbox", "web", "worker-1", "beat")
    ]


def test_the_account_is_attached_through_oauth(world: World) -> None:
    tokens = world.control.state("drchrono")["credentials"]["tokens"]
    assert "app" in [token["actor"] for token in tokens]
    assert world.sync.keeper.access_token() in [token["access"] for token in tokens]


def test_both_webhooks_are_registered(world: World) -> None:
    assert world.control.state("drchrono")["webhook"]["verified"] is True
    callback = world.control.state("oncall")["webhook"]["callback_url"]
    assert callback == f"{world.public_url}/webhooks/oncall"


def test_the_mapping_is_what_the_clinic_would_write(world: World) -> None:
    assert [entry.drchrono for entry in world.sync.mapping.doctors] == ["201", "202", "203"]
    assert command(world, "mapping", "check").returncode == 0


@pytest.mark.parametrize("process", ["web", "worker", "beat"])
def test_each_process_is_well(world: World, process: str) -> None:
    result = command(world, "healthcheck", process)
    assert (result.returncode, result.stderr) == (0, "")


def test_no_secret_is_in_any_log(world: World) -> None:
    written = "".join(path.read_text() for path in world.files.log.iterdir())
    assert "web | " in written
    names = ("DRCHRONO_WEBHOOK_SECRETS", "ONCALL_WEBHOOK_TOKENS", "ENCRYPTION_KEYS", "DIGEST_KEYS")
    for name in (*names, "DRCHRONO_CLIENT_SECRET", "ONCALL_KEY"):
        assert world.environment[name] not in written
    assert world.sync.keeper.access_token() not in written


def test_a_second_run_in_the_same_place_is_refused(world: World) -> None:
    with pytest.raises(TroubleError, match="Another run uses"):
        World(world.files.directory, WorldOptions(FREE))
    assert world.files.env.exists()


def test_a_killed_worker_is_there_again(world: World) -> None:
    world.supervisor.kill("worker-1")
    seen.wait_for(
        lambda s: s.name == "worker-1" and s.restarts == 1 and s.state is ProcessState.RUNNING
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_stops_everything_it_started(tmp_path: Path, number: signal.Signals) -> None:
    ports = ("--port", "0", "--drchrono-port", "0", "--oncall-port", "0")
    with subprocess.Popen(
        [sys.executable, "-m", "cli.main", "run", "--dir", str(tmp_path / "w"), *ports],
        env={**without_settings(os.environ), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        assert running.stdout is not None
        # The signal comes in the middle of the start: whatever is there by then must go.
        pids = []
        for line in running.stdout:
            if line.startswith("• Service at"):
                break
        children = Path(f"/proc/{running.pid}/task")
        for task in children.iterdir():
            pids += [int(pid) for pid in (task / "children").read_text().split()]
        assert len(pids) >= 3
        running.send_signal(number)
        rest = running.stdout.read()
        assert running.wait(20) == 0, rest
    assert "All processes are stopped." in rest
    assert all(is_gone(pid) for pid in pids)


def is_gone(pid: int) -> bool:
    """Whether a process has ended, or ends within ten seconds."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with os.fdopen(handle):
        ended, _, _ = select.select([handle], [], [], 10)
        return bool(ended)


def test_the_printed_address_signs_the_newcomer_in_once(world: World) -> None:
    (address,) = re.findall(r"http://\S+/ops/link\?key=\S+", world.what_to_try())
    with requests.Session() as browser:
        page = browser.get(address, timeout=30)
        assert page.url == f"{world.ops_url}/ops"
        assert "newcomer" in page.text
    assert requests.get(address, timeout=30).status_code == 403


def test_operators_are_made_listed_and_removed(world: World) -> None:
    made = command(world, "operator", "add", "ruth", "--role", "viewer")
    assert made.returncode == 0, made.stderr
    assert "password  " in made.stdout
    assert "otpauth://totp/" in made.stdout
    again = command(world, "operator", "add", "ruth")
    assert (again.returncode, "There is an operator ruth" in again.stderr) == (1, True)
    assert '"role": "viewer"' in command(world, "operator", "ls", "--json").stdout
    assert command(world, "operator", "remove", "ruth").returncode == 0
    assert command(world, "operator", "remove", "ruth").returncode == 1
    assert command(world, "operator", "add", "not a name").returncode == 1
    link = command(world, "operator", "link", "--role", "viewer").stdout.strip()
    assert requests.get(link, timeout=30).url == f"{world.ops_url}/ops"
