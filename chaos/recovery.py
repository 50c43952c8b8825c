"""Measure how long it takes after each single fault until all is right, with production's settings.

For each, two visits stand on both sides, one booked on each. The fault is done, staff move both and
book a third into the middle of it, and the clock runs until both systems show every edit and
nothing waits any more. Leases, deadlines and the catch-up's ten minutes are production's.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import requests
from sqlalchemy.exc import SQLAlchemyError

from chaos.faults import Fault, Kind
from chaos.plan import CALLERS, CHARTS, DAYS, HALF_HOURS, Do, Edit, Plan, Side, people
from chaos.run import Run
from chaos.verdict import judge
from cli.output import TroubleError

# No fault may take longer (seconds) until all is right again.
MOST = 90.0
GIVEN_UP = 240.0
LOOK_SECONDS = 0.2
# Everything else is as it ships.
SETTINGS = {"WEB_CONCURRENCY": "2"}
PATCH = {"match": {"method": "PATCH", "path": r"^/appointments/"}}
POST = {"match": {"method": "POST", "path": r"^/appointments/"}}
READ = {"match": {"method": "GET", "path": r"^/appointments/\d+/$"}}
HELD_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Recovery:
    """One fault and how long it took (seconds), with what was wrong at the end of that."""

    name: str
    seconds: float
    problems: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether all was right again in time."""
        return self.seconds <= MOST and not self.problems


def empty_plan() -> Plan:
    """People, and nothing that happens by itself."""
    return Plan(0, people(), ())


class Recoveries:
    """Breaks one thing after the other in a started run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._done = 0
        self._visits = 0
        self._slots = 0

    @property
    def names(self) -> list[str]:
        """What will be broken, in order."""
        return list(self._acts())

    def each(self) -> Iterator[Recovery]:
        """Break one thing after the other, each when the one before is healed."""
        for name, act in self._acts().items():
            here, there = self._book(Side.DRCHRONO), self._book(Side.ONCALL)
            self._until_right()
            act(here, there)
            began = time.monotonic()
            self._book(Side.DRCHRONO)
            problems = self._until_right()
            yield Recovery(name, time.monotonic() - began, problems)
            self._run.breaker.heal()

    # --- the faults -------------------------------------------------------------------------------

    def _acts(self) -> dict[str, Callable[[int, int], None]]:
        hung = self._run.world.sync.settings.call_deadline_seconds + 1
        processes = (
            *(Kind.WEB_KILLED, Kind.BEATS_KILLED, Kind.REDIS_FLUSHED, Kind.REDIS_KILLED),
            *(Kind.REDIS_RESTARTED, Kind.DATABASE_STOPPED, Kind.DATABASE_CRASHED),
            Kind.TOKEN_EXPIRED,
        )
        calls: dict[str, dict[str, Any]] = {
            "a change hung past the deadline": {**PATCH, "do": "hang", "seconds": hung},
            "a change's answer dropped after commit": {**PATCH, "do": "drop_after"},
            "a create's answer dropped after commit": {**POST, "do": "drop_after"},
            "a create never made, its answer unreadable": {**POST, "do": "garbage"},
            "a visit that is there answered 404, once": {**READ, "do": "status", "status": 404},
            "429 for 10 seconds": {**PATCH, "do": "429", "seconds": 10},
        }
        return {
            "worker killed in the middle of a change": self._worker_killed,
            **{str(kind): partial(self._process, kind) for kind in processes},
            **{name: partial(self._call, call) for name, call in calls.items()},
        }

    def _worker_killed(self, here: int, there: int) -> None:
        held = {**PATCH, "do": "late", "then": "hang", "seconds": HELD_SECONDS}
        self._run.world.control.command("oncall", "faults", {"faults": [held]})
        self._move(here, Side.DRCHRONO)
        self._move(there, Side.ONCALL)
        end = time.monotonic() + GIVEN_UP
        while self._run.world.control.state("oncall")["faults"] and time.monotonic() < end:
            time.sleep(LOOK_SECONDS / 4)
        self._run.world.kill_worker_at_work()

    def _process(self, kind: Kind, here: int, there: int) -> None:
        self._run.breaker.do(Fault(kind, "drchrono", 0, 1.0))
        self._move(here, Side.DRCHRONO)
        self._move(there, Side.ONCALL)

    def _call(self, call: dict[str, Any], here: int, there: int) -> None:
        self._run.world.control.command("oncall", "faults", {"faults": [call]})
        self._move(here, Side.DRCHRONO)
        self._move(there, Side.ONCALL)

    # --- the edits --------------------------------------------------------------------------------

    def _book(self, side: Side) -> int:
        self._visits += 1
        person = CHARTS + self._visits % CALLERS
        self._edit(Do.BOOK, side, person, self._visits)
        return self._visits

    def _move(self, visit: int, side: Side) -> None:
        self._edit(Do.MOVE, side, self._run.staff.ledger.visits[visit].person, visit)

    def _edit(self, do: Do, side: Side, person: int, visit: int) -> None:
        self._done += 1
        self._slots += 1
        slot = f"{self._slots // HALF_HOURS % DAYS}/{self._slots % HALF_HOURS}"
        self._run.staff.do(Edit(self._done, do, side, person, visit, slot, "", 0.0))

    def _until_right(self) -> tuple[str, ...]:
        """Return when all is right; what still is not, when that takes too long."""
        end = time.monotonic() + GIVEN_UP
        while True:
            self._run.wait(LOOK_SECONDS)
            problems = self._problems()
            if not problems or time.monotonic() > end:
                return problems

    def _problems(self) -> tuple[str, ...]:
        try:
            if not self._run.is_quiet():
                return ("something still waits",)
            verdict = judge(self._run.world, self._run.staff)
        except (SQLAlchemyError, requests.RequestException, TroubleError) as error:
            return (f"it can't be asked: {type(error).__name__}",)
        return (*verdict.lost, *verdict.doubled, *verdict.surplus_mails)
