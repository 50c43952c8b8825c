"""Bring visits to where they lack: those of DrChrono's schedule to OnCall, or the other way.

A plan reads the list once and judges by the links. What may be a visit that the other system has by
itself is compared as the matching compares it (`sync.matching`); in doubt it is a question.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sync.batches.record import judging, lists, near
from sync.core.batch.model import Fate
from sync.core.records import Absent, State, VisitType, present
from sync.core.rules.lifecycle import terminal
from sync.core.wire import MalformedError
from sync.drchrono import translate as drchrono
from sync.mapping import in_scope
from sync.oncall import translate as oncall
from sync.run import occurrences
from sync.store.batches import standing
from sync.store.tables import person_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sync.batches.step import Step
    from sync.core.records import Visit
    from sync.core.wording import Json
    from sync.runtime import Sync

    Records = tuple[dict[str, Json], ...]

DRCHRONO: Final = "drchrono"
ONCALL: Final = "oncall"


# --- DrChrono's schedule --------------------------------------------------------------------------


def plan_drchrono(step: Step) -> None:
    """Judge every appointment to come that is in scope."""
    for records, place in lists.here(step, "appointments", _filters(step)):
        shown = [one for one in _read(step, records, _appointment) if _is_wanted(step, one)]
        found = _judged(step, DRCHRONO, shown)
        alone = {row["source_id"] for row in found if row["fate"] == Fate.CREATE.value}
        close = near.noted(step, [one for one in shown if one.remote_id in alone])
        lists.store(step, found, {**place, "near": close}, read=len(records))
    near.compare(step)


def _filters(step: Step) -> dict[str, str]:
    """What the list is asked for: what changed since a day, else the days of the window."""
    since, doctor = step.options.get("since"), step.options.get("doctor")
    asked = {"doctor": str(doctor)} if doctor else {}
    if since:
        return {**asked, "since": str(since)}
    now, days = step.sync.clock(), _window(step.sync)
    # From yesterday: the list's days are the doctors', ours are UTC.
    first, last = now - timedelta(days=1), now + timedelta(days=days)
    return {**asked, "date_range": f"{first.date().isoformat()}/{last.date().isoformat()}"}


def _window(sync: Sync) -> int:
    return min(sync.mapping.policy.window_days, sync.settings.window_days)


def _appointment(sync: Sync, json: dict[str, Json]) -> Visit:
    return drchrono.to_visit(json, sync.mapping)


def _visit(sync: Sync, json: dict[str, Json]) -> Visit:
    return oncall.to_visit(json, sync.mapping)


def _read(
    step: Step, records: Records, to_visit: Callable[[Sync, dict[str, Json]], Visit]
) -> list[Visit]:
    """The visits of a page. What can't be read is counted; the nightly lists tell of it."""
    found: list[Visit] = []
    for json in records:
        try:
            found.append(to_visit(step.sync, json))
        except MalformedError:
            continue
    return found


def _is_wanted(step: Step, shown: Visit) -> bool:
    """Whether an appointment is one that is to stand in OnCall too: the others are counted only."""
    doctor = step.options.get("doctor")
    if doctor and present(shown.provider, "") != doctor:
        return False
    if not in_scope(step.sync.mapping, shown) or occurrences.is_far(step.sync, shown):
        return False
    return _is_to_come(step.sync, shown)


def _is_to_come(sync: Sync, shown: Visit) -> bool:
    """Whether a visit stands and begins within the window; one without a time is asked about."""
    if isinstance(shown.state, State) and terminal(shown.state):
        return False
    if isinstance(shown.starts, Absent):
        return True
    now = sync.clock()
    return now <= shown.starts <= now + timedelta(days=_window(sync))


# --- OnCall's visits ------------------------------------------------------------------------------


def plan_oncall(step: Step) -> None:
    """Judge every OnCall visit to come of a mapped doctor."""
    sync, ticket = step.sync, step.ticket

    def page(number: int | None) -> Any:
        return sync.oncall.list_appointments(ticket, number)

    for records, place in lists.there(step, page):
        shown = [one for one in _read(step, records, _visit) if _is_wanted_there(step, one)]
        lists.store(step, _judged(step, ONCALL, shown), place, read=len(records))


def _is_wanted_there(step: Step, shown: Visit) -> bool:
    """Whether an OnCall visit is one that is to stand in DrChrono too.

    A line of its list may lack the provider (docs/api-facts.md, O12): then the division tells.
    """
    mapping, doctor = step.sync.mapping, step.options.get("doctor")
    if not isinstance(shown.type, Absent) and not isinstance(shown.type, VisitType):
        return False
    if not isinstance(shown.provider, Absent):
        own = shown.provider
    elif shown.provider_wire is not None:
        return False  # nobody who is mapped
    else:
        own = mapping.only_doctor_in(shown.division or "") or ""
    if doctor and own != doctor:
        return False
    return _is_to_come(step.sync, shown)


# --- by the links ---------------------------------------------------------------------------------


def _judged(step: Step, system: str, shown: Iterable[Visit]) -> list[dict[str, Any]]:
    sync, by_id = step.sync, {one.remote_id: one for one in shown}
    people = sorted({str(one.patient) for one in by_id.values() if present(one.patient, None)})
    with sync.store.read() as conn:
        known = standing.appointments(conn, system, list(by_id))
        charts = standing.charts(conn, people)
        keys = [one.aggregate for one in charts.values()]
        indexed = person_index.with_any(conn, keys, "email_name_birth")
        reached = person_index.with_any(conn, keys, "email")
    lost = {one for one, stands in charts.items() if stands.aggregate in indexed - reached}
    return [
        _row(one, known.get(one.remote_id), _chart_of(one, charts), lost) for one in by_id.values()
    ]


def _chart_of(shown: Visit, charts: Mapping[str, standing.Stands]) -> standing.Stands | None:
    return charts.get(str(present(shown.patient, None)))


def _row(
    shown: Visit,
    stands: standing.Stands | None,
    chart: standing.Stands | None,
    lost: set[str],
) -> dict[str, Any]:
    excluded = chart is not None and chart.excluded
    silent = str(present(shown.patient, None)) in lost
    judged = judging.of_visit(stands, excluded=excluded, silent=silent)
    return lists.row(
        key=f"appointment:{shown.remote_id}",
        source_id=shown.remote_id,
        doctor=present(shown.provider, None),
        **judged.columns(),
    )
