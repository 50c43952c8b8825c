"""Ask a server that does on each connection what a test says, and have it do the usual things."""

from collections.abc import Callable
from typing import Any

from sync.outbound.call import Outgoing

SHORT = 0.4  # seconds; what is dripped or silent never ends by itself


def get(url: str, **told: Any) -> Outgoing:
    """A GET as a client makes it."""
    return Outgoing("GET", url, {"accept": "application/json"}, **told)


def answers(*bodies: bytes) -> Callable[[Any], None]:
    """A handler that answers request after request on its connection."""

    def handler(peer: Any) -> None:
        for body in bodies:
            if not peer.read_request():
                return
            peer.answer(body)
        peer.sock.recv(1)

    return handler


def silent(peer: Any) -> None:
    """A handler that reads a request and never answers."""
    peer.read_request()
    peer.stop.wait(60)
