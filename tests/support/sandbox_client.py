"""Start `python -m sandbox` for a test and speak its control API; import nothing of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import requests
import urllib3

ROOT = Path(__file__).resolve().parents[2]
REMOTES = ("drchrono", "oncall")
STOP_SECONDS = 10.0


class Told(NamedTuple):
    """What the sandbox answered; the names are those of `requests`."""

    status_code: int
    text: str

    @property
    def ok(self) -> bool:
        return self.status_code < 400

    def json(self) -> Any:
        return json.loads(self.text)


class Sandbox:
    """Both remotes in a process of their own, on free ports, as a context manager.

    `state` is the file of the world that it goes on with. Leaving it fails when the process wrote
    to stderr or did not stop cleanly.
    """

    drchrono_url: str
    oncall_url: str

    def __init__(self, seed: str = "clinic", number: int = 1, state: Path | None = None) -> None:
        self._arguments = ["--seed", seed, "--seed-number", str(number)]
        if state is not None:
            self._arguments += ["--state-file", str(state)]
        self.session = requests.Session()
        self.session.trust_env = False
        # A test makes some fifty of these calls; each took a session three times the time.
        self._lines = urllib3.PoolManager(retries=False, maxsize=8)
        self._staff: str | None = None

    def __enter__(self) -> Self:
        reader, writer = os.pipe()
        self._errors = tempfile.TemporaryFile("w+")
        command = [sys.executable, "-W", "error", "-m", "sandbox", *self._arguments]
        command += ["--drchrono-port", "0", "--oncall-port", "0", "--ready-fd", str(writer)]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            pass_fds=[writer],
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
        )
        os.close(writer)
        with os.fdopen(reader) as told:
            line = told.readline()
        if not line:
            self._process.wait(STOP_SECONDS)
            raise RuntimeError(f"the sandbox did not start:\n{self._stderr()}")
        ready = json.loads(line)
        self.drchrono_url = ready["drchrono_url"]
        self.oncall_url = ready["oncall_url"]
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.session.close()
        self._lines.clear()
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            status = -signal.SIGKILL
        written = self._stderr()
        self._errors.close()
        if kind is None and (status != 0 or written):
            raise AssertionError(f"the sandbox ended with {status}:\n{written}")

    def _stderr(self) -> str:
        self._errors.seek(0)
        return self._errors.read()

    def url(self, remote: str) -> str:
        """The base URL of `drchrono` or `oncall`, without a slash at the end."""
        return {"drchrono": self.drchrono_url, "oncall": self.oncall_url}[remote]

    def control(self, remote: str, name: str, body: dict[str, Any] | None = None) -> Any:
        """POST a control call; AssertionError with its text when it is refused."""
        address = f"{self.url(remote)}/_sandbox/{name}"
        return _json(self._send("POST", address, None, body or {}))

    def read(self, remote: str, name: str, **params: Any) -> Any:
        """GET a control call."""
        query = urlencode({key: value for key, value in params.items() if value is not None})
        return _json(self._send("GET", f"{self.url(remote)}/_sandbox/{name}?{query}", None, None))

    def state(self, remote: str) -> Any:
        """Everything one remote holds."""
        return self.read(remote, "state")

    def reset(self, seed: str = "clinic", number: int = 1, *, keep_webhooks: bool = False) -> None:
        """New worlds on both sides; tokens issued before are gone."""
        self._staff = None
        body = {"seed": seed, "number": number, "keep_webhooks": keep_webhooks}
        for remote in REMOTES:
            self.control(remote, "reset", body)

    def save(self, name: str) -> None:
        """Remember both worlds as they are now."""
        for remote in REMOTES:
            self.control(remote, "save", {"name": name})

    def restore(self, name: str) -> None:
        """Go back to both worlds as they were saved."""
        self._staff = None
        for remote in REMOTES:
            self.control(remote, "restore", {"name": name})

    def faults(self, remote: str, *faults: dict[str, Any], **more: Any) -> Any:
        """Add faults; `webhooks={…}` and `clear=True` go along."""
        return self.control(remote, "faults", {"faults": list(faults), **more})

    def behaviours(self, remote: str, **values: Any) -> Any:
        """Switch unknown behaviours for good."""
        return self.control(remote, "faults", {"behaviours": values})

    def calls(self, remote: str, actor: str | None = "app", since: int = 0) -> Any:
        """The calls that reached a remote: those of the app, or of `actor` (None: all)."""
        params = {"since": since} if actor is None else {"since": since, "actor": actor}
        return self.read(remote, "calls", **params)

    def mails(self) -> Any:
        """The mails that OnCall would have sent."""
        return self.read("oncall", "mails")

    def webhooks(self, remote: str) -> Any:
        """Every delivery attempt, and what is pending, held or to be retried."""
        return self.read(remote, "webhooks")

    def wait_idle(self, timeout: float = 10.0) -> None:
        """Until neither remote has a webhook queued or running (seconds)."""
        answer = self.read(REMOTES[0], "wait", webhooks_idle=1, timeout=timeout, both=1)
        assert answer["idle"], f"{answer['busy']} not idle after {timeout} s"

    def register_webhooks(
        self,
        drchrono: str | None = None,
        secret: str = "webhook-secret",
        oncall: str | None = None,
        basic: tuple[str, str] | None = None,
    ) -> None:
        """Register the callbacks given; AssertionError when DrChrono's handshake fails."""
        if drchrono is not None:
            body: dict[str, Any] = {"callback_url": drchrono, "secret_token": secret}
            answer = self.control("drchrono", "webhook", body)
            assert answer["verified"], answer["detail"]
        if oncall is not None:
            body = {"callback_url": oncall, "basic": list(basic) if basic else None}
            self.control("oncall", "webhook", body)

    def app_token(self, scopes: list[str] | None = None) -> Any:
        """A token pair of the application without the browser; all scopes by default."""
        body: dict[str, Any] = {"actor": "app"}
        if scopes is not None:
            body["scopes"] = scopes
        return self.control("drchrono", "token", body)

    def staff_drchrono(self, method: str, path: str, json: Any = None) -> Told:
        """A call of staff at DrChrono's own pages; `path` starts with /api/."""
        if self._staff is None:
            self._staff = self.control("drchrono", "token", {"actor": "staff"})["access_token"]
        return self._send(method, self.drchrono_url + path, f"Bearer {self._staff}", json)

    def staff_oncall(self, method: str, path: str, json: Any = None) -> Told:
        """A click of staff at OnCall's own pages."""
        return self._send(method, self.oncall_url + path, "sandbox-oncall-staff-key", json)

    def patient_oncall(self, method: str, path: str, json: Any = None) -> Told:
        """A click of a patient."""
        return self._send(method, self.oncall_url + path, "sandbox-oncall-patient-key", json)

    def _send(self, method: str, address: str, key: str | None, body: Any) -> Told:
        headers = {"Authorization": key} if key else {}
        # A body of None is none, as with `requests`.
        sent = {} if body is None else {"json": body}
        answer = self._lines.request(
            method, address, headers=headers, timeout=60, redirect=False, **sent
        )
        return Told(answer.status, answer.data.decode())

    def oauth_code(self, url: str) -> str:
        """Press Allow on the authorisation page at `url`; the code that is sent back."""
        page = self.session.get(url, timeout=30, allow_redirects=False)
        assert page.status_code == 200, page.text
        assert "Allow" in page.text
        answer = self.session.post(urljoin(page.url, url), timeout=30, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]


def _json(answer: Told) -> Any:
    assert answer.ok, f"{answer.status_code}: {answer.text}"
    return answer.json()
