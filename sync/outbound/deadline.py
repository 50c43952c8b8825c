"""End a request when its time is over, by a thread that watches every request of the process."""

import contextlib
import heapq
import os
import socket
import threading
import time
from itertools import count
from types import TracebackType
from typing import Self

from sync.core.errors import NoAnswer, NotSent, TransportError

_thread = threading.local()


class Deadline:
    """The end of one request, for the thread that makes it. A context manager.

    `phase` says how far the request came: prepare, dns, connect, tls, answer. Bytes may have gone
    out from "answer" on.
    """

    def __init__(self, seconds: float) -> None:
        """Begin to count."""
        self.phase = "prepare"
        self.passed = False
        self.ends = time.monotonic() + seconds
        self.over = False  # the request has ended: there is nothing to end any more
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None

    def __enter__(self) -> Self:
        _thread.deadline = self
        _watch.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _thread.deadline = None
        with self._lock:
            self.over = True
            if self._handle is not None:
                self._handle.close()
                self._handle = None

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.ends - time.monotonic())

    def watch(self, sock: socket.socket) -> None:
        """End this socket's connection when the deadline passes."""
        with self._lock:
            if self._handle is None:
                self._handle = socket.socket(
                    sock.family, sock.type, sock.proto, fileno=os.dup(sock.fileno())
                )
        if self.passed:
            raise TimeoutError

    def failure(self) -> TransportError:
        """Give the exception for a request that failed in the present phase."""
        code = "deadline" if self.passed else self.phase
        return NoAnswer(code) if self.phase == "answer" else NotSent(code)

    def end(self) -> None:
        """Let it pass, unless the request is over."""
        with self._lock:
            if self.over:
                return
            self.passed = True
            if self._handle is not None:
                with contextlib.suppress(OSError):
                    self._handle.shutdown(socket.SHUT_RDWR)


def current() -> Deadline:
    """The deadline of the calling thread's request. Raises TypeError outside of one."""
    deadline = getattr(_thread, "deadline", None)
    if not isinstance(deadline, Deadline):
        raise TypeError("a connection is used outside of Transport.send")
    return deadline


class _Watch:
    """Lets deadlines pass. A thread for each would be a third of what a call costs."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, Deadline]] = []
        self._numbers = count()
        self._watching = False

    def add(self, deadline: Deadline) -> None:
        """Watch one more."""
        with self._changed:
            entry = (deadline.ends, next(self._numbers), deadline)
            heapq.heappush(self._heap, entry)
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._run, name="deadlines", daemon=True).start()
            elif self._heap[0] is entry:
                self._changed.notify()

    def _run(self) -> None:
        while True:
            passed = self._wait()
            if passed is not None:
                passed.end()

    def _wait(self) -> Deadline | None:
        """Wait for the earliest of those that are not over; it, if its time has come."""
        with self._changed:
            while self._heap and self._heap[0][2].over:
                heapq.heappop(self._heap)
            left = self._heap[0][0] - time.monotonic() if self._heap else None
            if left is None or left > 0:
                self._changed.wait(left)
                return None
            return heapq.heappop(self._heap)[2]


_watch = _Watch()


def _after_fork() -> None:
    # The child has neither the thread nor any of the requests.
    global _watch
    _watch = _Watch()


os.register_at_fork(after_in_child=_after_fork)
