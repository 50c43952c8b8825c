"""Send many requests over a few kept connections, and tell how fast they were answered."""

import math
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a load: answers a second, and how long one took, in milliseconds."""

    a_second: float
    p50: float
    p99: float
    statuses: tuple[int, ...]


def send(port: int, requests: Sequence[bytes], connections: int = 16) -> Answered:
    """Send these requests, each connection its share one after another."""
    took: list[float] = []
    statuses: set[int] = set()
    shares = [requests[n::connections] for n in range(connections)]
    opened = [socket.create_connection(("127.0.0.1", port)) for _ in shares]
    ready = threading.Barrier(connections + 1)

    def one(line: socket.socket, share: Sequence[bytes]) -> None:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own: list[float] = []
        ready.wait()
        for request in share:
            begun = time.perf_counter()
            line.sendall(request)
            statuses.add(_answer(line))
            own.append(time.perf_counter() - begun)
        took.extend(own)

    threads = [threading.Thread(target=one, args=pair) for pair in zip(opened, shares, strict=True)]
    for thread in threads:
        thread.start()
    ready.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    for line in opened:
        line.close()
    took.sort()
    return Answered(
        round(len(took) / seconds, 1),
        round(1000 * took[len(took) // 2], 2),
        round(1000 * took[math.ceil(0.99 * len(took)) - 1], 2),
        tuple(sorted(statuses)),
    )


def _answer(line: socket.socket) -> int:
    """The status of an answer that has no body."""
    got = b""
    while b"\r\n\r\n" not in got:
        piece = line.recv(65536)
        if not piece:
            raise ConnectionError("the line was closed")
        got += piece
    return int(got[9:12])


def post(path: str, headers: dict[str, str], body: bytes) -> bytes:
    """A request as it goes over the line."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += ["Content-Type: application/json", *(f"{name}: {v}" for name, v in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
