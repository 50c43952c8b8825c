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
from sync.run.lost import Look
from sync.store.tables import attendances, facts, links

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sync.core.wording import Json
    from sync.store.tables.links import Obj
    from sync.visits.state.model import VisitRun


def for_row(run: VisitRun, row: Obj, sent: datetime) -> Look[dict[str, Json]]:
    """Look for the appointment that a creating row may have become."""
    return _oncall(run, row, sent) if row.system == "oncall" else _drchrono(run, row, sent)


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


def _oncall(run: VisitRun, row: Obj, sent: datetime) -> Look[dict[str, Json]]:
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


@dataclass(frozen=True)
class _Place:
    """Whose appointment was to be made, with whom and when."""

    patient: str | None
    doctor: str
    starts: datetime


def _drchrono(run: VisitRun, row: Obj, sent: datetime) -> Look[dict[str, Json]]:
    """Look by day and doctor, with the custom fields; a list lags (docs/api-facts.md, D29)."""
    place = _place_of(run, row)
    if place is None:
        return Look(None, Evidence.SILENT)
    revisions: list[str | None] = []
    # All members have one marker: of several the patient tells them apart.
    for json in _listed(run, place, place.patient if run.state.is_group else None):
        shown = drchrono.to_visit(json, run.mapping)
        if _is_made(run, row, place, shown):
            return Look(json)
        revisions.append(shown.revision)
    late = timedelta(seconds=run.sync.settings.late_seconds)
    with run.sync.store.read() as conn:
        proven = proofs.of_list(conn, proofs.DRCHRONO_APPOINTMENTS)
        if proven is Evidence.SHOWS:
            return Look(None, proven)
        return Look(None, proofs.of_revisions(conn, sent + late, revisions))


def _place_of(run: VisitRun, row: Obj) -> _Place | None:
    state, at = run.state, run.state.place
    doctor, starts = (at.doctor, at.starts) if at else (state.row.doctor, state.row.starts_at)
    if state.is_group:
        attended = next((s.attended for s in run.seats if s.appointment.id == row.id), None)
    else:
        attended = state.attendance
    person = attended.person if attended is not None else None
    with run.sync.store.read() as conn:
        patient = links.patient_row(conn, person or 0)
    if doctor is None or starts is None or (state.is_group and patient is None):
        return None
    return _Place(None if patient is None else str(patient.remote_id), doctor, starts)


def _listed(run: VisitRun, place: _Place, patient: str | None) -> Iterator[dict[str, Json]]:
    """The appointments of the days around a place, of one patient or of all."""
    days = {(place.starts + timedelta(hours=hours)).date() for hours in (-14, 0, 14)}
    filters = {"doctor": place.doctor} | ({"patient": patient} if patient is not None else {})
    for page in run.sync.drchrono.list_appointments(
        run.ticket,
        verbose=True,
        date_range=f"{min(days).isoformat()}/{max(days).isoformat()}",
        **filters,
    ):
        yield from page.results


def _is_made(run: VisitRun, row: Obj, place: _Place, shown: Visit) -> bool:
    """Whether an appointment is the one that this create made, whatever became of it since.

    Our marker says so. Where the account lets us have no custom field, patient, doctor and start of
    one that is nobody's are all there is to know it by.
    """
    if is_ours(run, row, shown):
        return not run.state.is_group or not _is_taken(run, shown.remote_id)
    if not same_appointment(shown, place.patient or "", place.doctor, place.starts, over=True):
        return False
    with run.sync.store.read() as conn:
        if facts.appointment_field(conn, place.doctor) is not None:
            return False
    return not _is_taken(run, shown.remote_id)


def _is_taken(run: VisitRun, remote_id: str) -> bool:
    """Whether an appointment stands in a visit, or has, or is one of two sides."""
    with run.sync.store.read() as conn:
        known = links.find(conn, "drchrono", "appointment", remote_id)
        return known is not None and (
            attendances.is_attended(conn, known.id)
            or any(
                one.id != known.id and one.kind == "appointment"
                for one in links.objects_of(conn, known.aggregate)
            )
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


# --- before a newcomer's appointment is made ------------------------------------------------------


def standing(run: VisitRun, patient: str) -> dict[str, Json] | None:
    """The open appointment of a patient that has our marker or stands there, and is nobody's."""
    slot = run.slot
    for json in _listed(run, _Place(patient, slot.doctor, slot.starts), patient):
        shown = drchrono.to_visit(json, run.mapping)
        if shown.patient != patient or _is_taken(run, shown.remote_id):
            continue
        ended = isinstance(shown.state, State) and shown.state.life is not Life.OPEN
        ours = _has_our_marker(run, "drchrono", shown) and not ended
        if ours or same_appointment(shown, patient, slot.doctor, slot.starts):
            return json
    return None
