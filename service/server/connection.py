"""Serve one connection: wait for its bytes beside the threads, under total deadlines.

A thread is taken when a request's head is whole, and again when its body is whole and the app asked
for it: a caller who sends nothing, or a byte now and then, holds a socket and nobody else. Nothing
of a body is handed on before the app reads it, and it reads it after it knows the caller.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http.client import responses
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

from service.bodies.held import TAKES, Body, Held, Takes
from service.bodies.sealed import SealedFile
from service.server.incoming import Head, Incoming, Mark, NoRequestError, Part
from service.server.wsgi_call import AppAnswer

PIECE: Final = 65536
_SLOWEST: Final = 65536  # bytes a second that a caller takes of a long answer, at the least
_LINGER: Final = 3.0  # seconds; who is answered before the end of what they send may end first
_WORDS: Final = {
    400: ("bad_request", "the request could not be read"),
    408: ("too_slow", "the request did not come in time"),
    431: ("too_large", "the head of the request is too large"),
}
_JSON: Final = [("Content-Type", "application/json")]
_OURS: Final = ("connection", "content-length", "date", "transfer-encoding")  # headers
_BODILESS: Final = (204, 304)  # statuses


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes a caller may take. Each deadline is for the whole, not for a silence."""

    head: float = 10.0
    body: float = 10.0
    answer: float = 10.0  # to take what we send
    keep: float = 5.0  # a kept connection without a further request
    head_bytes: int = 32 * 1024
    body_bytes: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Front:
    """What all connections of a process share.

    `app` answers a request: with None for the body it may say None, which asks for the body, as
    much of it as it then says in the environment's `Takes`.
    `refused` counts a request that never reached it, by reason.
    """

    app: Callable[[dict[str, Any], Body | None], Awaitable[AppAnswer | None]]
    refused: Callable[[str], None]
    limits: Limits


class _RefusedError(Exception):
    """The request is answered here, or not at all (status 0)."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Connection:
    """One socket, from its first request to its last."""

    def __init__(
        self, front: Front, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._front = front
        self._limits = front.limits
        self._reader = reader
        self._writer = writer
        self._incoming = Incoming(self._limits.head_bytes)
        self._takes = Takes(self._limits.body_bytes, self._limits.body)
        self._body = Held()
        self._is_whole = False  # whether the request has come to its end, and was taken
        self.waiting = True  # for a head: closing it loses nothing that was begun
        self.ending = False  # the process ends: this request is the last

    async def serve(self) -> None:
        """Answer requests until one side closes; raises nothing but the end of the task."""
        seconds = self._limits.head
        try:
            while await self._one(seconds):
                seconds = self._limits.keep
        except _RefusedError as error:
            await self._refuse(error)
        except (ConnectionError, TimeoutError):
            pass  # the caller is gone, or does not take the answer: there is nobody to tell
        finally:
            self._body.drop()
            self.close()

    def close(self) -> None:
        """Close the socket; what waits for it ends."""
        self._writer.close()

    async def _one(self, seconds: float) -> bool:
        """One request and its answer; returns whether another may follow."""
        self.waiting = True
        head = await self._head(seconds)
        if head is None:
            return False
        self.waiting = False
        self._takes = Takes(self._limits.body_bytes, self._limits.body)
        self._is_whole = False
        environ = {**self._environ(head), TAKES: self._takes}
        answer = await self._front.app(environ, self._whole_already())
        if answer is None:
            answer = await self._front.app(environ, await self._whole_body(head))
        self._body.drop()
        if answer is None:
            raise _RefusedError(0, "unread")  # an app that has the body asks for none
        try:
            return await self._send(answer, head)
        finally:
            if isinstance(answer.body, SealedFile):
                answer.body.close()

    # --- what comes -------------------------------------------------------------------------------

    async def _head(self, seconds: float) -> Head | None:
        """The next request; None when the caller is done."""
        try:
            async with asyncio.timeout(seconds) as deadline:
                while (head := self._next()) is None:
                    data = await self._reader.read(PIECE)
                    if not data:
                        if self._incoming.in_head:
                            raise _RefusedError(400, "malformed")
                        return None
                    if seconds != self._limits.head:
                        # A kept connection speaks again: from now on its head has its time.
                        seconds = self._limits.head
                        deadline.reschedule(asyncio.get_running_loop().time() + seconds)
                    self._incoming.feed(data)
        except TimeoutError:
            begun = self._incoming.in_head
            raise _RefusedError(408 if begun else 0, "slow_head" if begun else "silent") from None
        assert isinstance(head, Head)  # noqa: S101 - all of the request before it was taken
        return head

    def _next(self) -> Part | None:
        try:
            return self._incoming.next()
        except NoRequestError as error:
            reason = "too_large" if error.status == 431 else "malformed"
            raise _RefusedError(error.status, reason) from None

    def _whole_already(self) -> Body | None:
        """The body, if all of it came with the head."""
        self._body.drop()
        return self._body.whole() if self._take() else None

    def _take(self) -> bool:
        """Move what has come into the body; whether that is all of it, or more than is wanted."""
        while len(self._body) <= self._takes.bytes:
            part = self._next()
            if part is Mark.END:
                self._is_whole = True
                return True
            if not isinstance(part, bytes):
                return False
            self._body.add(part)
        return True

    async def _whole_body(self, head: Head) -> Body:
        try:
            async with asyncio.timeout(self._takes.seconds):
                if head.asks_first and not self._body:
                    self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                while not self._take():
                    data = await self._reader.read(PIECE)
                    if not data:
                        raise _RefusedError(400, "malformed")
                    self._incoming.feed(data)
        except TimeoutError:
            raise _RefusedError(408, "slow_body") from None
        return self._body.whole()

    # --- what goes --------------------------------------------------------------------------------

    async def _send(self, answer: AppAnswer, head: Head | None) -> bool:
        """Send an answer; returns whether the connection is kept. `head` is None of no request."""
        whole = head is not None and self._is_whole
        stays = head is not None and head.stays and not _closes(answer.headers)
        kept = whole and stays and not self.ending
        head_only = head is not None and head.method == "HEAD"
        said = _head_of(answer, head_only=head_only, kept=kept)
        body = b"" if head_only else answer.body
        async with asyncio.timeout(self._limits.answer + len(answer.body) / _SLOWEST):
            if isinstance(body, bytes):
                self._writer.write(said + body)
            else:
                self._writer.write(said)
                while piece := body.read(PIECE):
                    self._writer.write(piece)
                    await self._writer.drain()
            await self._writer.drain()
        if not whole:
            await self._let_end()
        return kept

    async def _refuse(self, error: _RefusedError) -> None:
        """Answer what could not be read with nothing of what came."""
        self._front.refused(error.reason)
        if not error.status:
            return
        code, detail = _WORDS[error.status]
        body = json.dumps({"error": code, "detail": detail}).encode()
        with suppress(ConnectionError, TimeoutError):
            await self._send(AppAnswer(error.status, _JSON, body), None)

    async def _let_end(self) -> None:
        """Drop what still comes: closing on unread bytes would take our answer away with them."""
        with suppress(ConnectionError, TimeoutError, OSError):
            self._writer.write_eof()
            async with asyncio.timeout(_LINGER):
                while await self._reader.read(PIECE):
                    pass

    # --- what the app sees ------------------------------------------------------------------------

    def _environ(self, head: Head) -> dict[str, Any]:
        """The request as PEP 3333 wants it, without its body."""
        target = head.target
        if not target.startswith("/"):
            try:
                parts = urlsplit(target)
            except ValueError:
                raise _RefusedError(400, "malformed") from None
            target = parts.path + (f"?{parts.query}" if parts.query else "")
        path, _, query = target.partition("?")
        peer = self._writer.get_extra_info("peername") or ("", 0)
        here = self._writer.get_extra_info("sockname") or ("", 0)
        environ = {
            "REQUEST_METHOD": head.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_PROTOCOL": f"HTTP/{head.version}",
            "SERVER_NAME": str(here[0]) if here else "",
            "SERVER_PORT": str(here[1]) if len(here) > 1 else "",
            "REMOTE_ADDR": str(peer[0]) if peer else "",
            "wsgi.url_scheme": "http",
        }
        for name, value in head.headers:
            if "_" in name:
                continue  # it would pass for the one with a hyphen, which a proxy may have set
            key = name.upper().replace("-", "_")
            key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ


def _closes(headers: list[tuple[str, str]]) -> bool:
    """Whether the app wants the connection closed."""
    return any(name.lower() == "connection" and value == "close" for name, value in headers)


def _head_of(answer: AppAnswer, *, head_only: bool, kept: bool) -> bytes:
    """The head of an answer: it says its length, and whether the connection is kept.

    Raises ValueError where a header would be two.
    """
    lines = [f"HTTP/1.1 {answer.status} {responses.get(answer.status, '')}"]
    for name, value in answer.headers:
        if name.lower() not in _OURS or (head_only and name.lower() == "content-length"):
            lines.append(f"{name}: {value}")
    if not head_only and answer.status not in _BODILESS:
        lines.append(f"Content-Length: {len(answer.body)}")
    lines.append(f"Date: {_date(int(time.time()))}")
    if not kept:
        lines.append("Connection: close")
    said = "\r\n".join(lines)
    if said.count("\n") != len(lines) - 1 or said.count("\r") != len(lines) - 1:
        raise ValueError("a header of ours has several lines")
    return said.encode("latin-1") + b"\r\n\r\n"


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    """The Date header's words; of a second they are needed many times."""
    return formatdate(second, usegmt=True)
