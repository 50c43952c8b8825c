"""Make connections that one deadline can end, whatever they are waiting for.

The connection in use is known to the deadline of the calling thread by a duplicate of its file
descriptor: shutting that down wakes a blocked connect, TLS handshake, send or read, and can never
hit a descriptor that was closed and given to something else meanwhile.
"""

import contextlib
import queue
import socket
import threading
import time
from typing import Any, ClassVar

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.connection import create_connection

from sync.outbound.deadline import current

# Servers and their load balancers drop idle connections after some time (60 s and up are usual). A
# write that meets the drop half-way is a write without an outcome, so old connections are not used.
IDLE_SECONDS = 10.0

# The own timeout of a socket, behind the deadline that is to come first.
BACKSTOP_SECONDS = 5.0


class _Watched(HTTPConnection):
    phase_after_connect: ClassVar[str] = "connect"
    _last_sent = 0.0

    @property
    def is_connected(self) -> bool:
        return time.monotonic() - self._last_sent < IDLE_SECONDS and super().is_connected

    def _new_conn(self) -> socket.socket:
        deadline = current()
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
        deadline = current()
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
