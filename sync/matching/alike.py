"""Tell whether an appointment and an OnCall visit are one visit, and which others may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.records import Life, State, Visit
from sync.core.rules import plausible
from sync.core.rules.same import Here, Same, same_visit
from sync.store.tables import decisions

if TYPE_CHECKING:
    from sync.matching.scan import ListedVisit, Scan, Sides


def same(scan: Scan, met: ListedVisit, one: ListedVisit) -> bool:
    """Whether they surely are one visit, and nobody has told them apart."""
    return _judged(scan, met, one) is Same.CERTAIN


def may_be(scan: Scan, met: ListedVisit, one: ListedVisit) -> bool:
    """Whether they may be one visit: one asks.

    Somebody typed the visit into both systems, and the address differs; or not.
    """
    return not met.visit.group and _judged(scan, met, one) is Same.MAYBE


def _judged(scan: Scan, met: ListedVisit, one: ListedVisit) -> Same:
    left, right = met.visit, one.visit
    patient = scan.people.get(str(left.patient))
    charts = (patient,) if patient is not None else ()
    crowd = patient is not None and scan.is_crowd(patient)
    here = Here(left.starts, left.provider, charts, {left.remote_id}, left.group, crowd)
    found = same_visit(here, right)
    return Same.NO if found is not Same.NO and _told_apart(scan, left, right) else found


def _told_apart(scan: Scan, left: Visit, right: Visit) -> bool:
    with scan.sync.store.read() as conn:
        return decisions.are_apart(
            conn, ("appointment", left.remote_id), ("visit", right.remote_id)
        )


def claims(scan: Scan, sides: Sides, one: ListedVisit) -> list[ListedVisit]:
    """The appointments that surely are an OnCall visit; of several those of its length, if any."""
    return as_long(one, _standing([met for met in sides.claiming(one) if same(scan, met, one)]))


def unsure(scan: Scan, sides: Sides, one: ListedVisit) -> list[ListedVisit]:
    """The appointments that an OnCall visit may be: one asks."""
    return _standing([met for met in sides.claiming(one) if may_be(scan, met, one)])


def _standing(visits: list[ListedVisit]) -> list[ListedVisit]:
    """Those that stand, where any does.

    A rescheduled one is the former place of its clone (docs/api-facts.md, D38), and no rival of it.
    """
    return [met for met in visits if not _is_rescheduled(met.visit)] or visits


def as_long(one: ListedVisit, visits: list[ListedVisit]) -> list[ListedVisit]:
    """Those that last as long as `one`, where any does."""
    length = plausible.length(one.visit)
    return [other for other in visits if plausible.length(other.visit) == length] or visits


def _is_rescheduled(shown: Visit) -> bool:
    return isinstance(shown.state, State) and shown.state.life is Life.RESCHEDULED
