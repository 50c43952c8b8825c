"""`--state-file`: a world that outlives its process."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.support.sandbox_client import REMOTES, ROOT, Sandbox
from tests.support.servers.processes import soon

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.conftest import Receiver


class Kept(Sandbox):
    """A sandbox that keeps its world in a file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._arguments += ["--state-file", str(path)]


def book(sandbox: Sandbox) -> str:
    """Staff book a visit in OnCall; returns its id."""
    base = sandbox.oncall_url
    body = {
        "title": "Follow-up",
        "type": "online",
        "datetime": "2031-03-04T15:00:00Z",
        "duration": 30,
        "provider": f"{base}/providers/196157/",
        "division": f"{base}/divisions/2404/",
        "participants": [{"name": "Vera Lind", "email": "vera@mail.example"}],
    }
    answer = sandbox.staff_oncall("POST", "/appointments/", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"].rstrip("/").rpartition("/")[2])


def without_time(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name != "now"}


def test_a_world_goes_on_as_it_was_left(tmp_path: Path, receiver: Receiver) -> None:
    path = tmp_path / "state.json"
    with Kept(path) as first:
        first.register_webhooks(drchrono=receiver.url, oncall=receiver.url)
        first.behaviours("drchrono", page_size=7)
        token = first.app_token()["access_token"]
        visit = book(first)
        appointment = first.state("drchrono")["objects"]["appointments"][0]["id"]
        edited = first.staff_drchrono("PATCH", f"/api/appointments/{appointment}", {"notes": "n"})
        assert edited.status_code == 204
        first.wait_idle()
        left = {remote: first.state(remote) for remote in REMOTES}
        calls = {remote: first.calls(remote, None) for remote in REMOTES}
        mails, sent = first.mails(), first.webhooks("oncall")["deliveries"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with Kept(path) as second:
        for remote in REMOTES:
            assert without_time(second.state(remote)) == without_time(left[remote])
            assert second.calls(remote, None) == calls[remote]
        assert second.mails() == mails != []
        assert second.webhooks("oncall")["deliveries"] == sent != []
        # What is made now gets the next ids and revisions, and old tokens still open the door.
        assert int(book(second)) == int(visit) + 1
        address, header = f"{second.drchrono_url}/api/doctors", {"Authorization": f"Bearer {token}"}
        answer = second.session.get(address, headers=header, timeout=10)
        assert answer.status_code == 200
        second.staff_drchrono("PATCH", f"/api/appointments/{appointment}", {"notes": "m"})
        rows = {row["id"]: row for row in second.state("drchrono")["objects"]["appointments"]}
        before = {row["id"]: row for row in left["drchrono"]["objects"]["appointments"]}
        assert rows[appointment]["updated_at"] > before[appointment]["updated_at"]
        second.wait_idle()


def test_a_delivery_that_failed_is_still_owed(tmp_path: Path, receiver: Receiver) -> None:
    path = tmp_path / "state.json"
    with Kept(path) as first:
        first.register_webhooks(drchrono=receiver.url)
        first.faults("drchrono", webhooks={"mode": "hold", "times": 1})
        appointment = first.state("drchrono")["objects"]["appointments"][0]["id"]
        first.staff_drchrono("PATCH", f"/api/appointments/{appointment}", {"notes": "n"})
        (held,) = first.webhooks("drchrono")["held"]
    with Kept(path) as second:
        assert second.webhooks("drchrono")["held"] == [held]
        assert second.control("drchrono", "release") == {"released": 1}
        second.wait_idle()
        (attempt,) = second.webhooks("drchrono")["deliveries"]
        assert (attempt["delivery"], attempt["status"]) == (held["delivery"], 204)


def mails_in(path: Path) -> list[Any]:
    if not path.exists():
        return []
    mails: list[Any] = json.loads(path.read_text())["oncall"]["own"]["organisation"]["mails"]
    return mails


def test_it_is_written_while_the_sandbox_runs(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with Kept(path) as running:
        book(running)
        soon(lambda: mails_in(path))


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text('{"version": 0}')
    command = [sys.executable, "-m", "sandbox", "--state-file", str(path)]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )
    assert ended.returncode == 1
    assert "another version" in ended.stderr
    assert path.read_text() == '{"version": 0}'
