"""Name what is wrong with the service now. Texts are ours alone: no remote's words, no ids."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sync.core.causes import table
from sync.operations.lights import Colour, Light
from sync.operations.status import LaneDepth
from sync.store.service.samples import Sample

# How old the oldest that waits may be, by lane; the lists' own work may take its time.
OLDEST: Final = {
    "live": timedelta(minutes=15),
    "told": timedelta(hours=2),
    "catchup": timedelta(hours=6),
    "bulk": timedelta(days=2),
}
EXHAUSTED_FOR: Final = timedelta(days=2)
GROWN_WITHIN: Final = timedelta(days=1)
GROWN_BY: Final = 20  # and to more than twice as many
ENDING_WITHIN: Final = timedelta(hours=12)
WORKERS_HEARD: Final = timedelta(seconds=90)
# Open questions of these causes are about the whole service, or stop a part of it.
STOPPING: Final = frozenset({"brake"})


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: its name, what it means, and what to do."""

    name: str
    sentence: str
    press: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What the problems are read from. Times are aware UTC.

    `causes` are the open questions of the whole service, and those of STOPPING. `token` is the
    state of DrChrono's token. `samples` are those of the last days, oldest first.
    """

    now: datetime
    lanes: Sequence[LaneDepth]
    lights: Sequence[Light]
    causes: Sequence[str]
    token: str
    token_until: datetime | None
    workers: Sequence[datetime]
    samples: Sequence[Sample]


def problems(stands: Standing) -> list[Problem]:
    """Everything that is wrong now, each once, by name."""
    found = {
        one.name: one
        for part in (_waiting, _silent, _token, _budget, _growth, _workers, _asked)
        for one in part(stands)
    }
    return [found[name] for name in sorted(found)]


def _waiting(stands: Standing) -> Iterator[Problem]:
    for lane in stands.lanes:
        most = OLDEST.get(lane.lane)
        if lane.waiting and most is not None and lane.oldest_seconds > most.total_seconds():
            yield Problem(
                f"oldest_{lane.lane}",
                f"Changes wait longer than they should (lane {lane.lane}, more than "
                f"{_hours(most)}).",
                "Look at the status: is a worker there, is the budget used up, is a system down?",
            )


def _silent(stands: Standing) -> Iterator[Problem]:
    for light in stands.lights:
        if light.colour is Colour.BAD:
            yield Problem(
                f"{light.system}_{light.what}",
                f"{light.name} has not worked for a while.",
                "Run the check; it says what is wrong. Nothing is lost meanwhile.",
            )


def _token(stands: Standing) -> Iterator[Problem]:
    if stands.token not in {"good", "lost"}:
        return
    ends = stands.token_until
    if stands.token == "lost" and ends is not None and ends - stands.now < ENDING_WITHIN:  # noqa: S105
        yield Problem(
            "token_ending",
            "DrChrono's permission could not be renewed and ends within hours.",
            "Connect DrChrono anew: drchrono-oncall connect.",
        )


def _budget(stands: Standing) -> Iterator[Problem]:
    lately = [one for one in stands.samples if one.at > stands.now - EXHAUSTED_FOR]
    known = [one.drchrono_left for one in lately if one.drchrono_left is not None]
    whole = stands.samples and stands.samples[0].at <= stands.now - EXHAUSTED_FOR
    if whole and known and _mostly(one == 0 for one in known):
        yield Problem(
            "budget_exhausted",
            "For two days DrChrono's hourly calls have been used up most of the time.",
            "See which lane uses them (status); ask DrChrono for more, or make catch-ups rarer.",
        )


def _growth(stands: Standing) -> Iterator[Problem]:
    lately = [one for one in stands.samples if one.at > stands.now - GROWN_WITHIN]
    if len(lately) < 2:
        return
    before, after = lately[0].parked, lately[-1].parked
    if after - before >= GROWN_BY and after > 2 * before:
        yield Problem(
            "parked_growth",
            "Many more visits wait for a cause to go than a day ago.",
            "List what is asked: one cause may stand behind all of it (the mapping, a right).",
        )


def _workers(stands: Standing) -> Iterator[Problem]:
    if not any(stands.now - at < WORKERS_HEARD for at in stands.workers):
        yield Problem(
            "no_worker",
            "No worker was heard of for a minute and a half: nothing is carried over.",
            "Start a worker. What waits is done then; nothing is lost.",
        )


def _asked(stands: Standing) -> Iterator[Problem]:
    for cause in stands.causes:
        said = table.say(cause)
        yield Problem(cause, said.sentence, said.press)


def _mostly(told: Iterator[bool]) -> bool:
    listed = list(told)
    return sum(listed) * 10 >= 9 * len(listed)


def _hours(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"
