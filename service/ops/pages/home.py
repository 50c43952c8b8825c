"""Show how it stands: why a visit isn't there, four lights, what waits, the last hours."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from flask import Blueprint, render_template, request

from service.doors import Doors
from service.ops import acting
from sync.operations import lights, status
from sync.operations.lookup import UnknownError
from sync.operations.operators import Role
from sync.operations.why import ask
from sync.operations.why.answer import Answer
from sync.operations.why.day import Day, of_day
from sync.run.evidence.accounts import mapped_doctors
from sync.runtime import Sync
from sync.setup.walk import steps
from sync.store.service import samples
from sync.store.service.samples import Sample

NAME: Final = "home"
TITLE: Final = "How it stands"
_SPANS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
_POINTS: Final = 240  # of a chart; a week has ten thousand minutes


def blueprint(doors: Doors) -> Blueprint:
    """/ops, /ops/now (what keeps itself fresh), /ops/why."""
    routes = Blueprint(NAME, __name__)
    sync = doors.sync

    @routes.get("/ops")
    def show() -> str:
        return _whole(sync, Asked())

    @routes.get("/ops/now")
    @acting.keeps_itself_fresh
    def now() -> str:
        return render_template("ops/now.html", **_now(sync))

    @routes.get("/ops/chart")
    @acting.keeps_itself_fresh
    def chart() -> str:
        return render_template("ops/chart.html", **_samples(sync))

    @routes.post("/ops/why")
    @acting.needs(Role.VIEWER)
    def why() -> str:
        asked = _asked(sync, request.form.get("about", ""))
        if request.headers.get("HX-Request"):
            return render_template("ops/answer.html", asked=asked)
        return _whole(sync, asked)

    @routes.post("/ops/day")
    @acting.needs(Role.VIEWER)
    def day() -> str:
        listed = _listed(sync, request.form.get("doctor", ""), request.form.get("day", ""))
        if request.headers.get("HX-Request"):
            return render_template("ops/day.html", listed=listed)
        return _whole(sync, Asked(), listed)

    return routes


@dataclass(frozen=True, slots=True)
class Asked:
    """What was put into the box, and what was answered; `trouble`: why it can't be."""

    about: str = ""
    answers: tuple[Answer, ...] = ()
    trouble: str = ""


def _asked(sync: Sync, about: str) -> Asked:
    try:
        return Asked(about, ask.of_text(sync, about))
    except UnknownError as error:
        # What was pasted may be a name: it is not shown again.
        return Asked(trouble=str(error))


@dataclass(frozen=True, slots=True)
class Listed:
    """A doctor's day, or why it can't be listed; neither before it is asked for."""

    day: Day | None = None
    trouble: str = ""


def _listed(sync: Sync, doctor: str, on: str) -> Listed:
    try:
        return Listed(of_day(sync, doctor, date.fromisoformat(on)))
    except UnknownError as error:
        return Listed(trouble=str(error))
    except ValueError:
        return Listed(trouble="Choose a day.")


_NOT_YET: Final = Listed()


def _whole(sync: Sync, asked: Asked, listed: Listed = _NOT_YET) -> str:
    told = {**_now(sync), **_samples(sync), "doctors": sorted(mapped_doctors(sync))}
    return render_template("ops/home.html", asked=asked, listed=listed, **told)


def _now(sync: Sync) -> dict[str, Any]:
    now = sync.clock()
    return {
        "lights": lights.lights(sync),
        "overview": status.overview(sync),
        "open_step": steps.open_step(sync),
        "at": now,
    }


def _samples(sync: Sync) -> dict[str, Any]:
    span = request.args.get("span", "day")
    span = span if span in _SPANS else "day"
    now = sync.clock()
    begins = now - _SPANS[span]
    with sync.store.read() as conn:
        taken = samples.since(conn, begins)
    return {
        "begins": begins.timestamp(),
        "ends": now.timestamp(),
        "span": span,
        "spans": tuple(_SPANS),
        "chart": _chart(taken),
        "rows": status.thinned(taken, status.HOURS_OF_A_DAY)[::-1],
    }


def _chart(taken: list[Sample]) -> list[list[float | None]]:
    """The columns that the chart draws: time, what waits, its age in minutes, calls left."""
    shown = status.thinned(taken, _POINTS)
    return [
        [_seconds(one.at) for one in shown],
        [one.waiting for one in shown],
        [round(one.oldest_seconds / 60, 1) for one in shown],
        [one.drchrono_left for one in shown],
    ]


def _seconds(at: datetime) -> float:
    return at.timestamp()
