"""Say whether a backfill can be begun at all, and of which system's record it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sync.batches.step import UnusableBatchError
from sync.core.batch.model import Kind
from sync.store.tables import facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.batches.step import Step
    from sync.runtime import Sync

SOURCES: Final = ("drchrono", "oncall")


def source(options: Mapping[str, Any]) -> str:
    """Whose record is brought in."""
    return str(options.get("source") or SOURCES[0])


def refusal(sync: Sync, kind: Kind, options: Mapping[str, Any]) -> str | None:
    """The cause (`core.batch.causes`) for which a backfill can't be planned; None: it can.

    Raises MappingError.
    """
    mapping, doctor = sync.mapping, options.get("doctor")
    if source(options) not in SOURCES:
        return "source_unknown"
    if doctor and mapping.doctor(str(doctor)) is None:
        return "doctor_unmapped"
    if source(options) != "oncall":
        return None
    if options.get("since"):
        return "since_unknown"
    if kind is Kind.BACKFILL_PATIENTS and not mapping.policy.patients_from_contacts:
        return "patients_from_contacts"
    return None


def require_matched(step: Step) -> None:
    """Raises UnusableBatchError where it can't be planned, or before both systems were matched.

    Before that nobody knows what is linked, and everything would be taken for missing.
    """
    cause = refusal(step.sync, step.row.kind, step.options)
    if cause is not None:
        raise UnusableBatchError(cause)
    with step.sync.store.read() as conn:
        matched = facts.matched_doctors(conn)
    if any(entry.drchrono not in matched for entry in step.sync.mapping.doctors):
        raise UnusableBatchError("not_matched")
