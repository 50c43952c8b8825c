"""Serve one connection: wait for its bytes beside the threads, under total deadlines.

A thread is taken when a request's head is whole, and again when its body is whole and the app asked
for it: a caller who sends nothing, or a byte now and then, holds a socket and nobody else. Nothing
of a body is handed on before the app reads it, and it reads it after it knows the caller.
"""

import asyncio
import json
import time
from functools import lru_cache
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

import h11

from service.bodies.held import TAKES, Body, Held, Takes
from service.bodies.sealed import SealedFile
from service.server.wsgi_call import AppAnswer

PIECE: Final = 65536
_SLOWEST: Final = 65536  # bytes a second that a caller takes of a long answer, at the least
_LINGER: Final = 3.0  # seconds; who is answered before the end of what they send may end first
_WORDS: Final = {
    400: ("bad_request", "the request could not be read"),
    408: ("too_slow", "the request did not come in time"),
    431: ("too_large", "the head of the request is too large"),
}


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
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=self._limits.head_bytes)
        self._takes = Takes(self._limits.body_bytes, self._limits.body)
        self._body = Held()
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
        except (ConnectionError, TimeoutError, h11.LocalProtocolError):
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
        request = await self._head(seconds)
        if request is None:
            return False
        self.waiting = False
        self._takes = Takes(self._limits.body_bytes, self._limits.body)
        environ = {**self._environ(request), TAKES: self._takes}
        answer = await self._front.app(environ, self._whole_already())
        if answer is None:
            answer = await self._front.app(environ, await self._whole_body())
        self._body.drop()
        if answer is None:
            raise _RefusedError(0, "unread")  # an app that has the body asks for none
        try:
            return await self._send(answer, head_only=request.method == b"HEAD")
        finally:
            if isinstance(answer.body, SealedFile):
                answer.body.close()

    # --- what comes -------------------------------------------------------------------------------

    async def _head(self, seconds: float) -> h11.Request | None:
        """The next request; None when the caller is done."""
        try:
            async with asyncio.timeout(seconds) as deadline:
                while True:
                    event = self._next()
                    if isinstance(event, h11.Request):
                        return event
                    if isinstance(event, h11.ConnectionClosed):
                        return None
                    data = await self._reader.read(PIECE)
                    if data and seconds != self._limits.head:
                        # A kept connection speaks again: from now on its head has its time.
                        seconds = self._limits.head
                        deadline.reschedule(asyncio.get_running_loop().time() + seconds)
                    self._http.receive_data(data)
        except TimeoutError:
            begun = bool(self._http.trailing_data[0])
            raise _RefusedError(408 if begun else 0, "slow_head" if begun else "silent") from None

    def _next(self) -> Any:
        try:
            return self._http.next_event()
        except h11.RemoteProtocolError as error:
            status = 431 if error.error_status_hint == 431 else 400
            raise _RefusedError(status, "too_large" if status == 431 else "malformed") from None

    def _whole_already(self) -> Body | None:
        """The body, if all of it came with the head."""
        self._body.drop()
        return self._body.whole() if self._take() else None

    def _take(self) -> bool:
        """Move what has come into the body; whether that is all of it, or more than is wanted."""
        while len(self._body) <= self._takes.bytes:
            event = self._next()
            if isinstance(event, h11.EndOfMessage):
                return True
            if not isinstance(event, h11.Data):
                return False
            self._body.add(event.data)
        return True

    async def _whole_body(self) -> Body:
        try:
            async with asyncio.timeout(self._takes.seconds):
                if self._http.they_are_waiting_for_100_continue:
                    await self._write(h11.InformationalResponse(status_code=100, headers=[]))
                while not self._take():
                    self._http.receive_data(await self._reader.read(PIECE))
        except TimeoutError:
            raise _RefusedError(408, "slow_body") from None
        return self._body.whole()

    # --- what goes --------------------------------------------------------------------------------

    async def _send(self, answer: AppAnswer, *, head_only: bool = False) -> bool:
        """Send an answer; returns whether the connection is kept."""
        done = self._http.their_state in {h11.DONE, h11.MUST_CLOSE}
        headers = [*answer.headers, ("Date", _date(int(time.time())))]
        if not done or self.ending:
            headers = [pair for pair in headers if pair[0].lower() != "connection"]
            headers.append(("Connection", "close"))
        wire = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        async with asyncio.timeout(self._limits.answer + len(answer.body) / _SLOWEST):
            await self._write(h11.Response(status_code=answer.status, headers=wire))
            if answer.body and not head_only:
                for piece in _pieces(answer.body):
                    await self._write(h11.Data(data=piece))
            await self._write(h11.EndOfMessage())
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            return True
        if not done:
            await self._let_end()
        return False

    async def _write(self, event: Any) -> None:
        self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()

    async def _refuse(self, error: _RefusedError) -> None:
        """Answer what could not be read with nothing of what came."""
        self._front.refused(error.reason)
        if not error.status or self._http.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        code, detail = _WORDS[error.status]
        body = json.dumps({"error": code, "detail": detail}).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        with suppress(ConnectionError, TimeoutError, h11.LocalProtocolError):
            await self._send(AppAnswer(error.status, headers, body))

    async def _let_end(self) -> None:
        """Drop what still comes: closing on unread bytes would take our answer away with them."""
        with suppress(ConnectionError, TimeoutError, OSError):
            self._writer.write_eof()
            async with asyncio.timeout(_LINGER):
                while await self._reader.read(PIECE):
                    pass

    # --- what the app sees ------------------------------------------------------------------------

    def _environ(self, request: h11.Request) -> dict[str, Any]:
        """The request as PEP 3333 wants it, without its body."""
        target = request.target.decode("latin-1")
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
            "REQUEST_METHOD": request.method.decode("latin-1"),
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_PROTOCOL": "HTTP/" + request.http_version.decode("latin-1"),
            "SERVER_NAME": str(here[0]) if here else "",
            "SERVER_PORT": str(here[1]) if len(here) > 1 else "",
            "REMOTE_ADDR": str(peer[0]) if peer else "",
            "wsgi.url_scheme": "http",
        }
        for name, value in request.headers:
            if b"_" in name:
                continue  # it would pass for the one with a hyphen, which a proxy may have set
            key = name.decode("latin-1").upper().replace("-", "_")
            key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
            text = value.decode("latin-1")
            environ[key] = f"{environ[key]},{text}" if key in environ else text
        return environ


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def _pieces(body: Body) -> Iterator[bytes]:
    if isinstance(body, SealedFile):
        yield from iter(lambda: body.read(PIECE) or b"", b"")
    else:
        yield body
