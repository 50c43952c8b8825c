"""Look at a patient's chart: can they be invited? The engine's own checks, one read."""

from sync.core.addresses import AS_TYPED
from sync.core.records import Person, present
from sync.core.rules import inviting
from sync.core.wire import MalformedError
from sync.drchrono import translate as drchrono
from sync.mapping import Mapping
from sync.operations.why.asking import Asker, Record
from sync.operations.why.facts import Read
from sync.people import sharing

PLACEHOLDER = "patient_email_placeholder"


def of_patient(asker: Asker, mapping: Mapping, patient: str) -> tuple[str, bool]:
    """Why a patient can't be invited ("" when they can), and whether the chart could be read."""
    read, json = asker.patient(patient)
    if read is Read.DENIED:
        return "patient_gone", True
    if read is Read.FORBIDDEN:
        return "forbidden", True
    return (cause(asker, mapping, json), True) if read is Read.SHOWN else ("", False)


def cause(asker: Asker, mapping: Mapping, json: Record) -> str:
    """Why the patient of a chart can't be invited, by the checks of a run; "" when they can."""
    try:
        shown = drchrono.to_person(json, mapping.addresses)
        typed = drchrono.to_person(json, AS_TYPED)
    except MalformedError:
        return "malformed"
    found = inviting.refusal(shown)
    if found == inviting.NO_EMAIL and present(typed.email, ""):
        return PLACEHOLDER
    return found or _crowd(asker, shown)


def _crowd(asker: Asker, shown: Person) -> str:
    sync = asker.sync
    with sync.store.read() as conn:
        crowd = sharing.crowd(conn, sync, present(shown.email, ""))
    return sharing.CAUSE if crowd is not None else ""
