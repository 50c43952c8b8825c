"""Handle a request of either remote: journal, limits, faults, then the endpoint."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from sandbox.answers import Call, Json, Outcome, Refusal, json_answer
from sandbox.calls import CallJournal
from sandbox.trouble import refusing
from sandbox.trouble.behaviours import Behaviours, Switch
from sandbox.trouble.faults import Fault, Faults
from sandbox.webhooks import Courier

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

    from sandbox.clock import Clock
    from sandbox.world import Seed

Command = Callable[[Json], Any]
Reading = Callable[["MultiDict[str, str]"], Any]

HTML = "<!DOCTYPE html><html><body><h1>We'll be back soon</h1></body></html>"
LOGIN = "/accounts/login/"
# The documented example of a refused call (docs/api-facts.md, D11).
DEFAULT_WAIT = 2295.0


class Remote(ABC):
    """One remote system. Everything that changes its world is done under `lock`."""

    name: str

    def __init__(
        self, clock: Clock, switches: dict[str, Switch], retry_hours: tuple[float, ...] = ()
    ) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.behaviours = Behaviours(switches)
        self.faults = Faults()
        self.calls = CallJournal()
        self.courier = Courier(clock, retry_hours)
        self.world = 0
        self.saves: dict[str, str] = {}

    @abstractmethod
    def actor_of(self, request: Request) -> str:
        """app, staff or patient, by the credentials sent; app when there are none."""

    @abstractmethod
    def check_limits(self, call: Call) -> None:
        """Count an app's call; raises Refusal 429 beyond the limits."""

    @abstractmethod
    def answer(self, call: Call) -> Response:
        """Run the endpoint; may raise Refusal."""

    @abstractmethod
    def throttled(self, seconds: float) -> Json:
        """The body of a 429."""

    @abstractmethod
    def empty_list(self) -> Json:
        """The body of a list without entries."""

    @abstractmethod
    def plant(self, seed: Seed, *, keep_webhooks: bool) -> None:
        """Make a new world from a seed."""

    @abstractmethod
    def described(self) -> Json:
        """`objects`, `webhook`, `credentials` and `counters`, as JSON."""

    @abstractmethod
    def saved(self) -> Json:
        """Give this remote's own part of the state file."""

    @abstractmethod
    def restore_own(self, saved: Json) -> None:
        """Hold what `saved` told, and nothing else."""

    @abstractmethod
    def commands(self) -> dict[str, Command]:
        """The POSTs under /_sandbox/ that only this remote has."""

    def readings(self) -> dict[str, Reading]:
        """The GETs under /_sandbox/ that only this remote has."""
        return {}

    def reset(self, seed: Seed, *, keep_webhooks: bool = False) -> None:
        """A new world: no calls, faults, settings or deliveries are left of the old one."""
        with self.lock:
            self.world += 1
            self.clock.offset = 0.0
            self.behaviours.reset()
            self.faults.clear()
            self.calls.clear()
            self.courier.clear()
            self.plant(seed, keep_webhooks=keep_webhooks)

    def state(self) -> Json:
        """The whole world as JSON, to be used under `lock`; faults are not part of it."""
        return {
            "own": self.saved(),
            "behaviours": self.behaviours.values,
            "calls": self.calls.listed(None, 0),
            "courier": self.courier.saved(),
        }

    def restore(self, state: Json) -> None:
        """Go on with a world as `state` told it."""
        with self.lock:
            self.world += 1
            self.faults.clear()
            self.behaviours.reset()
            self.behaviours.set(state["behaviours"])
            self.restore_own(state["own"])
            self.calls.restore(state["calls"])
            self.courier.restore(state["courier"])

    def outcome(self, request: Request) -> Outcome:
        """Answer one request."""
        if request.path == LOGIN:
            return self._sign_in(request)
        actor = self.actor_of(request)
        query = request.query_string.decode("latin-1")
        line = self.calls.begin(request.method, request.path, query, self.clock.iso(), actor)
        try:
            outcome = self._treat(Call(request, actor))
        except Exception:  # noqa: BLE001 - whatever breaks, the caller gets an answer
            traceback.print_exc(file=sys.stderr)
            outcome = Outcome(json_answer({"detail": "The sandbox itself failed."}, 500))
        self.calls.end(line, None if outcome.response is None else outcome.response.status_code)
        return outcome

    def _sign_in(self, request: Request) -> Outcome:
        """Answer the page where people sign in: a form; to a stranger's POST, 403.

        As Django does it: 302 to /accounts/login/?next=, a page for the CSRF failure (D13).
        """
        query = request.query_string.decode("latin-1")
        actor = self.actor_of(request)
        line = self.calls.begin(request.method, request.path, query, self.clock.iso(), actor)
        status = 200 if request.method in {"GET", "HEAD"} else 403
        self.calls.end(line, status)
        return Outcome(_page("<!DOCTYPE html><title>Sign in</title><form method=post>", status))

    def _treat(self, call: Call) -> Outcome:
        try:
            with self.lock:
                self.check_limits(call)
        except Refusal as refusal:
            return Outcome(json_answer(refusal.body, refusal.status, refusal.headers))
        request = call.request
        fault = self.faults.take(request.method, request.path, call.actor)
        if fault is None:
            return Outcome(self._commit(call))
        instead = self._instead(fault, call)
        return instead if instead is not None else self._around(fault, call)

    def _commit(self, call: Call) -> Response:
        with self.lock:
            try:
                refusing.check(self.behaviours, call)
                return self.answer(call)
            except Refusal as refusal:
                return json_answer(refusal.body, refusal.status, refusal.headers)

    def _instead(self, fault: Fault, call: Call) -> Outcome | None:
        """The faults that answer in the endpoint's place: nothing is committed."""
        if fault.do == "status":
            body = {"detail": "A fault."} if fault.body is None else fault.body
            return Outcome(json_answer(body, fault.status))
        if fault.do == "429":
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else None
            body = self.throttled(DEFAULT_WAIT if fault.seconds is None else fault.seconds)
            return Outcome(json_answer(fault.body or body, 429, headers))
        if fault.do == "html":
            # HTML from the edge: 200, 401 or 403 (D13).
            return Outcome(_page(fault.body or HTML, fault.status))
        if fault.do == "garbage":
            return Outcome(Response('{"results": [', content_type="application/json"))
        if fault.do == "hang":
            time.sleep(fault.seconds or 0.0)
            return Outcome(None)
        if fault.do == "drop":
            return Outcome(None)
        if fault.do == "redirect":
            location = fault.location or other_loopback(call.request.url)
            return Outcome(Response(status=fault.status, headers={"Location": location}))
        if fault.do == "empty_list":
            return Outcome(json_answer(self.empty_list()))
        return None

    def _around(self, fault: Fault, call: Call) -> Outcome:
        """The faults under which the endpoint runs all the same."""
        if fault.do == "stale":
            return Outcome(self._commit(Call(call.request, call.actor, stale=True)))
        if fault.do == "late":
            return self._commit_late(fault, call)
        response = self._commit(call)
        if fault.do == "drop_after":
            return Outcome(None)
        if fault.do == "slow":
            time.sleep(fault.seconds or 0.0)
            return Outcome(response)
        return Outcome(response, fault.seconds or 0.05, drip_head=fault.part == "all")

    def _commit_late(self, fault: Fault, call: Call) -> Outcome:
        started = threading.Event()
        world = self.world

        def commit() -> None:
            with self.courier.working():
                started.set()
                time.sleep(fault.seconds or 0.0)
                if world == self.world:
                    self._commit(call)

        if fault.then == "hang":
            commit()
        else:
            threading.Thread(target=commit, name="late", daemon=True).start()
            started.wait()
        return Outcome(None)


def _page(body: str, status: int) -> Response:
    return Response(body, status=status, content_type="text/html; charset=utf-8")


def other_loopback(url: str) -> str:
    """The same address under the other name of this machine."""
    parts = urlsplit(url)
    host = "localhost" if parts.hostname == "127.0.0.1" else "127.0.0.1"
    return parts._replace(netloc=f"{host}:{parts.port}").geturl()
