"""Make connections that one deadline can end, whatever they are waiting for.

The connection in use is known to the deadline of the calling thread by a duplicate of its file
descriptor: shutting that down wakes a blocked connect, TLS handshake, send or read, and can never
hit a descriptor that was closed and given to something else meanwhile.
"""

import contextlib
import os
import queue
import socket
import threading
import time
from types import TracebackType
from typing import Any, ClassVar, Self

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.connection import create_connection

from sync.core.errors import NoAnswer, NotSent, TransportError

# Servers and their load balancers drop idle connections after some time (60 s and up are usual). A
# write that meets the drop half-way is a write without an outcome, so old connections are not used.
IDLE_SECONDS = 10.0

# The own timeout of a socket, behind the deadline that is to come first.
BACKSTOP_SECONDS = 5.0

_thread = threading.local()


class Deadline:
    """The end of one request, for the thread that makes it. A context manager.

    `phase` says how far the request came: prepare, dns, connect, tls, answer. Bytes may have gone
    out from "answer" on.
    """

    def __init__(self, seconds: float) -> None:
        self.phase = "prepare"
        self.passed = False
        self._ends = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        _thread.deadline = self
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        _thread.deadline = None
        with self._lock:
            if self._handle is not None:
                self._handle.close()
                self._handle = None

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._ends - time.monotonic())

    def watch(self, sock: socket.socket) -> None:
        """End this socket's connection when the deadline passes."""
        with self._lock:
            if self._handle is None:
                self._handle = socket.socket(fileno=os.dup(sock.fileno()))
        if self.passed:
            raise TimeoutError

    def failure(self) -> TransportError:
        """Give the exception for a request that failed in the present phase."""
        code = "deadline" if self.passed else self.phase
        return NoAnswer(code) if self.phase == "answer" else NotSent(code)

    def _end(self) -> None:
        with self._lock:
            self.passed = True
            if self._handle is not None:
                with contextlib.suppress(OSError):
                    self._handle.shutdown(socket.SHUT_RDWR)


def _current() -> Deadline:
    deadline = getattr(_thread, "deadline", None)
    if not isinstance(deadline, Deadline):
        raise TypeError("a connection is used outside of Transport.send")
    return deadline


class _Watched(HTTPConnection):
    phase_after_connect: ClassVar[str] = "connect"
    _last_sent = 0.0

    @property
    def is_connected(self) -> bool:
        return time.monotonic() - self._last_sent < IDLE_SECONDS and super().is_connected

    def _new_conn(self) -> socket.socket:
        deadline = _current()
        deadline.phase = "dns"
        addresses = _resolve(self.host, self.port, deadline.remaining)
        deadline.phase = "connect"
        seconds = self.timeout if isinstance(self.timeout, int | float) else deadline.remaining
        sock = _connect(addresses, min(seconds, deadline.remaining), self.socket_options)
        deadline.watch(sock)
        deadline.phase = self.phase_after_connect
        return sock

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        deadline = _current()
        deadline.watch(self.sock)
        deadline.phase = "answer"
        self._last_sent = time.monotonic()
        self.sock.settimeout(deadline.remaining + BACKSTOP_SECONDS)
        super().send(data)


class _WatchedTls(_Watched, HTTPSConnection):
    phase_after_connect = "tls"


def _resolve(host: str, port: int, seconds: float) -> list[tuple[str, int]]:
    """Ask for a host's addresses in a thread of its own: the system's resolver has no deadline."""
    found: queue.SimpleQueue[list[tuple[str, int]]] = queue.SimpleQueue()

    def ask() -> None:
        addresses = []
        with contextlib.suppress(OSError, UnicodeError):
            for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                addresses.append((str(address[0]), port))
        found.put(addresses)

    threading.Thread(target=ask, daemon=True).start()
    try:
        addresses = found.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if not addresses:
        raise OSError("no address")
    return addresses


def _connect(addresses: list[tuple[str, int]], seconds: float, options: Any) -> socket.socket:
    """Connect to the first address that answers; the seconds are for all of them together."""
    ends = time.monotonic() + seconds
    for address in addresses:
        left = ends - time.monotonic()
        if left <= 0:
            break
        with contextlib.suppress(OSError):
            return create_connection(address, left, socket_options=options)
    raise ConnectionError("no address answered")


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


class WatchedAdapter(HTTPAdapter):
    """The adapter of requests, over connections that a `Deadline` watches. Retries nothing."""

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any
    ) -> None:
        """Make the pools of this adapter's connections, as requests asks for them."""
        self.poolmanager = PoolManager(
            num_pools=connections, maxsize=maxsize, block=block, **pool_kwargs
        )
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
