"""Search for what a create may have made: where it is cheap first, then the newest of the list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sync.core.errors import Gone
from sync.core.records import Absent, Life, Marker, State, Visit
from sync.core.rules.same import same_appointment
from sync.drchrono import translate as drchrono
from sync.oncall import newest
from sync.oncall import translate as oncall
from sync.run.evidence import proofs, sealing
from sync.run.evidence.proofs import Evidence
from sync.store.tables import attendances, facts, links

if TYPE_CHECKING:
    from datetime import datetime

    from sync.core.wording import Json
    from sync.store.tables.links import Obj
    from sync.visits.state.model import VisitRun


@dataclass(frozen=True)
class Look:
    """What a look brought, and what it says when it found nothing."""

    found: dict[str, Json] | None
    evidence: Evidence = Evidence.SHOWS


def for_visit(run: VisitRun, row: Obj, sent: datetime) -> Look:
    """Look for the appointment that a creating row may have become."""
    if row.system == "oncall":
        return _oncall(run, row, sent)
    return _of_several(run, row) if run.state.is_group else _drchrono(run, row, sent)


def is_ours(run: VisitRun, row: Obj, shown: Visit) -> bool:
    """Whether an appointment's marker is the one this very create carried."""
    marker = shown.marker
    return (
        isinstance(marker, Marker)
        and marker.generation == row.generation
        and _has_our_marker(run, row.system, shown)
    )


def _has_our_marker(run: VisitRun, system: str, shown: Visit) -> bool:
    """Whether an appointment's marker names this visit, in whatever generation."""
    digests, marker, remote_id = run.sync.digests, shown.marker, shown.remote_id
    return (
        isinstance(marker, Marker)
        and marker.installation in run.sync.installations()
        and not sealing.is_broken(digests, marker, system, "appointment", remote_id)
        and marker.aggregate == run.state.key
    )


def _oncall(run: VisitRun, row: Obj, sent: datetime) -> Look:
    """The newest appointments back to the highest id known before the POST."""
    scan = newest.oncall_appointments(run.sync.oncall, run.ticket, row.highest_before or 0)
    for json in scan.records:
        shown = oncall.to_visit(json, run.mapping)
        if isinstance(shown.marker, Absent):
            with run.sync.store.read() as conn:
                known = links.find(conn, "oncall", "appointment", shown.remote_id)
                if known is not None and not known.told:
                    continue  # read, and another's
            json = _whole(run, shown.remote_id) or json
            shown = oncall.to_visit(json, run.mapping)
        if is_ours(run, row, shown):
            return Look(json)
    if not scan.complete:
        return Look(None, Evidence.SILENT)
    sync = run.sync
    ids = {str(newest.record_id(json)) for json in scan.records}
    until = sync.clock() - timedelta(seconds=sync.settings.late_seconds)
    with sync.store.read() as conn:
        if proofs.lacks(conn, "oncall", "appointment", since=sent, until=until, shown=ids):
            return Look(None, Evidence.LAGS)
        return Look(None, proofs.of_list(conn, proofs.ONCALL_VISITS))


def _whole(run: VisitRun, remote_id: str) -> dict[str, Json] | None:
    try:
        return run.sync.oncall.get_appointment(run.ticket, remote_id)
    except Gone:
        return None


def _drchrono(run: VisitRun, row: Obj, sent: datetime) -> Look:
    """By day, doctor and patient, with the custom fields; a list lags (docs/api-facts.md, D29)."""
    state, sync = run.state, run.sync
    starts, doctor = state.row.starts_at, state.row.doctor
    if starts is None or doctor is None:
        return Look(None, Evidence.SILENT)
    days = {(starts + timedelta(hours=hours)).date() for hours in (-14, 0, 14)}
    pages = sync.drchrono.list_appointments(
        run.ticket,
        verbose=True,
        date_range=f"{min(days).isoformat()}/{max(days).isoformat()}",
        doctor=doctor,
    )
    revisions: list[str | None] = []
    for page in pages:
        for json in page.results:
            shown = drchrono.to_visit(json, run.mapping)
            if is_ours(run, row, shown) or _fits(run, shown):
                return Look(json)
            revisions.append(shown.revision)
    late = timedelta(seconds=sync.settings.late_seconds)
    with sync.store.read() as conn:
        proven = proofs.of_list(conn, proofs.DRCHRONO_APPOINTMENTS)
        if proven is Evidence.SHOWS:
            return Look(None, proven)
        return Look(None, proofs.of_revisions(conn, sent + late, revisions))


def _fits(run: VisitRun, shown: Visit) -> bool:
    """Whether an unmarked, unclaimed appointment is this very visit: patient, doctor and start.

    Where the account lets us have no custom field, that is all there is to know it by.
    """
    state = run.state
    with run.sync.store.read() as conn:
        if facts.appointment_field(conn, str(state.row.doctor)) is not None:
            return False
        patient = (
            links.patient_row(conn, state.attendance.person or 0) if state.attendance else None
        )
        known = links.find(conn, "drchrono", "appointment", shown.remote_id)
        claimed = known is not None and any(
            one.id != known.id and one.kind == "appointment"
            for one in links.objects_of(conn, known.aggregate)
        )
    return (
        patient is not None
        and not claimed
        and shown.patient == patient.remote_id
        and shown.starts == state.row.starts_at
        and shown.provider == state.row.doctor
    )


def at(run: VisitRun, remote_id: str) -> dict[str, Json] | None:
    """The appointment that is in the way, as it stands; None when it is gone."""
    try:
        return run.sync.drchrono.get_appointment(run.ticket, remote_id, verbose=True)
    except Gone:
        return None


def is_wanted(run: VisitRun, row: Obj, json: dict[str, Json]) -> bool:
    """Whether an appointment is the very one that this create was to make."""
    return is_ours(run, row, drchrono.to_visit(json, run.mapping))


# --- an appointment of one of several -------------------------------------------------------------


def _of_several(run: VisitRun, row: Obj) -> Look:
    """By day, doctor and the patient whose appointment it was to be."""
    person = next((s.attended.person for s in run.seats if s.appointment.id == row.id), None)
    with run.sync.store.read() as conn:
        patient = links.patient_row(conn, person or 0)
    found = None if patient is None else standing(run, str(patient.remote_id), over=True)
    with run.sync.store.read() as conn:
        return Look(found, proofs.of_list(conn, proofs.DRCHRONO_APPOINTMENTS))


def standing(run: VisitRun, patient: str, *, over: bool = False) -> dict[str, Json] | None:
    """By day, doctor and patient: one with our marker, or at the same time, and nobody else's.

    `over`: one with our marker that has ended too. What we made may have been cancelled since.
    """
    slot = run.slot
    days = {(slot.starts + timedelta(hours=hours)).date() for hours in (-14, 0, 14)}
    pages = run.sync.drchrono.list_appointments(
        run.ticket,
        verbose=True,
        date_range=f"{min(days).isoformat()}/{max(days).isoformat()}",
        doctor=slot.doctor,
        patient=patient,
    )
    for page in pages:
        for json in page.results:
            shown = drchrono.to_visit(json, run.mapping)
            if shown.patient != patient or _is_members(run, shown.remote_id):
                continue
            ended = isinstance(shown.state, State) and shown.state.life is not Life.OPEN
            ours = _has_our_marker(run, "drchrono", shown)
            same = same_appointment(shown, patient, slot.doctor, slot.starts)
            if same or (ours and (over or not ended)):
                return json
    return None


def _is_members(run: VisitRun, remote_id: str) -> bool:
    with run.sync.store.read() as conn:
        known = links.find(conn, "drchrono", "appointment", remote_id)
        return known is not None and attendances.is_attended(conn, known.id)
