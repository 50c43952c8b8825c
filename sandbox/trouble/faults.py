"""Answer chosen calls wrongly, a set number of times."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.answers import Json

# What a fault does. Before the endpoint runs (nothing is committed): status, 429, html (of any
# status), garbage, hang, drop, redirect, empty_list. After it: drop_after, drip, late, slow. Around
# it: stale.
DOINGS = (
    "status",
    "429",
    "html",
    "garbage",
    "hang",
    "drop",
    "drop_after",
    "drip",
    "late",
    "slow",
    "stale",
    "redirect",
    "empty_list",
)
KEYS = (
    "match",
    "do",
    "times",
    "seconds",
    "actor",
    "status",
    "body",
    "retry_after",
    "then",
    "part",
    "location",
)
# What stands when no status is named.
STATUS = {"html": 200, "redirect": 302}


@dataclass
class Fault:
    """One rule: calls that match are treated so, until `times` is used up (None: for ever).

    `seconds` is how long to hang, how late a slow answer is, the pause between dripped bytes, the
    delay of a late commit, or what a 429 says it will take. `then` is what the caller of a late
    write sees: the line closed at once ("close") or held until the commit ("hang"). `location` is
    where a redirect leads; without one, to the same address under the other name of this machine.
    """

    method: str | None
    path: re.Pattern[str]
    do: str
    times: int | None
    seconds: float | None
    actor: str
    status: int
    body: Any
    retry_after: str | None
    then: str
    part: str
    location: str | None

    def wants(self, method: str, path: str, actor: str) -> bool:
        """Whether this call is meant."""
        return (
            self.times != 0
            and self.actor in ("any", actor)
            and self.method in (None, method)
            and (self.do not in ("stale", "empty_list") or method == "GET")
            and self.path.search(path) is not None
        )

    def described(self) -> Json:
        """For `/_sandbox/state`."""
        return {
            "match": {"method": self.method, "path": self.path.pattern},
            "do": self.do,
            "times": self.times,
            "actor": self.actor,
        }


def parse(raw: Any) -> Fault:
    """A fault as control sends it; ValueError says what is wrong with it."""
    if not isinstance(raw, dict):
        raise ValueError("a fault is an object")  # noqa: TRY004 - one error for all of control
    unknown = sorted(set(raw) - set(KEYS))
    if unknown:
        raise ValueError(f"unknown key of a fault: {', '.join(unknown)}")
    match = raw.get("match", {})
    if not isinstance(match, dict) or set(match) - {"method", "path"}:
        raise ValueError("match holds method and path only")
    if raw.get("do") not in DOINGS:
        raise ValueError(f"do is one of: {', '.join(DOINGS)}")
    if raw.get("then", "close") not in ("close", "hang"):
        raise ValueError("then is close or hang")
    if raw.get("part", "all") not in ("all", "body"):
        raise ValueError("part is all or body")
    seconds = raw.get("seconds")
    try:
        return Fault(
            method=match["method"].upper() if "method" in match else None,
            path=re.compile(match.get("path", "")),
            do=raw["do"],
            times=None if raw.get("times", 1) is None else int(raw.get("times", 1)),
            seconds=None if seconds is None else float(seconds),
            actor=str(raw.get("actor", "app")),
            status=int(raw.get("status", STATUS.get(raw["do"], 500))),
            body=raw.get("body"),
            retry_after=None if raw.get("retry_after") is None else str(raw["retry_after"]),
            then=raw.get("then", "close"),
            part=raw.get("part", "all"),
            location=None if raw.get("location") is None else str(raw["location"]),
        )
    except (TypeError, ValueError, AttributeError, re.error) as error:
        raise ValueError(f"can't read the fault: {error}") from error


class Faults:
    """The faults waiting on one remote; the first that matches is taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, faults: list[Fault]) -> None:
        """Append rules."""
        with self._lock:
            self._waiting.extend(faults)

    def clear(self) -> None:
        """Behave again."""
        with self._lock:
            self._waiting = []

    def take(self, method: str, path: str, actor: str) -> Fault | None:
        """The fault for this call, or None; uses up one of its times."""
        with self._lock:
            for fault in self._waiting:
                if fault.wants(method, path, actor):
                    if fault.times is not None:
                        fault.times -= 1
                    self._waiting = [left for left in self._waiting if left.times != 0]
                    return fault
        return None

    def described(self) -> list[Json]:
        """What is still waiting."""
        with self._lock:
            return [fault.described() for fault in self._waiting]
