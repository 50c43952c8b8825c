"""Run a web process under gunicorn: one loop holds many connections, few threads answer.

Gunicorn's own gthread gives a silent connection a thread for five seconds, and one that drips for
as long as it drips: eight of them held everybody off (ADR 0019). Here they cost a socket each, and
when there are too many of those, the one that has waited longest makes room.
"""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.workers.base import Worker  # type: ignore[import-untyped]
from structlog import get_logger

from service.bodies.held import Body
from service.server import wsgi_call
from service.server.connection import Connection, Front, Limits
from sync import assemble
from sync.log import cause

log = get_logger(__name__)

_OPS_THREADS = 4
_SPARE_FILES = 200  # for the database, Redis and the logs
_ITS_SHARE = 0.8  # of the time to end; then gunicorn kills
_LINGER = 2.0  # seconds; a caller may be sending on a connection that it was told is kept
_JUST_ACCEPTED = 0.1  # seconds until what was accepted last is known here
_TICK = 1.0  # seconds between two signs of life to gunicorn
_ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class DoorWorker(Worker):  # type: ignore[misc]
    """Serves until it is told to end; what it has begun it answers, whichever signal that was."""

    limits = Limits()
    ops_port = 0  # the listener of this port serves the operations pages; 0: none does
    alive: bool
    booted: bool

    def init_process(self) -> None:
        """Take as many sockets as the system lets one have."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        most = self.cfg.worker_connections
        self._most = most if soft == resource.RLIM_INFINITY else min(most, soft - _SPARE_FILES)
        self._connections: dict[asyncio.Task[None], Connection] = {}
        try:
            super().init_process()
        except Exception:
            # Gunicorn would print the text of what failed, which can quote a setting.
            log.exception("the web process failed")
            if not self.booted:
                sys.stderr.write("The web process can't start. See: drchrono-oncall check\n")
            # With this code gunicorn does not start it again and again.
            sys.exit(1 if self.booted else Arbiter.WORKER_BOOT_ERROR)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """End as for SIGTERM: a terminal and some platforms send SIGINT."""
        self.handle_exit(sig, frame)

    def run(self) -> None:
        """Serve in an event loop of this process."""
        assemble.set_aside()
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        told = asyncio.Event()
        for number in _ENDS:
            loop.add_signal_handler(number, told.set)
        loop.set_exception_handler(_failed)
        doors = self.wsgi
        pools = {
            doors.public: ThreadPoolExecutor(self.cfg.threads, thread_name_prefix="door"),
            # Their own: however long an operator's page takes, no webhook waits for a thread.
            doors.ops: ThreadPoolExecutor(_OPS_THREADS, thread_name_prefix="ops"),
        }
        public = Front(_answering(doors.of_the_web, pools), doors.refused, self.limits)
        ops = Front(_answering(doors.of_the_ops, pools), doors.refused, self.limits)
        servers = [
            await self._listen(ops if self._is_ops(listener) else public, listener)
            for listener in self.sockets
        ]
        while self.alive and not told.is_set() and self.ppid == os.getppid():
            self.notify()
            with suppress(TimeoutError):
                await asyncio.wait_for(told.wait(), _TICK)
        self.alive = False
        for server in servers:
            server.close()
        await self._end()
        for pool in pools.values():
            pool.shutdown(wait=False)

    def _is_ops(self, listener: Any) -> bool:
        """Whether it is the operations port: known by the socket, never by what a caller sends."""
        return bool(self.ops_port) and listener.getsockname()[1] == self.ops_port

    async def _listen(self, front: Front, listener: Any) -> asyncio.Server:
        return await asyncio.start_server(
            lambda reader, writer: self._connected(front, reader, writer),
            sock=listener.sock,
            backlog=self.cfg.backlog,
        )

    async def _connected(
        self, front: Front, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if len(self._connections) >= self._most:
            self._make_room(front)
        connection = Connection(front, reader, writer)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this as a task
        self._connections[task] = connection
        try:
            await connection.serve()
        finally:
            del self._connections[task]

    def _make_room(self, front: Front) -> None:
        for connection in self._connections.values():
            if connection.waiting:
                front.refused("crowded")
                connection.waiting = False
                connection.close()
                return

    async def _end(self) -> None:
        """Answer what was begun, and for a moment what a caller may just be sending."""
        whole = self.cfg.graceful_timeout * _ITS_SHARE
        linger = min(_LINGER, whole / 4)
        await asyncio.sleep(_JUST_ACCEPTED)
        await self._ended(linger)
        for connection in self._connections.values():
            if connection.waiting:
                connection.close()
        for task in await self._ended(whole - linger):
            task.cancel()

    async def _ended(self, seconds: float) -> set[asyncio.Task[None]]:
        """Wait for all connections to end; returns those that did not."""
        for connection in self._connections.values():
            connection.ending = True
        left = set(self._connections)
        if not left:
            return left
        _done, late = await asyncio.wait(left, timeout=seconds)
        return late


def _answering(
    choose: Callable[[str], wsgi_call.App], pools: dict[wsgi_call.App, ThreadPoolExecutor]
) -> Callable[[wsgi_call.Environ, Body | None], Coroutine[Any, Any, wsgi_call.AppAnswer | None]]:
    """Answer a request by the app of its path, in a thread of that app's own pool."""

    async def answer(environ: wsgi_call.Environ, body: Body | None) -> wsgi_call.AppAnswer | None:
        app = choose(environ["PATH_INFO"])
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pools[app], wsgi_call.call, app, environ, body)

    return answer


def _failed(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if error is not None:
        log.error("a connection failed", **cause(error))
