"""Read what the service called, as the remotes saw it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cli.world.sandbox_control import SandboxControl

REMOTES: Final = ("drchrono", "oncall")
_OF_ONE = re.compile(r"/[0-9]+/?$")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the service, as the remote saw it: when it came, and the seconds it took."""

    remote: str
    number: int
    method: str
    path: str
    query: str
    status: int | None
    at: float
    seconds: float

    @property
    def end(self) -> float:
        """When it was answered."""
        return self.at + self.seconds


class Journal:
    """The sandbox's journal of both remotes, read on from where it was read last."""

    def __init__(self, control: SandboxControl) -> None:
        self._control = control
        self._seen = dict.fromkeys(REMOTES, 0)

    def calls(self) -> list[Call]:
        """What the service called of single objects since this was asked last, in order.

        Lists that it reads by the clock are no change's calls.
        """
        found = []
        for remote in REMOTES:
            rows = self._control.calls(remote, self._seen[remote])
            self._seen[remote] = max([self._seen[remote], *(int(row["n"]) for row in rows)])
            found += [_call(remote, row) for row in rows if row["path"] != "/o/token/"]
        found.sort(key=lambda call: call.at)
        return [call for call in found if call.method != "GET" or _OF_ONE.search(call.path)]


def span(calls: Sequence[Call]) -> float:
    """Seconds from the first call to the last one's end."""
    return max(call.end for call in calls) - min(call.at for call in calls)


def _call(remote: str, row: Mapping[str, Any]) -> Call:
    told = (row["method"], row["path"], row["query"], row["status"])
    at = datetime.fromisoformat(row["at"]).timestamp()
    return Call(remote, int(row["n"]), *told, at, float(row["seconds"]))
