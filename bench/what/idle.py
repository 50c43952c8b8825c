"""Measure what the service adds to a change's way when it has nothing else to do.

From the webhook's first byte to the end of the write in the other system, less the time that the
remotes themselves took for the calls between; one change at a time, settle 0.
"""

import math
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.clinic import Clinic, Visit
from bench.figures import Figure
from bench.journal import Call
from bench.sizes import Sizes

_FIRST_LOOK, _LOOK, _LONGEST = 0.05, 0.03, 20.0  # seconds; a look costs the sandbox a little


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one webhook: when it was posted, seconds added, the remotes' own, the calls."""

    begun: float
    added: float
    remote: float
    calls: tuple[Call, ...]


def idle(clinic: Clinic, sizes: Sizes) -> list[Figure]:
    """Tell of one change after another, made in DrChrono and made in OnCall."""
    clinic.staffed(workers=1)
    ways: dict[str, Callable[[Visit], Told]] = {
        "DrChrono to OnCall": lambda one: _to_oncall(clinic, one),
        "OnCall to DrChrono": lambda one: _to_drchrono(clinic, one),
    }
    figures = []
    for name, way in ways.items():
        rounds = []
        for turn in range(sizes.rounds):
            first = turn * sizes.idle
            some = [clinic.visits[(first + n) % len(clinic.visits)] for n in range(sizes.idle)]
            rounds.append([way(one) for one in some])
        figures += _figures(name, clinic.database, rounds)
    return figures


def _figures(name: str, database: str, rounds: list[list[Told]]) -> list[Figure]:
    slowest = max((one for some in rounds for one in some), key=lambda one: one.added)
    raw = {
        "added_ms": [[round(1000 * one.added, 1) for one in some] for some in rounds],
        "remote_ms": [[round(1000 * one.remote, 1) for one in some] for some in rounds],
        "slowest": [
            f"{1000 * (call.at - slowest.begun):.0f} ms: {call.remote} {call.method} {call.path}"
            for call in slowest.calls
        ],
    }
    against = "less the remote calls' own time"
    return [
        Figure(
            f"idle, {name}: {word}",
            database,
            against,
            [_percentile([1000 * one.added for one in some], percent) for some in rounds],
            goal,
            "ms",
            raw,
        )
        for word, percent, goal in (("p50", 50, "≤ 15"), ("p99", 99, "≤ 50"))
    ]


def _percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[math.ceil(percent / 100 * len(ordered)) - 1]


def _to_oncall(clinic: Clinic, visit: Visit) -> Told:
    with clinic.untold():
        clinic.move([visit])
    (told,) = clinic.webhooks([visit])
    return _told(clinic, told, "oncall")


def _to_drchrono(clinic: Clinic, visit: Visit) -> Told:
    with clinic.untold():
        clinic.move_in_oncall([visit])
    return _told(clinic, clinic.hint(visit), "drchrono")


def _told(clinic: Clinic, request: bytes, other: str) -> Told:
    """Post it, wait for the write in the `other` system; gives what that took."""
    clinic.drained()
    clinic.calls()
    with socket.create_connection(("127.0.0.1", clinic.world.ports.web)) as line:
        begun = time.time()
        line.sendall(request)
        status = int(line.recv(65536)[9:12])
    if status // 100 != 2:
        raise RuntimeError(f"the door answers {status}")
    made: list[Call] = []
    time.sleep(_FIRST_LOOK)
    while not (writes := [c for c in made if c.remote == other and c.method != "GET"]):
        if time.time() - begun > _LONGEST:
            raise RuntimeError(f"nothing was written in {other}")
        time.sleep(_LOOK)
        made += clinic.calls()
    end = writes[-1].end
    remote = sum(call.seconds for call in made if call.end <= end)
    return Told(begun, end - begun - remote, remote, tuple(made))
