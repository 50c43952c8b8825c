"""Measure whether anything takes longer as years go by: a large database against a small one.

Both are made from one practice that the engine itself has connected
(`tests/support/years/grown.py`); then the same is done to each in turn. What is compared is the
time on the processor, of this process and of the database's; in `raw` is that on the clock too,
which a busy machine spoils.

    python -m bench.level                                   # 50,000 visits, 250,000 calls
    python -m bench.level --full --database sqlite          # 1,000,000 and 10,000,000
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import insert, select

from bench.figures import Figure
from chaos.database import Postgresql
from service.app import create_app
from service.doors import Doors
from sync.operations import status
from sync.store.schema import call, delivery
from sync.tasks import schedule, sweep, worker
from tests.support.clinic import SECRET, Clinic, SilentBell, wall
from tests.support.sandbox_client import Sandbox
from tests.support.servers import postgres
from tests.support.years.grown import FIRST, Grown, grow

_TO_COME: Final = 250  # visits


def of_years(visits: int, calls: int) -> Grown:
    """A practice whose past is so large; as much is to come, and looked at, whatever its past."""
    return Grown(visits, calls, to_come=max(1, visits // _TO_COME))


SMALL: Final = of_years(1_000, 10_000)
LARGE: Final = of_years(50_000, 250_000)
FULL: Final = of_years(1_000_000, 10_000_000)
GOAL: Final = "≤ 1.2"
ROUNDS: Final = 5
_NO_LIMIT: Final = 1_000_000
_QUIET: Final = 100_000  # minutes between catch-ups: the scans of the beat are their own figure
_VISITS: Final = 10  # that are changed and moved, linked by the engine in each database
_CLOCK: Final = os.sysconf("SC_CLK_TCK")


# --- a practice, on one database ------------------------------------------------------------------


class Practice:
    """A practice of some years, with some visits that are changed again and again."""

    def __init__(self, clinic: Clinic, server: int | None, often: float) -> None:
        """`often`: 1.0 for deeds that take long enough to be measured."""
        self.clinic = clinic
        self._often = often
        self.sync = clinic.sync
        self._server = server
        self._turn = 0
        self._visits: list[dict[str, Any]] = []

    def grow(self, size: Grown) -> None:
        """Have the years go by, and book what is to be changed."""
        self.clinic.linked()
        grow(self.sync.store, size, self.clinic.now())
        ids = [
            self.clinic.linked(scheduled_time=wall(days=5, hour=8 + n), allow_overlapping=True)[0]
            for n in range(_VISITS)
        ]
        self._visits = [self.clinic.appointment(one) for one in ids]
        for name in schedule.TASKS.keys() - {"diff", "matching"}:
            schedule.run_now(self.sync, name)
        self.clinic.settle()
        # An hour's calls are counted: of those that made it ready there are more where it is large.
        self.clinic.advance(2 * 3600)
        self.door = create_app(Doors.of(self.sync, SilentBell())).test_client()  # type: ignore[arg-type]

    def seconds(self) -> float:
        """Seconds on the processor so far, of this process and of PostgreSQL's."""
        return time.process_time() + (0 if self._server is None else _of_server(self._server))

    def _times(self, count: int) -> range:
        return range(round(count * self._often))

    # --- what is done ---

    def accept(self) -> None:
        """DrChrono tells of changed visits; nothing is worked on."""
        self._turn += 1
        for number in self._times(100):
            one = self._visits[number % _VISITS]
            at = f"{one['scheduled_time'][:14]}{self._turn % 60:02}:00"
            headers = {"X-drchrono-event": "APPOINTMENT_MODIFY", "X-drchrono-signature": SECRET}
            body = {"object": {**one, "scheduled_time": at}}
            answer = self.door.post("/webhooks/drchrono", json=body, headers=headers)
            assert answer.status_code == 204, answer.status  # noqa: S101 - else nothing is measured

    def come_true(self) -> None:
        """Have it be as was told: of what is told in vain again and again, the door hears less."""
        for one in self._visits:
            at = f"{one['scheduled_time'][:14]}{self._turn % 60:02}:00"
            self.clinic.edit(str(one["id"]), scheduled_time=at, allow_overlapping=True)
        self.clinic.settle()

    def told(self) -> None:
        """Work on what was told; not measured."""
        self.clinic.settle()

    def move(self) -> None:
        """Staff move each visit; not measured."""
        self._turn += 1
        for number, one in enumerate(self._visits):
            at = wall(days=5 + self._turn % 20, hour=8 + number)
            self.clinic.edit(str(one["id"]), scheduled_time=at, allow_overlapping=True)
        self.clinic.sandbox.wait_idle()

    def reconcile(self) -> None:
        """Take each moved visit over to OnCall."""
        due = self.clinic.due()
        assert len(due) >= _VISITS, due  # noqa: S101 - else nothing is measured
        for key in due:
            worker.run(self.sync, key)

    def idle(self) -> None:
        """Have a beat that has nothing to do, for two minutes."""
        for _ in self._times(240):
            sweep.sweep(self.sync)
            for name in schedule.due_tasks(self.sync):
                schedule.run(self.sync, name)
            self.clinic.advance(0.5)

    def sweep(self) -> None:
        """Look for what is due."""
        for _ in self._times(200):
            sweep.sweep(self.sync)

    def status(self) -> None:
        """Ask how it stands, as the command, the page and the chart do."""
        for _ in self._times(20):
            status.overview(self.sync)
            status.last_day(self.sync)

    def poll(self) -> None:
        """Look for OnCall's visits whose turn it is."""
        for _ in self._times(100):
            schedule.run_now(self.sync, "oncall_tiers")

    def age(self) -> None:
        """Have some calls and deliveries be too old; not measured.

        They are as long as those of years: shorter ones would fill what is left of each page, one
        of many, where what has grown old together stands together.
        """
        at = self.clinic.now() - timedelta(days=40)
        with self.sync.store.write() as conn:
            for table, long, count in (
                (call, call.c.effect != "", 20_000),
                (delivery, delivery.c.digests.is_not(None), 5_000),
            ):
                query = select(table).where(table.c.id >= FIRST, long).limit(1)
                one = {**conn.execute(query).mappings().one(), "at": at}
                del one["id"]
                conn.execute(insert(table), [one for _ in self._times(count)])

    def prune(self) -> None:
        """Forget what is too old."""
        schedule.run_now(self.sync, "prune")


@dataclass(frozen=True, slots=True)
class Deed:
    """What is measured, and what is done before and after it, outside of what is measured.

    It is done so often that it takes some tenths of a second: the kernel tells the processor's time
    of PostgreSQL's processes in hundredths.
    """

    what: str
    does: Callable[[Practice], None]
    before: Callable[[Practice], None] = lambda _practice: None
    after: Callable[[Practice], None] = lambda _practice: None


DEEDS: Final = (
    Deed("webhooks accepted", Practice.accept, after=Practice.come_true),
    Deed("moved visits reconciled", Practice.reconcile, Practice.move, Practice.told),
    Deed("idle minutes of the beat", Practice.idle),
    Deed("sweeps", Practice.sweep),
    Deed("looks for OnCall's visits", Practice.poll, after=Practice.told),
    Deed("status", Practice.status),
    Deed("rows pruned", Practice.prune, Practice.age),
)


# --- measuring ------------------------------------------------------------------------------------


def level(
    databases: Sequence[str] = ("sqlite", "postgresql"),
    *,
    small: Grown = SMALL,
    large: Grown = LARGE,
    rounds: int = ROUNDS,
    often: float = 1.0,
) -> list[Figure]:
    """The figures of these databases: each deed's time with `large` over that with `small`.

    `often` is the part of each deed that is done: with less than 1 the figures mean nothing.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    found = []
    for database in databases:
        with ExitStack() as stack:
            server = Postgresql() if database == "postgresql" else None
            if server is not None:
                stack.callback(server.close)
            both = [stack.enter_context(_practice(server, size, often)) for size in (small, large)]
            found += [_figure(deed, database, both, (small, large), rounds) for deed in DEEDS]
    return found


def _figure(
    deed: Deed, database: str, both: list[Practice], sizes: tuple[Grown, Grown], rounds: int
) -> Figure:
    measured: list[list[tuple[float, float]]] = [[], []]
    for number in range(rounds + 1):
        for practice, taken in zip(both, measured, strict=True):
            once = _once(deed, practice)
            if number:  # the first fills what the processes and the system keep
                taken.append(once)
    small, large = measured
    processor, clock = (
        [
            round(of_large[n] / of_small[n], 3)
            for of_small, of_large in zip(small, large, strict=True)
        ]
        for n in (0, 1)
    )
    return Figure(
        what=f"{deed.what}, {sizes[1].visits:,} links and {sizes[1].calls:,} calls",
        database=database,
        against=f"with {sizes[0].visits:,} and {sizes[0].calls:,}",
        rounds=processor,
        goal=GOAL,
        raw={
            "on the clock": clock,
            **{
                name: [{"processor": round(cpu, 4), "clock": round(wall, 4)} for cpu, wall in taken]
                for name, taken in (("small", small), ("large", large))
            },
        },
    )


def _once(deed: Deed, practice: Practice) -> tuple[float, float]:
    deed.before(practice)
    processor, clock = practice.seconds(), time.perf_counter()
    deed.does(practice)
    taken = practice.seconds() - processor, time.perf_counter() - clock
    deed.after(practice)
    return taken


@contextmanager
def _practice(server: Postgresql | None, size: Grown, often: float) -> Iterator[Practice]:
    limits: Any = {
        "drchrono_hourly_limit": _NO_LIMIT,
        "drchrono_burst_limit": _NO_LIMIT,
        "writes_per_visit_day": _NO_LIMIT,
        "catchup_minutes": _QUIET,
    }
    with tempfile.TemporaryDirectory(prefix="level-") as name, Sandbox(seed="empty") as sandbox:
        sandbox.behaviours("drchrono", burst_limit=None, hourly_limit=_NO_LIMIT)
        home = Path(name)
        url = f"sqlite:///{home / 'sync.db'}"
        if server is not None:
            url = postgres.create(server.socket, f"level_{size.visits}")
        with Clinic(sandbox, url, home, **limits) as clinic:
            clinic.connect()
            clinic.new_patient()
            clinic.go_live()
            practice = Practice(clinic, None if server is None else server.pid, often)
            practice.grow(size)
            yield practice


def _of_server(postmaster: int) -> float:
    """Seconds on the processor of all of a PostgreSQL's processes, those that ended too."""
    total = 0
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            pid = int(entry.name)
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            # proc(5): 4 is the parent; 14 and 15 are its own time, 16 and 17 that of ended children
            if pid == postmaster:
                total += sum(int(one) for one in fields[11:15])
            elif int(fields[1]) == postmaster:
                total += int(fields[11]) + int(fields[12])
    return total / _CLOCK


def main() -> None:
    """Measure as the arguments say; a line of JSON for each figure."""
    asked = argparse.ArgumentParser(prog="python -m bench.level", description=__doc__)
    asked.add_argument("--database", choices=("sqlite", "postgresql"))
    asked.add_argument("--links", type=int, default=LARGE.visits)
    asked.add_argument("--calls", type=int, default=LARGE.calls)
    asked.add_argument("--full", action="store_true", help="1,000,000 links, 10,000,000 calls")
    asked.add_argument("--rounds", type=int, default=ROUNDS)
    told = asked.parse_args()
    databases = (told.database,) if told.database else ("sqlite", "postgresql")
    large = FULL if told.full else of_years(told.links, told.calls)
    for figure in level(databases, large=large, rounds=told.rounds):
        print(json.dumps(figure.as_json(), ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
