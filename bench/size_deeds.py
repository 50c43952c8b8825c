"""List the deeds that are measured at size, and what must be there before each."""

from __future__ import annotations

import io
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from bench import size_world
from sync.batches import showing, steering
from sync.core.batch.model import Kind, State
from sync.operations.diff import keeping, nightly
from sync.operations.diff.run import compare
from sync.runtime import Sync
from sync.store.compared import found
from sync.store.tables import facts
from sync.tasks import schedule, worker
from tests.support.batches import imports
from tests.support.clinic import PROVIDER, Clinic, due

Deed = Callable[[Sync, Namespace], Any]
LONGEST: Final = 3600.0  # seconds


@dataclass(frozen=True)
class Run:
    """One deed, and what is done before it, outside of what is measured."""

    name: str
    before: Callable[[Clinic, Namespace], None] = lambda _clinic, _told: None


# --- what is done ---------------------------------------------------------------------------------


def diff(sync: Sync, _told: Namespace) -> Any:
    """The command `diff`, every list read."""
    report = keeping.kept(sync, compare(sync))
    counts = {name: len(report.standing(name)) for name in {one.standing for one in report.found}}
    return {
        "status": report.status,
        "compared": report.compared,
        "found": counts,
        "troubles": [(one.of, one.code) for one in report.troubles],
        "undecided": len(report.undecided),
    }


def night(sync: Sync, _told: Namespace) -> Any:
    """The scans of a night, and the comparison by what they have read."""
    for name in ("drchrono_window", "oncall_walk", "oncall_contacts"):
        schedule.run_now(sync, name)
    nightly.run(sync)
    with sync.store.read() as conn:
        told = found.last(conn)
    assert told is not None  # noqa: S101 - it was kept just now
    return {name: value for name, value in told._asdict().items() if not name.endswith("_at")}


def scans(sync: Sync, _told: Namespace) -> Any:
    """The scans of a night alone."""
    for name in ("drchrono_window", "oncall_walk", "oncall_contacts"):
        schedule.run_now(sync, name)
    sync.lists.clear()


def plan_import(sync: Sync, told: Namespace) -> Any:
    """A file of patients taken in and planned."""
    lines = (imports.line(number) for number in range(told.rows))
    file = io.BytesIO(imports.text(list(lines)))
    number = steering.open_file(sync, Kind.IMPORT_PATIENTS, file)
    chosen = showing.columns(sync, number).chosen
    steering.choose(sync, number, chosen, provider=PROVIDER)
    _work(sync, until=lambda: showing.show(sync, number).state is not State.PLANNING)
    return _shown(sync, number)


def do_import(sync: Sync, told: Namespace) -> Any:
    """Some of what was planned, begun and done."""
    number = 1
    steering.start(sync, number)
    _work(sync, until=lambda: _done(sync, number) >= told.some)
    return _shown(sync, number) | {"done": _done(sync, number)}


def plan_patients(sync: Sync, _told: Namespace) -> Any:
    """Every chart of DrChrono read, and judged."""
    return _planned(sync, Kind.BACKFILL_PATIENTS)


def plan_appointments(sync: Sync, _told: Namespace) -> Any:
    """Every appointment to come read, and judged."""
    return _planned(sync, Kind.BACKFILL_APPOINTMENTS)


def _planned(sync: Sync, kind: Kind) -> dict[str, Any]:
    number, _rings = steering.open_backfill(sync, kind)
    _work(sync, until=lambda: showing.show(sync, number).state is not State.PLANNING)
    return _shown(sync, number)


def do_some(sync: Sync, told: Namespace) -> Any:
    """Some of what was planned last, begun and done."""
    number = max(one.id for one in showing.listed(sync, imports=False))
    steering.start(sync, number)
    _work(sync, until=lambda: _done(sync, number) >= told.some)
    shown = _shown(sync, number) | {"done": _done(sync, number)}
    steering.cancel(sync, number)  # the next deed is measured alone
    _work(sync, until=lambda: showing.show(sync, number).state is State.CANCELLED)
    return shown


def _work(sync: Sync, until: Callable[[], bool]) -> None:
    """Do what is due, as workers would, until it is so far; what waits a moment is waited for."""
    end = time.monotonic() + LONGEST
    while not until() and time.monotonic() < end:
        keys = due(sync)
        for key in keys:
            worker.run(sync, key)
            if until():
                return
        if not keys:
            time.sleep(0.2)


def _done(sync: Sync, number: int) -> int:
    progress = showing.progress(sync, number)
    return int(getattr(progress, "done", 0))


def _shown(sync: Sync, number: int) -> dict[str, Any]:
    batch = showing.show(sync, number)
    fates = {str(name): count for name, count in batch.fates.items()}
    told = {"state": str(batch.state), "total": batch.total, "read": batch.read}
    return told | {"cause": batch.cause, "fates": fates}


# --- what is there before -------------------------------------------------------------------------


def _unlinked(clinic: Clinic, told: Namespace) -> None:
    """DrChrono has all of it, OnCall and the database nothing but one visit."""
    size_world.fill(clinic, told.patients, told.visits, contacts=False, there=False)
    _lists(clinic, bulk=True)


def _unlinked_in_pages(clinic: Clinic, told: Namespace) -> None:
    _unlinked(clinic, told)
    _lists(clinic, bulk=False)


def _linked(clinic: Clinic, told: Namespace) -> None:
    size_world.fill(clinic, told.patients, told.visits, contacts=True, there=True)
    size_world.link(clinic.sync, told.patients, told.visits)
    _lists(clinic, bulk=True)


def _lists(clinic: Clinic, *, bulk: bool) -> None:
    clinic.sandbox.behaviours("drchrono", bulk_lists=bulk)
    with clinic.sync.store.write() as conn:
        for kind in ("appointments", "patients"):
            facts.put(conn, f"bulk_{kind}", "yes" if bulk else "no", clinic.now())


def _linked_in_pages(clinic: Clinic, told: Namespace) -> None:
    _linked(clinic, told)
    _lists(clinic, bulk=False)


def _pages(clinic: Clinic, _told: Namespace) -> None:
    _lists(clinic, bulk=False)


DEEDS: Final[dict[str, Deed]] = {
    "diff, bulk lists": diff,
    "diff, pages": diff,
    "the night's scans": scans,
    "the night's scans and comparison": night,
    "backfill patients, planned": plan_patients,
    "backfill appointments, planned": plan_appointments,
    "backfill, some done": do_some,
    "import, planned": plan_import,
    "import, some done": do_import,
}
_REST_OF_A_BACKFILL: Final = (
    Run("backfill, some done"),
    Run("backfill appointments, planned"),
    Run("backfill, some done"),
)
RUNS: Final[dict[str, tuple[Run, ...]]] = {
    "diff": (
        Run("diff, bulk lists", _linked),
        Run("diff, pages", _pages),
        Run("the night's scans", lambda clinic, _told: _lists(clinic, bulk=True)),
        Run("the night's scans and comparison"),
    ),
    "backfill": (Run("backfill patients, planned", _unlinked), *_REST_OF_A_BACKFILL),
    "backfill-pages": (
        Run("backfill patients, planned", _unlinked_in_pages),
        *_REST_OF_A_BACKFILL,
    ),
    "diff-bulk": (Run("diff, bulk lists", _linked),),
    "diff-pages": (Run("diff, pages", _linked_in_pages),),
    "import": (Run("import, planned"), Run("import, some done")),
}
