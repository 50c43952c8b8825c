"""Send one HTTP request under one total deadline, and tell whether it can have arrived.

A read timeout starts anew with every byte, so an answer that drips outlives it many times over. The
deadline here is for the whole request, from name lookup to the last byte, in any thread.
"""

import contextlib
import http.client
import os
import time
from typing import Any

import requests
import urllib3
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from sync.core.errors import NoAnswer
from sync.outbound.call import Incoming, Outgoing
from sync.outbound.connections import BACKSTOP_SECONDS, WatchedAdapter
from sync.outbound.deadline import Deadline

_CHUNK = 64 * 1024
_KEPT = 64  # connections to one host
# The authorities that requests proves servers by; it looks for the file with each call.
CERTIFICATES = DEFAULT_CA_BUNDLE_PATH
_FAILURES = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
)


def without_certificates() -> str | None:
    """Why no https server can be proven from here, and what to do; None where they can be.

    No further try would mend it, and each would look like a server that is away.
    """
    if os.access(CERTIFICATES, os.R_OK):
        return None
    return (
        "The file of certificates that servers are proven by is not there, or can't be read: "
        "install the package certifi anew."
    )


class _Session(requests.Session):
    """Takes nothing from the environment and looks at no redirect."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        # A connection for each of a process's threads is kept, to the few hosts there are.
        self.mount("https://", WatchedAdapter(max_retries=0, pool_maxsize=_KEPT))
        self.mount("http://", WatchedAdapter(max_retries=0, pool_maxsize=_KEPT))

    def get_redirect_target(self, resp: Any) -> str | None:  # noqa: ARG002
        """Give none: merely to look for a next hop, requests would read the body without bound."""
        return None


class Transport:
    """Sends requests over kept-alive connections; safe to share between threads.

    Nothing is sent twice and no redirect is followed. `deadline_seconds` is for a whole request,
    `connect_seconds` for reaching the server, `max_bytes` for an answer's decoded body.
    """

    def __init__(
        self,
        deadline_seconds: float = 20.0,
        connect_seconds: float = 5.0,
        max_bytes: int = 32 * 1024 * 1024,
    ) -> None:
        self._deadline_seconds = deadline_seconds
        self._connect_seconds = connect_seconds
        self._max_bytes = max_bytes
        self._of_process = (os.getpid(), _Session())

    def send(self, request: Outgoing) -> Incoming:
        """Make one HTTP request and read the answer whole.

        Raises `NotSent` when nothing can have reached the server, `NoAnswer` when the request may
        have been carried out but no whole answer was read before the deadline.
        """
        started = time.monotonic()
        with Deadline(self._deadline_seconds) as deadline:
            try:
                response = self._open(request)
                with contextlib.closing(response):
                    content = self._read(response)
            except _FAILURES:
                # Their text names the address, which can hold a patient's e-mail: keep none of it.
                raise deadline.failure() from None
            # A body without a length ends where the connection does, be it by our own shutdown.
            if deadline.passed:
                raise deadline.failure()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Incoming(response.status_code, headers, content, time.monotonic() - started)

    def _open(self, request: Outgoing) -> requests.Response:
        # Prepared by itself, not by the session, so that no cookie of an earlier answer is on it.
        prepared = requests.Request(
            request.method,
            request.url,
            headers={
                "user-agent": "drchrono-oncall",
                "accept-encoding": "gzip",
                **request.headers,
            },
            params=dict(request.query or {}),
            data=request.body,
        ).prepare()
        return self._own_session().send(
            prepared,
            stream=True,
            allow_redirects=False,
            timeout=(self._connect_seconds, self._deadline_seconds + BACKSTOP_SECONDS),
        )

    def _read(self, response: requests.Response) -> bytes:
        content = bytearray()
        for chunk in response.iter_content(_CHUNK):
            content += chunk
            if len(content) > self._max_bytes:
                raise NoAnswer("too_large")
        return bytes(content)

    def _own_session(self) -> requests.Session:
        """Give this process's session: two processes must not talk over one connection.

        RQ forks a worker per job, and a fork inherits the open connections of its parent.
        """
        pid, session = self._of_process
        if pid != os.getpid():
            session = _Session()
            self._of_process = (os.getpid(), session)
        return session
