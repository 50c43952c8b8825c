"""Send one HTTP request under one total deadline, and tell whether it can have arrived.

A read timeout starts anew with every byte, so an answer that drips outlives it many times over. The
deadline here is for the whole request, from name lookup to the last byte, in any thread.
"""

import http.client
import os
import re
import time
import zlib
from contextlib import closing
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

import certifi

from sync.core.errors import NoAnswer
from sync.outbound.call import Incoming, Outgoing
from sync.outbound.connections import Connection, Place, Pool
from sync.outbound.deadline import Deadline

_CHUNK = 64 * 1024
# The authorities that servers are proven by.
CERTIFICATES = certifi.where()
_FAILURES = (http.client.HTTPException, OSError, ValueError, zlib.error)
_PORTS: Final = {"http": http.client.HTTP_PORT, "https": http.client.HTTPS_PORT}
# What stands in a request's line as it is (RFC 3986); all else is quoted.
_AS_IT_IS: Final = "!#$%&'()*+,/:;=?@[]~"
_PLAIN: Final = re.compile(rf"[A-Za-z0-9._\-{re.escape(_AS_IT_IS)}]*")


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


class Transport:
    """Sends requests over kept-alive connections; safe to share between threads.

    Nothing is sent twice, no redirect is followed, no cookie kept, nothing of the environment used.
    `deadline_seconds` is for a whole request, `connect_seconds` for reaching the server,
    `max_bytes` for an answer's decoded body.
    """

    def __init__(
        self,
        deadline_seconds: float = 20.0,
        connect_seconds: float = 5.0,
        max_bytes: int = 32 * 1024 * 1024,
        certificates: str = CERTIFICATES,
    ) -> None:
        self._deadline_seconds = deadline_seconds
        self._connect_seconds = connect_seconds
        self._max_bytes = max_bytes
        self._certificates = certificates
        self._of_process = (os.getpid(), self._pool())

    def send(self, request: Outgoing) -> Incoming:
        """Make one HTTP request and read the answer whole.

        Raises `NotSent` when nothing can have reached the server, `NoAnswer` when the request may
        have been carried out but no whole answer was read before the deadline.
        """
        started = time.monotonic()
        pool = self._own_pool()
        with Deadline(self._deadline_seconds) as deadline:
            try:
                place, target = _where(request)
                connection = pool.take(place)
                status, headers, content = self._exchange(connection, request, target)
            except _FAILURES:
                # Their text names the address, which can hold a patient's e-mail: keep none of it.
                raise deadline.failure() from None
            # A body without a length ends where the connection does, be it by our own shutdown.
            if deadline.passed:
                connection.close()
                raise deadline.failure()
        # After its deadline, which could end it under the next request else.
        pool.give_back(connection)
        return Incoming(status, headers, content, time.monotonic() - started)

    def _exchange(
        self, connection: Connection, request: Outgoing, target: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer; the connection is closed unless it is to stay."""
        headers = {"user-agent": "drchrono-oncall", "accept-encoding": "gzip", **request.headers}
        try:
            connection.request(request.method, target, request.body, headers)
            with closing(connection.getresponse()) as response:
                told = _headers(response)
                return response.status, told, self._read(response, told)
        except BaseException:
            connection.close()
            raise

    def _read(self, response: http.client.HTTPResponse, headers: dict[str, str]) -> bytes:
        packed = headers.get("content-encoding", "").strip().lower() in {"gzip", "x-gzip"}
        unpack = _Unpacking() if packed else None
        content = bytearray()
        while chunk := response.read(_CHUNK):
            room = self._max_bytes + 1 - len(content)
            content += chunk if unpack is None else unpack.more(chunk, room)
            if len(content) > self._max_bytes:
                raise NoAnswer("too_large")
        if response.length or (unpack is not None and not unpack.whole):
            raise http.client.IncompleteRead(b"")
        return bytes(content)

    def _own_pool(self) -> Pool:
        """Give this process's connections: two processes must not talk over one of them.

        gunicorn forks its workers, and a fork inherits the open connections of its parent.
        """
        pid, pool = self._of_process
        if pid != os.getpid():
            pool = self._pool()
            self._of_process = (os.getpid(), pool)
        return pool

    def _pool(self) -> Pool:
        return Pool(self._connect_seconds, self._certificates)


class _Unpacking:
    """A gzip stream, which may have several members one after another."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._begun = False

    @property
    def whole(self) -> bool:
        """Whether it has ended, or nothing of it came."""
        return self._member.eof or not self._begun

    def more(self, chunk: bytes, most: int) -> bytes:
        """What a chunk unpacks to, of which at least `most` bytes if there are so many.

        Raises zlib.error for what is not packed.
        """
        out = bytearray()
        while chunk and len(out) < most:
            if self._member.eof:
                self._member = zlib.decompressobj(16 + zlib.MAX_WBITS)
            self._begun = True
            out += self._member.decompress(chunk, most - len(out))
            chunk = self._member.unconsumed_tail or self._member.unused_data
        return bytes(out)


def _where(request: Outgoing) -> tuple[Place, str]:
    """Where a request goes, and the path and query that it asks for. Raises ValueError."""
    split = urlsplit(request.url)
    if split.scheme not in _PORTS or not split.hostname:
        raise ValueError("not a URL of HTTP")
    place = (split.scheme, split.hostname, split.port or _PORTS[split.scheme])
    query = "&".join(part for part in (split.query, urlencode(request.query or {})) if part)
    target = (split.path or "/") + (f"?{query}" if query else "")
    if not _PLAIN.fullmatch(target):
        target = quote(target, safe=_AS_IT_IS)
    return place, target


def _headers(response: http.client.HTTPResponse) -> dict[str, str]:
    """The headers by their names in lower case; what is given twice is one list."""
    found: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found
