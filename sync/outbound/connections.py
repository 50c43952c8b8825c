"""Make connections that one deadline can end, whatever they are waiting for, and keep idle ones.

The connection in use is known to the deadline of the calling thread by a duplicate of its file
descriptor: shutting that down wakes a blocked connect, TLS handshake, send or read, and can never
hit a descriptor that was closed and given to something else meanwhile.
"""

import contextlib
import http.client
import queue
import select
import socket
import ssl
import threading
import time
import weakref
from collections import defaultdict, deque
from typing import Any

from sync.outbound.deadline import current

# Servers and their load balancers drop idle connections after some time (60 s and up are usual). A
# write that meets the drop half-way is a write without an outcome, so old connections are not used.
IDLE_SECONDS = 10.0

# The own timeout of a socket, behind the deadline that is to come first.
BACKSTOP_SECONDS = 5.0

# Idle connections to one host that are kept: one for each of a process's threads, with room.
_KEPT = 64

Place = tuple[str, str, int]


class Connection(http.client.HTTPConnection):
    """One connection to a place (scheme, host, port); with a `context` it is TLS."""

    def __init__(
        self, place: Place, connect_seconds: float, context: ssl.SSLContext | None
    ) -> None:
        """Connect to nothing yet."""
        self.place = place
        self._context = context
        self._connect_seconds = connect_seconds
        self._last_sent = 0.0
        if context is not None:
            self.default_port = http.client.HTTPS_PORT  # which the Host header leaves out
        super().__init__(*place[1:])

    def is_usable(self) -> bool:
        """Whether it stands, was used a short time ago, and nobody has said anything on it."""
        if self.sock is None or time.monotonic() - self._last_sent >= IDLE_SECONDS:
            return False
        waiting = select.poll()
        waiting.register(self.sock, select.POLLIN)
        return not waiting.poll(0)

    def connect(self) -> None:
        """Look the host up, connect, and prove the server where it is TLS."""
        deadline = current()
        deadline.phase = "dns"
        addresses = _resolve(self.host, self.port, deadline.remaining)
        deadline.phase = "connect"
        sock = _connect(addresses, min(self._connect_seconds, deadline.remaining))
        self.sock = sock  # closed with the connection, whatever comes
        deadline.watch(sock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is not None:
            deadline.phase = "tls"
            sock.settimeout(deadline.remaining + BACKSTOP_SECONDS)
            self.sock = self._context.wrap_socket(sock, server_hostname=self.host)

    def send(self, data: Any) -> None:
        """Send a part of a request: from here on it may have arrived."""
        if self.sock is None:
            self.connect()
        deadline = current()
        deadline.watch(self.sock)
        deadline.phase = "answer"
        self._last_sent = time.monotonic()
        self.sock.settimeout(deadline.remaining + BACKSTOP_SECONDS)
        super().send(data)


class Pool:
    """The idle connections of one process; safe to share between its threads.

    Servers are proven by the authorities in the file `certificates`.
    """

    def __init__(self, connect_seconds: float, certificates: str) -> None:
        """Open nothing yet, and read no file."""
        self._connect_seconds = connect_seconds
        self._certificates = certificates
        self._context: ssl.SSLContext | None = None
        self._idle: defaultdict[Place, deque[Connection]] = defaultdict(deque)
        weakref.finalize(self, _close_all, self._idle)

    def take(self, place: Place) -> Connection:
        """A connection that nobody else has: the one used last that is usable, else a new one."""
        idle = self._idle[place]
        with contextlib.suppress(IndexError):
            while True:
                connection = idle.pop()
                if connection.is_usable():
                    return connection
                connection.close()
        return Connection(place, self._connect_seconds, self._tls(place[0]))

    def give_back(self, connection: Connection) -> None:
        """Keep one whose answer was read whole."""
        idle = self._idle[connection.place]
        if connection.sock is None or len(idle) >= _KEPT:
            connection.close()
        else:
            idle.append(connection)

    def _tls(self, scheme: str) -> ssl.SSLContext | None:
        if scheme != "https":
            return None
        if self._context is None:
            # Made by hand, it looks for nothing in the environment; it proves the server's name.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_verify_locations(self._certificates)
            context.set_alpn_protocols(["http/1.1"])
            self._context = context
        return self._context


def _close_all(idle: dict[Place, deque[Connection]]) -> None:
    for connections in idle.values():
        for connection in connections:
            connection.close()


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


def _connect(addresses: list[tuple[str, int]], seconds: float) -> socket.socket:
    """Connect to the first address that answers; the seconds are for all of them together."""
    ends = time.monotonic() + seconds
    for address in addresses:
        left = ends - time.monotonic()
        if left <= 0:
            break
        with contextlib.suppress(OSError):
            return socket.create_connection(address, left)
    raise ConnectionError("no address answered")
