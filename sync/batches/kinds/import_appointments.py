"""Bring appointments of a file in: each line becomes an OnCall visit, once.

The visit that is made is taken from there by its own run, as one that was booked in OnCall: its
patient, its DrChrono appointment and its markers are that run's. A visit that DrChrono has already
is made by its own run too.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sync.batches.kinds import reading
from sync.batches.kinds.import_appointments_do import do as do
from sync.batches.kinds.import_appointments_judge import judged, key_of
from sync.batches.kinds.model import Cost
from sync.core.batch.model import Fate
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
    while some := reading.following(step, _AT_ONCE):
        rows = _judged(step, some)
        with step.keeping({"pass": reading.JUDGE, "line": some[-1].number}) as conn:
            items.judge(conn, step.row.id, rows)


def _judged(step: Step, some: list[Stored]) -> list[dict[str, Any]]:
    """What is stored of some lines. Of lines that tell of the same visit the first one counts."""
    made = [_line(step, item) for item in some]
    reading.judge_doubled(step, made, partial(_says, step), _doubled)
    return made


def _says(step: Step, item: Stored) -> tuple[object, ...]:
    read = reading.appointment(step, item)
    return read.minutes, read.type


def _doubled(fate: Fate, cause: str) -> dict[str, Any]:
    told = {"fate": fate.value, "cause": cause, "candidates": None, "source_id": None}
    return {**told, "key": None} if fate is Fate.PROBLEM else told


def _line(step: Step, item: Stored) -> dict[str, Any]:
    read = reading.appointment(step, item)
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
