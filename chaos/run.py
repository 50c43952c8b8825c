"""Play a run: a world, edits and faults, then calm, one catch-up, and the verdict."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from chaos.attacker import Attacker, Knowledge
from chaos.breaking import Breaker, Times
from chaos.database import Database
from chaos.desk import PROFILES
from chaos.faults import REMOTES
from chaos.plan import Edit, Plan
from chaos.staff import Staff
from chaos.verdict import Report, judge
from cli.output import TroubleError
from cli.world.options import WorldOptions
from cli.world.ports import FREE
from cli.world.world import World
from sync.drchrono.keeper import ConnectionState
from sync.store.schema import attention, conflict, work
from sync.tasks import schedule

LOOK_SECONDS = 0.25
QUIET_LOOKS = 6
CALM_SECONDS = 1200.0
# How long a timed visit is waited for, how far they are apart, and for what was held up before.
ARRIVAL_SECONDS, PROBE_SECONDS, WORKED_OFF_SECONDS = 60.0, 0.5, 60.0
SLOW_SECONDS = 3.0  # a timed visit that takes longer is told
# One catch-up is all of these (docs/rules.md, R24); the other tasks are upkeep.
CYCLE = tuple(name for name in schedule.TASKS if name.startswith(("drchrono_", "oncall_")))
# What both remotes are while nothing is wrong. The budget is not what is shown here.
CALM: Mapping[str, dict[str, Any]] = {
    "drchrono": {
        "hourly_limit": 1_000_000,
        "burst_limit": None,
        "bulk_polls": 0,
        "access_seconds": 300,
        "list_lag_seconds": 0,
    },
    "oncall": {"returns_provider": True, "list_lag_seconds": 0},
}
# Production's settings but for: the budget (as above), the brake and the daily cap, which a clinic
# this busy would meet, the ten minutes of catching up, and a group's half minute of settling.
SETTINGS = {
    "DRCHRONO_HOURLY_LIMIT": "1000000",
    "DRCHRONO_BURST_LIMIT": "1000000",
    "BRAKE_COUNT": "1000000",
    "WRITES_PER_VISIT_DAY": "1000000",
    "CATCHUP_MINUTES": "1",
    "GROUP_SETTLE_SECONDS": "5",
    "WEB_CONCURRENCY": "2",
}
# Of a run that must be short: the same with less waiting.
HASTE = {
    **SETTINGS,
    "LEASE_SECONDS": "6",
    "CALL_DEADLINE_SECONDS": "3",
    "LATE_SECONDS": "1.5",
    "APART_SECONDS": "4",
    "GROUP_SETTLE_SECONDS": "2",
    "CATCHUP_MINUTES": "0.1",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is like. `outage` is the longest time (seconds) anything is stopped for."""

    workers: int = 3
    outage: float = 15.0
    attacks: float = 0.0  # forged deliveries a second, from the first edit until all are timed
    settings: Mapping[str, str] = field(default_factory=SETTINGS.copy)


class Run:
    """One run in a directory of its own; leaving the context stops everything.

    `say` is told each step, `progress` how many steps of the plan are done.
    """

    def __init__(
        self,
        directory: Path,
        plan: Plan,
        database: Database,
        options: Options,
        *,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        settings = dict(options.settings)
        if database.url is not None:
            settings["DATABASE_URL"] = database.url
        world_options = WorldOptions(
            FREE, workers=options.workers, beats=2, seed="empty", settings=settings
        )
        self.plan = plan
        self.database = database
        self._say = say
        self.world = World(directory, world_options, say=say)
        self.staff = Staff(self.world, plan, datetime.now(UTC))
        self._options = options
        self.reconnected = 0
        self._asked = 0.0
        self._attacker: Attacker | None = None

    def __enter__(self) -> "Run":
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop()

    def _start(self) -> None:
        self.world.start()
        self.staff.register()
        settings = self.world.sync.settings
        times = Times(
            settings.lease_seconds,
            settings.call_deadline_seconds,
            settings.late_seconds,
            self._options.outage,
        )
        self.breaker = Breaker(self.world, self.database, times, CALM)
        self.breaker.begin()
        self.world.connect()
        self._name_groups()
        self.world.register()
        self.world.work()
        self._say("Waiting for the first catch-up")
        self.world.settle()

    def _name_groups(self) -> None:
        """Let the profile that nothing else is booked with be that of group visits."""
        path = self.world.files.mapping
        profiles = [of["group"] for of in PROFILES.values()]
        types = "\n".join(f'"{profile}" = "online"' for profile in profiles)
        text = path.read_text()
        text = text.replace("[types]\n", f"[types]\ngroup_profiles = {profiles}\n")
        path.write_text(text.replace("[types.profiles]\n", f"[types.profiles]\n{types}\n"))

    def _stop(self) -> None:
        self.end_attack()
        self.staff.close()
        self.world.stop()

    # --- the parts of a run -----------------------------------------------------------------------

    def attack(self) -> None:
        """Begin to send forged deliveries, in the name of somebody who knows both credentials."""
        if not self._options.attacks:
            return
        known, environment = self.world.control, self.world.environment
        strangers = [one.names["email"] for one in self.plan.people if not one.known]
        knowledge = Knowledge(
            door=self.world.public_url,
            drchrono_secret=environment["DRCHRONO_WEBHOOK_SECRETS"],
            oncall_token=environment["ONCALL_WEBHOOK_TOKENS"],
            drchrono_url=known.drchrono_url,
            oncall_url=known.oncall_url,
            strangers=strangers,
            seed=self.plan.seed,
            rate=self._options.attacks,
        )
        self._say(f"Forging {self._options.attacks:g} deliveries a second")
        self._attacker = Attacker(knowledge, self.world.files.directory)

    def time_arrivals(self) -> list[float]:
        """How long each probe took to stand on the other side: faults have ended, forging has not.

        What has not come after a minute counts as a minute; the verdict says whether it ever did.
        After three minutes no more are booked.
        """
        took: list[float] = []
        end = time.monotonic() + 3 * ARRIVAL_SECONDS
        for edit in self.plan.probes:
            if time.monotonic() > end:
                break
            self.staff.do(edit)
            visit = self.staff.ledger.visits.get(edit.visit)
            began = time.monotonic()
            while visit is not None and self.staff.other_half(visit) is None:
                if time.monotonic() - began > ARRIVAL_SECONDS:
                    break
                time.sleep(0.05)
            took.append(time.monotonic() - began)
            if took[-1] > SLOW_SECONDS:
                where = edit.side.value
                self._say(f"Visit {edit.visit}, booked in {where}, took {took[-1]:.1f} s")
            self.wait(PROBE_SECONDS)
        return took

    def end_attack(self) -> Counter[str]:
        """Forge no more; how many forged deliveries got which answer."""
        attacker, self._attacker = self._attacker, None
        return attacker.end() if attacker is not None else Counter()

    def play(self, progress: Callable[[int], None] = lambda _done: None) -> None:
        """Make every edit and fault of the plan, in order."""
        for done, step in enumerate(self.plan.steps, start=1):
            if isinstance(step, Edit):
                self.wait(step.pause)
                self.staff.do(step)
            else:
                self.breaker.do(step)
            progress(done)

    def wait(self, seconds: float) -> None:
        """Let time pass while what has lasted long enough is undone."""
        end = time.monotonic() + seconds
        while True:
            self.breaker.tick()
            self.look_after()
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, LOOK_SECONDS))

    def look_after(self) -> None:
        """What a person does who is asked to: connect anew when the token was lost."""
        if time.monotonic() - self._asked < 2:
            return
        self._asked = time.monotonic()
        try:
            if self.world.sync.keeper.status().state is ConnectionState.LOST:
                self.world.connect()
                self.reconnected += 1
        except (SQLAlchemyError, requests.RequestException, TroubleError):
            return  # not now; the next look is in two seconds

    def calm_down(self) -> float:
        """Return when no webhook is on its way and nothing waits; says in how many seconds.

        What still waits after that long is found by the verdict.
        """
        began = time.monotonic()
        looks = 0
        while looks < QUIET_LOOKS and time.monotonic() - began < CALM_SECONDS:
            self.look_after()
            looks = looks + 1 if self.is_quiet() else 0
            time.sleep(LOOK_SECONDS)
        return time.monotonic() - began - QUIET_LOOKS * LOOK_SECONDS

    def is_quiet(self) -> bool:
        """Whether no webhook is on its way and nothing waits."""
        idle = all(self.world.control.is_idle(remote) for remote in REMOTES)
        return idle and self.world.waiting() == 0

    def catch_up(self) -> None:
        """One whole catch-up cycle, its daily parts too."""
        for name in CYCLE:
            schedule.run_now(self.world.sync, name)

    def finish(self, began: float) -> Report:
        """End the faults, wait for quiet, catch up once, and say how it stands."""
        self._until_met()
        played = time.monotonic() - began
        self.breaker.heal()
        arrivals: list[float] = []
        if self.plan.probes:
            self._say("The faults have ended; timing what nothing else disturbs")
            self._until_worked_off()
            arrivals = self.time_arrivals()
        forged = self.end_attack()
        healed = time.monotonic()
        self._say("The faults have ended; waiting for quiet")
        quiet = self.calm_down()
        self._say("Catching up once")
        self.catch_up()
        self.calm_down()
        converged = time.monotonic() - healed - QUIET_LOOKS * LOOK_SECONDS
        verdict = judge(self.world, self.staff)
        calls = {remote: len(self.world.control.calls(remote)) for remote in REMOTES}
        self._say("Catching up once more, which must write nothing")
        self.catch_up()
        self.calm_down()
        return Report(
            seed=self.plan.seed,
            edits=self.staff.ledger.edits,
            refused=self.staff.ledger.refused,
            passed=self.staff.ledger.passed,
            faults=self.breaker.done,
            restarts=sum(status.restarts for status in self.world.statuses()),
            reconnected=self.reconnected,
            played=played,
            quiet=quiet,
            converged=converged,
            conflicts=self._count_conflicts(),
            questions=self._questions(),
            calls=calls,
            mails=sum(mail["caused_by"] == "app" for mail in self.world.control.mails()),
            idle_writes=self._writes(calls),
            verdict=verdict,
            forged=forged,
            arrivals=arrivals,
        )

    def _until_worked_off(self) -> None:
        """Let what the faults have held up be done: while forging goes on, it is never quiet."""
        end = time.monotonic() + WORKED_OFF_SECONDS
        while time.monotonic() < end and not self._live_lane_is_empty():
            self.wait(LOOK_SECONDS)

    def _live_lane_is_empty(self) -> bool:
        with self.world.sync.store.read() as conn:
            now = self.world.sync.clock()
            late = now - timedelta(seconds=3)
            waits = select(func.count()).select_from(work)
            waits = waits.where(work.c.wanted > work.c.done, work.c.due < late)
            return bool(conn.execute(waits).scalar_one() == 0)

    def _until_met(self) -> None:
        """Let the calls that are still to be made meet the faults that wait for them."""
        end = time.monotonic() + self._options.outage * 3
        while self.breaker.waiting() and time.monotonic() < end:
            self.wait(LOOK_SECONDS)

    # --- looking ----------------------------------------------------------------------------------

    def _writes(self, since: Mapping[str, int]) -> list[str]:
        """The calls since then that changed something, or tried to."""
        harmless = ("/api/appointments_list", "/api/patients_list", "/o/")
        return [
            f"{remote} {call['method']} {call['path']}"
            for remote in REMOTES
            for call in self.world.control.calls(remote)[since[remote] :]
            if call["method"] != "GET" and not call["path"].startswith(harmless)
        ]

    def _count_conflicts(self) -> int:
        with self.world.sync.store.read() as conn:
            counted: int = conn.execute(select(func.count()).select_from(conflict)).scalar_one()
            return counted

    def _questions(self) -> Counter[str]:
        with self.world.sync.store.read() as conn:
            open_ones = select(attention.c.cause).where(attention.c.closed_at.is_(None))
            return Counter(conn.execute(open_ones).scalars())
