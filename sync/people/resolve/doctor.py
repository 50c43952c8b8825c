"""Find out which doctor an OnCall visit is with, where OnCall does not name its provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.errors import Gone
from sync.core.records import Absent, present
from sync.drchrono import translate as drchrono
from sync.people import by_index
from sync.people.resolve.participant import from_index
from sync.run.outcomes import ParkedError
from sync.store.tables import facts, links

if TYPE_CHECKING:
    from sync.core.records import Attendee, Visit
    from sync.run.context import Run


def doctor_for(run: Run, shown: Visit, attendee: Attendee) -> str:
    """The doctor of an OnCall visit. OnCall may not tell its provider (guide: in no sample).

    Then the linked contact's, else the division's only mapped one, else the patient's own if in
    that division; else it is for a person to say.
    """
    told = shown.provider
    if not isinstance(told, Absent):
        return told
    if shown.provider_wire is not None:
        raise ParkedError("mapping", "provider", "provider_unmapped")
    doctors = _doctors_of_contacts(run, shown)
    if len(doctors) == 1:
        return doctors.pop()
    only = run.mapping.only_doctor_in(shown.division or "")
    if only is not None and _is_only_provider(run, shown.division or ""):
        return only
    own = _own_doctor(run, attendee)
    entry = run.mapping.doctor(own) if own else None
    if own and entry is not None and entry.oncall_division == shown.division:
        return own
    raise ParkedError("mapping", "provider", "provider_unknown")


def _is_only_provider(run: Run, division: str) -> bool:
    """Whether nobody else works in that division: the mapping may name one of several."""
    with run.sync.store.read() as conn:
        return facts.get(conn, f"division_providers:{division}") in {None, "1"}


def _own_doctor(run: Run, attendee: Attendee) -> str | None:
    """The doctor whose chart a known person is in; reads the chart."""
    known = from_index(run, attendee, "")
    if known is None:
        return None
    try:
        json = run.sync.drchrono.get_patient(run.ticket, known.remote_id)
    except Gone:
        return None
    return present(drchrono.to_person(json).doctor, None)


def _doctors_of_contacts(run: Run, shown: Visit) -> set[str]:
    """The doctors that the linked contacts of the attendees belong to, in this division."""
    sync, mapping, division = run.sync, run.mapping, shown.division
    found: set[str] = set()
    with sync.store.read() as conn:
        for attendee in shown.attendees:
            for key in by_index.with_email(conn, sync.digests, present(attendee.email, "")):
                for obj in links.objects_of(conn, key):
                    if obj.kind == "contact" and obj.division in {division, None}:
                        doctor = mapping.doctor_for(obj.provider, obj.division)
                        found |= {doctor} if doctor else set()
    return found
