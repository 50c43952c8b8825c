"""Deliver webhooks: at once, late, twice, in the wrong order, again or never."""

from __future__ import annotations

import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.answers import Json
    from sandbox.clock import Clock

LISTS = ("queue", "held", "retries", "sent")
MODES = ("deliver", "drop", "hold", "delay", "duplicate", "reorder")
# How long the receiver may take. Neither vendor says (docs/api-facts.md, D58, O40).
RECEIVER_SECONDS = 10.0
# How long "reorder" waits for a later delivery to overtake.
REORDER_SECONDS = 0.5


@dataclass
class Parcel:
    """One delivery: what goes where, and when (`due`, sandbox seconds)."""

    event: str
    object_id: str
    url: str
    body: bytes
    headers: dict[str, str] = field(repr=False)
    basic: tuple[str, str] | None = None
    delivery_header: str | None = None
    delivery: str = ""
    first: float = 0.0
    due: float = 0.0
    retried: int = 0

    def described(self) -> Json:
        """For the control API: no body, no secret."""
        return {
            "event": self.event,
            "object_id": self.object_id,
            "delivery": self.delivery,
            "due": self.due,
            "retried": self.retried,
        }

    def saved(self) -> Json:
        """The whole of it as JSON, secrets too: for the state file, which is private."""
        return {**asdict(self), "body": self.body.decode()}

    @classmethod
    def restored(cls, saved: Json) -> Parcel:
        """What `saved` told."""
        basic = saved["basic"]
        pair = (basic[0], basic[1]) if basic else None
        return cls(**{**saved, "body": saved["body"].encode(), "basic": pair})


class Courier:
    """The outgoing webhooks of one remote, sent one after another by one thread.

    `retry_hours` are counted from the first attempt; they fire on the sandbox's clock.
    """

    def __init__(self, clock: Clock, retry_hours: tuple[float, ...] = ()) -> None:
        self._clock = clock
        self._retry_hours = retry_hours
        self._changed = threading.Condition()
        self.keep_id = True
        self.clear()
        threading.Thread(target=self._run, name="courier", daemon=True).start()

    def clear(self) -> None:
        """Forget everything that was sent or is still to be sent."""
        with self._changed:
            self._queue: list[Parcel] = []
            self._held: list[Parcel] = []
            self._retries: list[Parcel] = []
            self._sent: list[Parcel] = []
            self._attempts: list[Json] = []
            self._waiting_to_swap: Parcel | None = None
            self._sending = False
            self._working = 0
            self._epoch = object()
            self._mode: tuple[str, int | None, float] = ("deliver", None, 0.0)
            self._changed.notify_all()

    def set_mode(self, mode: str, times: int | None, seconds: float | None) -> None:
        """How the next `times` deliveries (None: all) are treated; ValueError if unknown."""
        if mode not in MODES:
            raise ValueError(f"mode is one of: {', '.join(MODES)}")
        with self._changed:
            default = REORDER_SECONDS if mode == "reorder" else 0.0
            self._mode = (mode, times, default if seconds is None else seconds)

    def post(self, parcel: Parcel, delay: float = 0.0) -> None:
        """Send a new delivery, `delay` seconds from now at the earliest."""
        with self._changed:
            now = self._clock.seconds()
            parcel.delivery = parcel.delivery or str(uuid.uuid4())
            parcel.first = parcel.due = now + delay
            mode, seconds = self._take_mode()
            if mode == "drop":
                self._note(parcel, None, "dropped by the sandbox")
            elif mode == "hold":
                self._held.append(parcel)
            elif mode == "reorder":
                self._swap(parcel, seconds)
            else:
                parcel.due += seconds if mode == "delay" else 0.0
                self._queue.append(parcel)
                if mode == "duplicate":
                    self._queue.append(replace(parcel))
            self._changed.notify_all()

    def release(self, order: str) -> int:
        """Let held and delayed deliveries go now, oldest first or in "reverse"; says how many."""
        with self._changed:
            now = self._clock.seconds()
            delayed = [parcel for parcel in self._queue if parcel.due > now]
            going = sorted(self._held + delayed, key=lambda parcel: parcel.first)
            if order == "reverse":
                going.reverse()
            self._queue = [parcel for parcel in self._queue if parcel.due <= now]
            self._held = []
            for parcel in going:
                parcel.due = now
            self._queue.extend(going)
            self._changed.notify_all()
            return len(going)

    def redeliver(self, delivery: str) -> bool:
        """Send one again, as the vendor's "redeliver" button does; False when unknown."""
        with self._changed:
            known = self._sent + self._retries + self._held
            for parcel in reversed(known):
                if parcel.delivery == delivery:
                    again = replace(parcel, delivery=self._next_id(parcel))
                    again.first = again.due = self._clock.seconds()
                    # By hand after the automatic ones (D64).
                    again.retried = len(self._retry_hours)
                    self._retries = [left for left in self._retries if left.delivery != delivery]
                    self._queue.append(again)
                    self._changed.notify_all()
                    return True
        return False

    def wait_idle(self, timeout: float) -> bool:
        """Wait (seconds) until nothing is queued, being sent or being committed late."""
        until = time.monotonic() + timeout
        with self._changed:
            while self._queue or self._sending or self._working:
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
            return True

    @contextmanager
    def working(self) -> Iterator[None]:
        """While open, a write is still to come: nobody is idle."""
        with self._changed:
            epoch = self._epoch
            self._working += 1
        try:
            yield
        finally:
            with self._changed:
                if self._epoch is epoch:
                    self._working -= 1
                self._changed.notify_all()

    def described(self) -> Json:
        """Every attempt, and what is still waiting."""
        with self._changed:
            return {
                "deliveries": [dict(attempt) for attempt in self._attempts],
                "pending": len(self._queue) + int(self._sending),
                "held": [parcel.described() for parcel in self._held],
                "retries": [parcel.described() for parcel in self._retries],
            }

    def saved(self) -> Json:
        """Every attempt and every delivery still owed, as JSON."""
        with self._changed:
            lists = (self._queue, self._held, self._retries, self._sent)
            return {
                "attempts": [dict(attempt) for attempt in self._attempts],
                **{
                    name: [parcel.saved() for parcel in parcels]
                    for name, parcels in zip(LISTS, lists, strict=True)
                },
            }

    def restore(self, saved: Json) -> None:
        """Owe what `saved` told; what was queued goes out at once."""
        self.clear()
        with self._changed:
            self._queue, self._held, self._retries, self._sent = (
                [Parcel.restored(parcel) for parcel in saved[name]] for name in LISTS
            )
            self._attempts = saved["attempts"]
            self._changed.notify_all()

    def _take_mode(self) -> tuple[str, float]:
        mode, times, seconds = self._mode
        if times is not None:
            self._mode = (mode, times - 1, seconds) if times > 1 else ("deliver", None, 0.0)
        return mode, seconds

    def _swap(self, parcel: Parcel, seconds: float) -> None:
        earlier = self._waiting_to_swap
        self._queue.append(parcel)
        if earlier is not None and earlier in self._queue:
            self._queue.remove(earlier)
            earlier.due = parcel.due
            self._queue.append(earlier)
            self._waiting_to_swap = None
        else:
            parcel.due += seconds
            self._waiting_to_swap = parcel

    def _next_id(self, parcel: Parcel) -> str:
        return parcel.delivery if self.keep_id else str(uuid.uuid4())

    def _run(self) -> None:
        while True:
            with self._changed:
                parcel = self._next_due()
                if parcel is None:
                    # Short, because the sandbox's clock may be moved meanwhile.
                    self._changed.wait(self._pause())
                    continue
                self._sending = True
                epoch = self._epoch
            status, detail = _send(parcel)
            with self._changed:
                if epoch is self._epoch:
                    self._settle(parcel, status, detail)
                    self._sending = False
                self._changed.notify_all()

    def _pause(self) -> float:
        waiting = self._queue + self._retries
        if not waiting:
            return 0.25
        first = min(parcel.due for parcel in waiting)
        return min(max(first - self._clock.seconds(), 0.001), 0.25)

    def _next_due(self) -> Parcel | None:
        now = self._clock.seconds()
        ready = [parcel for parcel in self._queue + self._retries if parcel.due <= now]
        if not ready:
            return None
        parcel = min(ready, key=lambda one: one.due)
        home = self._queue if parcel in self._queue else self._retries
        # By identity: a duplicate is equal to its twin.
        home[:] = [left for left in home if left is not parcel]
        return parcel

    def _settle(self, parcel: Parcel, status: int | None, detail: str) -> None:
        self._note(parcel, status, detail)
        delivered = status is not None and 200 <= status < 300
        if not delivered and parcel.retried < len(self._retry_hours):
            again = replace(parcel, delivery=self._next_id(parcel), retried=parcel.retried + 1)
            again.due = parcel.first + 3600.0 * self._retry_hours[parcel.retried]
            self._retries.append(again)

    def _note(self, parcel: Parcel, status: int | None, detail: str) -> None:
        self._sent.append(parcel)
        self._attempts.append(
            {
                "n": len(self._attempts) + 1,
                "event": parcel.event,
                "object_id": parcel.object_id,
                "status": status,
                "detail": detail,
                "at": self._clock.iso(),
                "delivery": parcel.delivery,
            }
        )


def _send(parcel: Parcel) -> tuple[int | None, str]:
    headers = {"Content-Type": "application/json", **parcel.headers}
    if parcel.delivery_header:
        headers[parcel.delivery_header] = parcel.delivery
    with requests.Session() as session:
        session.trust_env = False
        session.auth = parcel.basic
        try:
            # Any answer but 2xx, also 302, is a failure (D64).
            answer = session.post(
                parcel.url,
                data=parcel.body,
                headers=headers,
                timeout=RECEIVER_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return None, type(error).__name__
        return answer.status_code, ""
