"""Tell of a problem once, remind in growing distances, tell of its end; over real channels."""

import json
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from click.testing import CliRunner
from pydantic import SecretStr
from standardwebhooks import Webhook

from cli import environment
from cli.main import cli
from sync.operations import audit
from sync.operations.alerting import tell
from sync.operations.audit import Filter
from sync.store import attention
from sync.store.service import alerts as stored
from sync.store.tables import journal
from tests.support.clinic import Clinic
from tests.support.templates import on_both

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Post(BaseHTTPRequestHandler):
    """Takes what is told, and answers as it is told to."""

    got: list[tuple[dict[str, str], bytes]]
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).got.append((dict(self.headers), body))
        self.send_response(type(self).status)
        self.end_headers()

    def do_GET(self) -> None:
        type(self).got.append((dict(self.headers), b""))
        self.send_response(type(self).status)
        self.end_headers()

    def log_message(self, *_told: Any) -> None:
        """Say nothing."""


@pytest.fixture
def post() -> Iterator[type[Post]]:
    """A receiver of webhooks; `address` is where."""
    handler = type("Told", (Post,), {"got": [], "status": 200})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    handler.address = f"http://127.0.0.1:{server.server_port}/alerts"  # type: ignore[attr-defined]
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


class Box:
    """A mail server's handler that keeps what it is given."""

    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(message_from_bytes(envelope.content))
        return "250 OK"


@pytest.fixture
def mail() -> Iterator[tuple[Box, str]]:
    box = Box()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, f"smtp://127.0.0.1:{port}?starttls=no&from=sync@clinic.example"
    controller.stop()


def setting(clinic: Clinic, name: str, value: Any) -> None:
    object.__setattr__(clinic.sync.settings, name, value)


@pytest.fixture
def told(clinic: Clinic, post: Any) -> Any:
    """A clinic that tells its alerts by a webhook, and has a worker."""
    setting(clinic, "alert_webhook", SecretStr(post.address))
    setting(clinic, "alert_webhook_secret", SecretStr(SECRET))
    beats(clinic)
    return post


def beats(clinic: Clinic) -> None:
    with clinic.sync.store.write() as conn:
        journal.beat(conn, "worker@test:1", "worker", clinic.now())


def events(post: Any, name: str = "clock_off") -> list[tuple[str, str]]:
    """What was told of one problem; the clock is moved on without a read, which is another."""
    found = []
    for headers, body in post.got:
        if body:
            event = Webhook(SECRET).verify(body, headers)
            found.append((event["type"].removeprefix("alert."), event["name"]))
    return [one for one in found if one[1] == name]


def goes_wrong(clinic: Clinic, cause: str = "clock_off") -> None:
    with clinic.sync.store.write() as conn:
        attention.open_item(conn, 0, cause, now=clinic.now())


def is_right_again(clinic: Clinic, cause: str = "clock_off") -> None:
    with clinic.sync.store.write() as conn:
        attention.close_cause(conn, 0, cause, clinic.now())


def minute(clinic: Clinic, count: int = 1) -> None:
    for _ in range(count):
        clinic.advance(60)
        beats(clinic)
        tell.run(clinic.sync)


@on_both
def test_once_when_it_begins_and_once_when_it_ends(clinic: Clinic, told: Any) -> None:
    minute(clinic, 3)
    assert events(told) == []
    goes_wrong(clinic)
    minute(clinic, 30)
    assert events(told) == [("began", "clock_off")]
    is_right_again(clinic)
    minute(clinic, 3)
    assert events(told) == [("began", "clock_off"), ("ended", "clock_off")]
    goes_wrong(clinic)
    minute(clinic)
    assert events(told)[2:] == [("began", "clock_off")]


def test_reminders_come_in_growing_distances(clinic: Clinic, told: Any) -> None:
    goes_wrong(clinic)
    minute(clinic)
    at = []
    for hour in range(1, 73):
        clinic.advance(3540)
        minute(clinic)
        if len(events(told)) > 1 + len(at):
            at.append(hour)
    assert at == [1, 5, 17, 41, 65]


def test_a_channel_that_fails_is_tried_again_and_no_other(
    clinic: Clinic, told: Any, mail: tuple[Box, str]
) -> None:
    box, address = mail
    setting(clinic, "alert_email", "ops@clinic.example")
    setting(clinic, "smtp_url", SecretStr(address))
    told.status = 503
    goes_wrong(clinic)
    minute(clinic, 3)
    assert (len(box.mails), len(told.got)) == (1, 3)
    told.status = 204
    minute(clinic, 3)
    assert (len(box.mails), len(told.got)) == (1, 4)
    assert len({headers["webhook-id"] for headers, _ in told.got}) == 1


def test_a_mail_says_it_in_plain_words_and_names_nobody(
    clinic: Clinic, mail: tuple[Box, str]
) -> None:
    box, address = mail
    setting(clinic, "alert_email", "ops@clinic.example")
    setting(clinic, "smtp_url", SecretStr(address))
    with clinic.sync.store.write() as conn:
        attention.open_item(
            conn, 0, "doctor_unseen", now=clinic.now(), candidates=["vera@mail.example"]
        )
    minute(clinic)
    (one,) = [mail for mail in box.mails if "doctor unseen" in mail["Subject"]]
    assert (one["To"], one["From"]) == ("ops@clinic.example", "sync@clinic.example")
    assert "does not show this doctor" in one.get_payload()
    assert "vera@" not in one.as_string()


def test_what_nobody_heard_of_does_not_end_for_them(clinic: Clinic, told: Any) -> None:
    told.status = 500
    goes_wrong(clinic)
    minute(clinic)
    is_right_again(clinic)
    told.status = 200
    minute(clinic, 2)
    assert [kind for kind, _ in events(told)] == ["began"]


def test_seen_and_snoozed(clinic: Clinic, told: Any) -> None:
    goes_wrong(clinic)
    minute(clinic)
    ((one, _),) = tell.listed(clinic.sync)
    tell.snooze(clinic.sync, one.id, clinic.now() + timedelta(hours=3))
    clinic.advance(2 * 3600)
    minute(clinic)
    assert len(events(told)) == 1
    clinic.advance(2 * 3600)
    minute(clinic)
    assert len(events(told)) == 2
    tell.acknowledge(clinic.sync, one.id)
    clinic.advance(90 * 3600)
    minute(clinic)
    assert len(events(told)) == 2
    is_right_again(clinic)
    minute(clinic)
    assert events(told)[-1] == ("ended", "clock_off")
    actions = [row.action for row in audit.every(clinic.sync, Filter())][-2:]
    assert actions == ["snooze", "acknowledge"]
    with pytest.raises(tell.NoAlertError):
        tell.acknowledge(clinic.sync, one.id)


def test_two_beats_tell_of_it_once(clinic: Clinic, told: Any) -> None:
    goes_wrong(clinic)
    with clinic.sync.store.write() as conn:
        for _ in range(2):
            stored.begin(conn, "clock_off", ("webhook",), clinic.now(), clinic.now())
    minute(clinic)
    assert len(events(told)) == 1


def test_a_dead_man_s_switch_is_asked_each_minute(clinic: Clinic, post: Any) -> None:
    setting(clinic, "heartbeat_url", SecretStr(post.address))
    minute(clinic, 3)
    assert len(post.got) == 3
    post.status = 500
    minute(clinic)  # told in the log, and nothing fails by it


def test_the_commands(clinic: Clinic, told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = clinic.settings.model_copy(
        update={
            "alert_webhook": SecretStr(told.address),
            "alert_webhook_secret": SecretStr(SECRET),
        }
    )
    monkeypatch.setattr(environment, "settings", lambda: found)
    runner = CliRunner()
    goes_wrong(clinic)
    minute(clinic)
    listed = json.loads(runner.invoke(cli, ["alerts", "ls", "--json"]).stdout)
    number = str(listed[0]["id"])
    assert "clock" in runner.invoke(cli, ["alerts", "ls"]).stdout
    assert runner.invoke(cli, ["alerts", "snooze", number, "--until", "2h"]).exit_code == 0
    assert runner.invoke(cli, ["alerts", "ack", number]).exit_code == 0
    assert runner.invoke(cli, ["alerts", "ack", "999"]).exit_code == 1
    assert runner.invoke(cli, ["alerts", "remind", number]).exit_code == 0
    again = json.loads(runner.invoke(cli, ["alerts", "ls", "--json"]).stdout)
    assert (again[0]["acknowledged"], again[0]["quiet_until"]) == (None, None)
    assert again[0]["last_at"] == again[0]["began_at"]
    tried = runner.invoke(cli, ["alerts", "test"])
    assert (tried.exit_code, tried.stdout) == (0, "webhook: told\n")
    told.status = 404
    assert runner.invoke(cli, ["alerts", "test"]).exit_code == 1
