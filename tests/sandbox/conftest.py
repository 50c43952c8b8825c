"""One sandbox process for all its tests, made new before each; callers and a webhook receiver."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.support.sandbox_client import Sandbox

Caller = Callable[..., requests.Response]
SECRET = "webhook-secret"


@pytest.fixture(scope="session")
def process() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(process: Sandbox) -> Sandbox:
    process.reset()
    # The burst limit has tests of its own; the others may call as fast as they like.
    process.behaviours("drchrono", burst_limit=None)
    return process


@pytest.fixture
def dc(sandbox: Sandbox) -> Caller:
    """Calls DrChrono as the application."""
    token = sandbox.app_token()["access_token"]
    return caller(sandbox.session, sandbox.drchrono_url, f"Bearer {token}")


@pytest.fixture
def oc(sandbox: Sandbox) -> Caller:
    """Calls OnCall with the organisation's key."""
    return caller(sandbox.session, sandbox.oncall_url, "sandbox-oncall-key")


def caller(session: requests.Session, base: str, authorization: str) -> Caller:
    def call(method: str, path: str, json: Any = None, **more: Any) -> requests.Response:
        headers = {"Authorization": authorization, **more.pop("headers", {})}
        address = path if path.startswith("http") else base + path
        more.setdefault("timeout", 20)
        return session.request(
            method, address, json=json, headers=headers, allow_redirects=False, **more
        )

    return call


@dataclass
class Received:
    """One delivery as it came in."""

    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Receiver:
    """A callback URL of ours: `status` is what it answers."""

    url: str
    status: int = 204
    secret: str = SECRET
    inbox: queue.Queue[Received] = field(default_factory=queue.Queue)

    def next(self) -> Received:
        return self.inbox.get(timeout=10)

    def all(self) -> list[Received]:
        return [self.inbox.get_nowait() for _ in range(self.inbox.qsize())]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            msg = parse_qs(urlsplit(self.path).query)["msg"][0]
            digest = hmac.new(here.secret.encode(), msg.encode(), hashlib.sha256).hexdigest()
            body = json.dumps({"secret_token": digest}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            here.inbox.put(Received(dict(self.headers.items()), raw))
            self.send_response(here.status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield here
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def hooked(sandbox: Sandbox, receiver: Receiver) -> Receiver:
    """A receiver registered with both remotes."""
    sandbox.register_webhooks(drchrono=receiver.url, secret=SECRET, oncall=receiver.url)
    return receiver
