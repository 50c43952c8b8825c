"""Compare appointments with OnCall visits that begin when they do and have no other side yet.

Both systems were matched before anything was made, so there are few: each is read, and the matching
says which are one visit and which may be.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sync.core.batch.model import Fate
from sync.core.errors import Gone
from sync.core.records import Absent
from sync.matching import compare as matching
from sync.matching import marked
from sync.matching.scan import ListedVisit, Scan, new_scan
from sync.run.allowed import UNSURE
from sync.store.batches import items, standing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sync.batches.step import Step
    from sync.core.records import Visit


def noted(step: Step, shown: Iterable[Visit]) -> dict[str, list[str]]:
    """What the cursor keeps of those that are to be compared: ids, by when they begin."""
    by_start: dict[datetime, list[Visit]] = {}
    for one in shown:
        if not isinstance(one.starts, Absent):
            by_start.setdefault(one.starts, []).append(one)
    with step.sync.store.read() as conn:
        alone = standing.alone_in_oncall(conn, list(by_start))
    close = dict(step.cursor.get("near", {}))
    for _remote_id, _key, starts, doctor in alone:
        if starts is None:
            continue  # its own run reads it first
        same = [one for one in by_start.get(starts, []) if doctor in {None, one.provider}]
        if same:
            ids = close.get(starts.isoformat(), [])
            close[starts.isoformat()] = sorted({*ids, *(one.remote_id for one in same)})
    return close


def compare(step: Step) -> None:
    """Compare what was noted, one start after another, and judge anew what is found."""
    close = dict(step.cursor.get("near", {}))
    for start in sorted(close):
        judged = _of_start(step, datetime.fromisoformat(start), close.pop(start))
        with step.sync.store.read() as conn:
            numbers = items.with_key(conn, step.row.id, list(judged))
        rows = [{"number": numbers[key], **judged[key]} for key in numbers]
        cursor = {**step.cursor, "near": dict(close)}
        with step.keeping(cursor) as conn:
            items.judge(conn, step.row.id, rows)


def _of_start(step: Step, starts: datetime, ids: list[str]) -> dict[str, dict[str, Any]]:
    """What is found of the appointments of one start: those that are, or may be, a visit there."""
    scan = new_scan(step.sync)
    scan.ticket = step.ticket
    scan.here = _appointments(scan, ids)
    _know_patients(scan)
    scan.there = _visits(scan, starts)
    found = matching.compare(scan)
    judged = {
        met.visit.remote_id: _columns(Fate.ALREADY_THERE, None, [one.visit.remote_id])
        for met, one in found.same
    }
    for together in found.groups:
        for met, _who in together.members:
            there = [together.visit.visit.remote_id]
            judged[met.visit.remote_id] = _columns(Fate.ALREADY_THERE, None, there)
    for met, hits in found.unsure:
        judged[met.visit.remote_id] = _columns(Fate.QUESTION, UNSURE, hits)
    return {f"appointment:{remote_id}": one for remote_id, one in judged.items()}


def _columns(fate: Fate, cause: str | None, ids: list[str]) -> dict[str, Any]:
    is_one = fate is Fate.ALREADY_THERE
    return {
        "fate": fate.value,
        "cause": cause,
        "remote_id": ids[0] if is_one else None,
        "candidates": None if is_one else sorted(ids),
    }


def _appointments(scan: Scan, ids: list[str]) -> list[ListedVisit]:
    found = []
    for one in ids:
        try:
            json = scan.sync.drchrono.get_appointment(scan.ticket, one, verbose=True)
        except Gone:
            continue
        found.append(ListedVisit(json, marked.here(scan, json)))
    return found


def _visits(scan: Scan, starts: datetime) -> list[ListedVisit]:
    with scan.sync.store.read() as conn:
        alone = standing.alone_in_oncall(conn, [starts])
    found = []
    for remote_id, _key, _starts, _doctor in alone:
        try:
            json = scan.sync.oncall.get_appointment(scan.ticket, remote_id)
        except Gone:
            continue
        found.append(ListedVisit(json, marked.there(scan, json)))
    return found


def _know_patients(scan: Scan) -> None:
    for one in {str(met.visit.patient) for met in scan.here or () if met.visit.patient}:
        try:
            json = scan.sync.drchrono.get_patient(scan.ticket, one)
        except Gone:
            continue
        matching.know(scan, marked.patient(scan, json))
