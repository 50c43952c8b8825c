"""Invariant 7, only our hosts: whatever address comes in, a stranger's server is never asked."""

import http.server
import threading
from collections.abc import Iterator

import pytest
import requests

from tests.support.agreement import agree
from tests.support.clinic import TOKEN, Clinic

Asked = list[tuple[str, str | None]]


@pytest.fixture
def stranger() -> Iterator[tuple[str, Asked]]:
    """A server on this machine that is neither remote; what it was asked, and with what key."""
    asked: Asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers.get("Authorization")))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b'{"results": [], "next": null, "count": 0}')

        do_PATCH = do_POST = do_GET  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_url_of_a_webhook_is_not_fetched(clinic: Clinic, stranger: tuple[str, Asked]) -> None:
    """The id is taken out of it, and our own OnCall is asked."""
    address, asked = stranger
    _, visit = clinic.linked()
    for path in (f"/appointments/{visit}", f"/appointments/{visit}/", "/appointments/999999/"):
        answer = requests.post(
            f"{clinic.url}/webhooks/oncall",
            json={"event": "appointment_updated", "url": f"{address}{path}"},
            auth=("oncall", TOKEN),
            timeout=10,
        )
        assert answer.status_code == 204
    clinic.settle()
    agree(clinic)
    assert asked == []
    assert "GET /appointments/ID/" in clinic.calls("oncall")


@pytest.mark.parametrize(
    ("remote", "path", "task"),
    [
        ("drchrono", "^/api/patients$", "drchrono_patients"),
        ("drchrono", "^/api/appointments$", "drchrono_appointments"),
        ("oncall", "^/appointments/$", "oncall_walk"),
        ("oncall", "^/contacts/$", "oncall_contacts"),
    ],
)
def test_next_links_to_a_stranger(
    clinic: Clinic, stranger: tuple[str, Asked], remote: str, path: str, task: str
) -> None:
    address, asked = stranger
    clinic.linked()
    clinic.sandbox.behaviours("drchrono", bulk_lists=False)
    clinic.wire.answers = False
    body = {"count": 40, "previous": None, "results": [], "next": f"{address}/next?page=2"}
    fault = {"match": {"method": "GET", "path": path}, "do": "status", "status": 200, "body": body}
    clinic.sandbox.faults(remote, {**fault, "times": 3})
    clinic.beat(task)
    clinic.settle()
    assert asked == []
    clinic.sandbox.faults(remote, clear=True)
    clinic.sandbox.behaviours("drchrono", burst_limit=None)
    clinic.catch_up()
    agree(clinic)


def test_redirects_to_another_host(clinic: Clinic) -> None:
    """`localhost` is another host than `127.0.0.1`: nobody follows there, credentials least."""
    appointment, _ = clinic.linked()
    for remote in ("drchrono", "oncall"):
        clinic.sandbox.faults(remote, {"match": {"path": "appointments/"}, "do": "redirect"})
    clinic.edit(appointment, duration=50)
    clinic.settle()
    agree(clinic)
    assert clinic.mails() == [("change", "app")]
