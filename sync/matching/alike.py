"""Tell whether an appointment and an OnCall visit are one visit, and which others may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.records import Absent, Attendee, Life, Marker, Person, State, Visit, present
from sync.core.rules import plausible
from sync.core.rules.people import full_name, normal_email, normal_name
from sync.store.tables import decisions_never

if TYPE_CHECKING:
    from sync.matching.scan import Met, Scan, Sides


def same(scan: Scan, met: Met, one: Met) -> bool:
    """Provider (where OnCall tells it), start, length and the participant's e-mail."""
    left, right = met.visit, one.visit
    if isinstance(right.marker, Marker):
        alike = right.marker.other == left.remote_id
    else:
        alike = _look_alike(scan, left, right)
    return alike and not _told_apart(scan, left, right)


def _look_alike(scan: Scan, left: Visit, right: Visit) -> bool:
    if isinstance(left.starts, Absent) or left.starts != right.starts:
        return False
    if plausible.length(left) != plausible.length(right):
        return False
    if not isinstance(right.provider, Absent) and right.provider != left.provider:
        return False
    patient = scan.people.get(str(left.patient))
    email = normal_email(present(patient.email, "")) if patient else ""
    if patient is None or not email:
        return False
    # By an address that a crowd shares nobody is known.
    named = _name(patient) if scan.is_crowd(patient) else ""
    return any(
        normal_email(present(who.email, "")) == email and named in {"", _name(who)}
        for who in right.attendees
        if who.cancelled is not True
    )


def may_be(scan: Scan, met: Met, one: Met) -> bool:
    """Doctor, start and the only participant's name agree, and the e-mail does not: one asks.

    Somebody typed the visit into both systems, and the address differs; or not.
    """
    left, right = met.visit, one.visit
    patient = scan.people.get(str(left.patient))
    coming = [who for who in right.attendees if who.cancelled is not True]
    if patient is None or left.group or len(coming) != 1 or right.marker:
        return False
    if isinstance(left.starts, Absent) or left.starts != right.starts:
        return False
    if not isinstance(right.provider, Absent) and right.provider != left.provider:
        return False
    (who,) = coming
    emails = {normal_email(present(one.email, "")) for one in (who, patient)}
    same_name = _name(who) == _name(patient) != ""
    return same_name and len(emails) == 2 and not _told_apart(scan, left, right)


def _name(who: Person | Attendee) -> str:
    return normal_name(full_name(present(who.first_name, ""), present(who.last_name, "")))


def _told_apart(scan: Scan, left: Visit, right: Visit) -> bool:
    with scan.sync.store.read() as conn:
        return decisions_never.is_said(
            conn, ("appointment", left.remote_id), ("visit", right.remote_id)
        )


def claims(scan: Scan, sides: Sides, one: Met) -> list[Met]:
    """The appointments that surely are an OnCall visit."""
    return _standing([met for met in sides.claiming(one) if same(scan, met, one)])


def unsure(scan: Scan, sides: Sides, one: Met) -> list[Met]:
    """The appointments that an OnCall visit may be: one asks."""
    return _standing([met for met in sides.claiming(one) if may_be(scan, met, one)])


def _standing(found: list[Met]) -> list[Met]:
    """Those that stand, where any does.

    A rescheduled one is the former place of its clone (docs/api-facts.md, D38), and no rival of it.
    """
    return [met for met in found if not _is_rescheduled(met.visit)] or found


def _is_rescheduled(shown: Visit) -> bool:
    return isinstance(shown.state, State) and shown.state.life is Life.RESCHEDULED
