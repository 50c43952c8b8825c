"""Bring appointments of a file in: each line becomes an OnCall visit, once.

The visit that is made is taken from there by its own run, as one that was booked in OnCall: its
patient, its DrChrono appointment and its markers are that run's. A visit that DrChrono has already
is made by its own run too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sync.batches.kinds import reading
from sync.batches.kinds.import_appointments_do import do as do
from sync.batches.kinds.import_appointments_judge import judged, key_of
from sync.batches.kinds.model import Cost
from sync.core.batch.model import Fate
from sync.core.batch.of_rows import SAME_LINE
from sync.sheets.appointments import read_appointment
from sync.store.batches import items

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.batches.step import Step
    from sync.runtime import Sync
    from sync.store.batches.items import Stored

_AT_ONCE: Final = 50
# The POST, then what a visit that was booked in OnCall costs (docs/costs.md, C7).
COSTS: Final = {
    Fate.CREATE: Cost(drchrono=1, oncall=4, mails_to_patients=1, mails_to_providers=1),
}


def costs(sync: Sync, options: Mapping[str, Any]) -> Mapping[Fate, Cost]:
    """What a line of each fate costs, the patient known.

    OnCall mails patient and provider at a POST (docs/api-facts.md, O17).
    """
    del sync, options
    return COSTS


def plan(step: Step) -> None:
    """Read the file and judge each line. Raises UnusableBatchError and what its reads raise."""
    reading.lines(step)
    while some := _following(step):
        rows = _judged(step, some)
        with step.keeping({"pass": reading.JUDGE, "line": some[-1].number}) as conn:
            items.judge(conn, step.row.id, rows)


def _following(step: Step) -> list[Stored]:
    last = int(step.cursor.get("line", 0))
    with step.sync.store.read() as conn:
        return items.without_fate(conn, step.row.id, last, _AT_ONCE)


def _judged(step: Step, some: list[Stored]) -> list[dict[str, Any]]:
    """What is stored of some lines. Of lines that tell of the same visit the first one counts."""
    made = [_line(step, item) for item in some]
    with step.sync.store.read() as conn:
        wanted = [row["key"] for row in made if row["key"] is not None]
        first = items.with_key(conn, step.row.id, wanted)
    for row in made:
        key = row["key"]
        if key is not None and first.setdefault(key, row["number"]) < row["number"]:
            row |= _as_before(step, row["number"], first[key])
    return made


def _as_before(step: Step, number: int, first: int) -> dict[str, Any]:
    """What becomes of a line that tells of an earlier line's visit: it is that one, or differs."""
    with step.sync.store.read() as conn:
        both = items.get(conn, step.row.id, [first, number])
    told = [
        read_appointment(step.cells(one), reading.choice(step), reading.options(step))
        for one in both
    ]
    alike = len({(one.minutes, one.type) for one in told}) == 1
    same = {"fate": Fate.ALREADY_THERE.value, "cause": SAME_LINE}
    differs = {"fate": Fate.PROBLEM.value, "cause": "same_line_differs", "key": None}
    return {"candidates": None, "source_id": None, **(same if alike else differs)}


def _line(step: Step, item: Stored) -> dict[str, Any]:
    read = read_appointment(step.cells(item), reading.choice(step), reading.options(step))
    found = judged(step, read)
    going = found.fate in {Fate.CREATE, Fate.ALREADY_THERE, Fate.QUESTION}
    return {
        "number": item.number,
        "key": key_of(step, read, found.chart) if going else None,
        "doctor": read.doctor,
        "fate": found.fate.value,
        "cause": found.cause,
        "column": found.column,
        "candidates": list(found.candidates) or None,
        "source_id": found.source_id,
        "remote_id": found.remote_id,
        "subject": None,
    }
