"""Play a day, and count its calls, mails, rows and memory by the hour.

Calls and mails are counted where they arrive: in the sandbox. Rows and memory are ours.
"""

import os
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from chaos.day.people import Do, Least, People
from chaos.day.practice import REMOTES, Practice
from chaos.day.sides import differences
from sync.store.schema import attention, call, delivery, metadata

# Office hours of a practice from coast to coast, after the day's beginning at 8:00 UTC.
OFFICE_HOURS = range(5, 17)
HOUR = timedelta(hours=1)
# What is written anew with each call and each webhook, and forgotten after a while.
PASSING = ("call", "delivery")
SAMPLES = "sample"  # one a minute, for a week
# Grows by a row for each deed, and is kept for years.
TRAIL = "audit"
# Calls that tell of many: lists, and what a practice looks like.
LISTS = frozenset(
    {
        *("POST bulk", "GET bulk", "GET appointments", "GET patients", "GET contacts"),
        *("GET doctors", "GET appointment_profiles", "GET providers", "POST token"),
        *("GET custom_appointment_fields", "GET custom_demographics"),
    }
)


@dataclass(frozen=True, slots=True)
class Hour:
    """One simulated hour, or the time after the last one."""

    edits: int
    calls: Mapping[str, int]
    most_in_an_hour: int  # DrChrono's calls in any rolling hour that ended in it
    mails: int
    waiting: int
    rows: Mapping[str, int]
    megabytes: float


@dataclass(slots=True)
class Report:
    """What a day came to."""

    doctors: int
    webhooks: bool
    keep_days: float
    before: Hour
    hours: list[Hour] = field(default_factory=list)
    edits: Counter[Do] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    questions: Counter[str] = field(default_factory=Counter)
    kept_too_long: int = 0  # rows of calls and explained deliveries

    @property
    def most_in_an_hour(self) -> int:
        """DrChrono's calls in the busiest rolling hour."""
        return max(one.most_in_an_hour for one in self.hours)

    @property
    def grown(self) -> int:
        """By how many rows the tables grew that keep what there is."""
        return kept_rows(self.hours[-1].rows) - kept_rows(self.before.rows)

    @property
    def deeds(self) -> int:
        """By how many rows the audit grew."""
        return self.hours[-1].rows[TRAIL] - self.before.rows[TRAIL]

    @property
    def good(self) -> bool:
        """Whether limit and retention held, and both sides agree."""
        within = self.most_in_an_hour <= 500
        return within and not self.differences and not self.kept_too_long


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What one catch-up after a day without webhooks came to.

    `calls` are by system, method and endpoint; `minutes` are simulated.
    """

    doctors: int
    visits: int
    edits: Counter[Do]
    least: Least
    calls: Mapping[str, Counter[str]]
    mails: int
    most_in_an_hour: int
    minutes: float
    differences: list[str]
    questions: Counter[str]

    @property
    def good(self) -> bool:
        """Whether the limit held and both sides agree."""
        return self.most_in_an_hour <= 500 and not self.differences


class Counts:
    """The calls of our application as they reached the remotes."""

    def __init__(self, practice: Practice) -> None:
        self._control = practice.control
        self._since = dict.fromkeys(REMOTES, 0)
        self._mails = 0
        self._hour: deque[datetime] = deque()
        self.take()

    def take(self) -> tuple[dict[str, int], int, int]:
        """Calls by system since the last time, the most of DrChrono in a rolling hour, mails."""
        made = {remote: self._control.calls(remote, self._since[remote]) for remote in REMOTES}
        for remote, calls in made.items():
            self._since[remote] = max([self._since[remote], *(one["n"] for one in calls)])
        most = 0
        for one in made["drchrono"]:
            at = datetime.fromisoformat(one["at"])
            self._hour.append(at)
            while self._hour[0] <= at - HOUR:
                self._hour.popleft()
            most = max(most, len(self._hour))
        mails = self._control.mails()
        ours = sum(one["caused_by"] == "app" for one in mails[self._mails :])
        self._mails = len(mails)
        return {remote: len(calls) for remote, calls in made.items()}, most, ours


def play(
    practice: Practice,
    *,
    seed: int,
    hours: int = 24,
    edits_per_hour: float = 60,
    webhooks: bool = True,
    progress: Callable[[int, int], None] = lambda _hour, _hours: None,
) -> Report:
    """A day of people on both sides; then what was still on its way arrives."""
    people, counts = People(practice, seed), Counts(practice)
    report = Report(practice.doctors, webhooks, practice.keep_days, _look(practice, counts, 0))
    chance = random.Random(seed)
    if not webhooks:
        practice.lose_webhooks()
    for hour in range(hours):
        begins, done = practice.begins + hour * HOUR, 0
        for at in _moments(chance, edits_per_hour if hour in OFFICE_HOURS else 0):
            practice.until(begins + at * HOUR)
            if people.left():
                people.edit()
                practice.await_webhooks()
                done += 1
        practice.until(begins + HOUR)
        report.hours.append(_look(practice, counts, done))
        progress(hour + 1, hours)
    practice.catch_up()
    report.hours.append(_look(practice, counts, 0))
    report.edits = people.done
    report.differences = differences(practice.control)
    report.questions = _questions(practice)
    report.kept_too_long = _kept_too_long(practice)
    return report


def catch_up(
    practice: Practice,
    *,
    seed: int,
    edits: int,
    progress: Callable[[int, int], None] = lambda _done, _edits: None,
) -> CaughtUp:
    """A day's edits of which nobody is told while we are away; then one whole catch-up."""
    people = People(practice, seed)
    edits = min(edits, people.left())
    visits = len(practice.control.state("oncall")["objects"]["appointments"])
    practice.lose_webhooks()
    leaves = practice.now()
    for done in range(1, edits + 1):
        practice.move_to(leaves + len(OFFICE_HOURS) * HOUR * done / edits)
        people.edit()
        progress(done, edits)
    counts = Counts(practice)
    with practice.sync.store.read() as conn:
        last = conn.execute(select(func.max(call.c.id))).scalar_one() or 0
    began = practice.now()
    practice.catch_up()
    minutes = (practice.now() - began).total_seconds() / 60
    _, most, mails = counts.take()
    return CaughtUp(
        doctors=practice.doctors,
        visits=visits,
        edits=people.done,
        least=people.least(),
        calls=_by_endpoint(practice, last),
        mails=mails,
        most_in_an_hour=most,
        minutes=minutes,
        differences=differences(practice.control),
        questions=_questions(practice),
    )


def kept_rows(rows: Mapping[str, int]) -> int:
    """The rows of all tables but the audit and those that are forgotten after a while."""
    return sum(count for name, count in rows.items() if name not in {*PASSING, SAMPLES, TRAIL})


def _moments(chance: random.Random, per_hour: float) -> Iterable[float]:
    """Moments of an hour, as parts of it, at which somebody does something."""
    at = 0.0
    while per_hour:
        at += chance.expovariate(per_hour)
        if at >= 1:
            return
        yield at


def _look(practice: Practice, counts: Counts, edits: int) -> Hour:
    calls, most, mails = counts.take()
    with practice.sync.store.read() as conn:
        rows = {
            table.name: int(conn.execute(select(func.count()).select_from(table)).scalar_one())
            for table in metadata.sorted_tables
        }
    return Hour(edits, calls, most, mails, practice.waiting(), rows, megabytes())


def megabytes() -> float:
    """The resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _questions(practice: Practice) -> Counter[str]:
    with practice.sync.store.read() as conn:
        open_ones = select(attention.c.cause).where(attention.c.closed_at.is_(None))
        return Counter(conn.execute(open_ones).scalars())


def _kept_too_long(practice: Practice) -> int:
    """Rows older than they are kept, and an hour more: that often the beat forgets."""
    old = practice.now() - timedelta(days=practice.keep_days) - HOUR
    explained = delivery.c.explained_at.is_not(None)
    counts: tuple[Any, ...] = (
        select(func.count()).select_from(call).where(call.c.at < old),
        select(func.count()).select_from(delivery).where(delivery.c.at < old, explained),
    )
    with practice.sync.store.read() as conn:
        return sum(int(conn.execute(one).scalar_one()) for one in counts)


def _by_endpoint(practice: Practice, since: int) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {remote: Counter() for remote in REMOTES}
    with practice.sync.store.read() as conn:
        for row in conn.execute(
            select(call.c.system, call.c.method, call.c.endpoint).where(call.c.id > since)
        ):
            found[row.system][f"{row.method} {row.endpoint}"] += 1
    return found
