"""Leave visits without a known start out of the matching: neither past nor to come.

Matching compares by time, so it leaves them out; each one's own run tells what is missing, and is
woken when that is learned.
"""

from collections.abc import Iterable, Iterator

from sync.core.records import Absent, State, VisitType
from sync.core.rules import plausible
from sync.core.rules.lifecycle import terminal
from sync.mapping import in_scope
from sync.matching.compare import appointments, is_unlinked, visits
from sync.matching.scan import ListedVisit, Scan


def found(scan: Scan) -> Iterator[tuple[str, str, ListedVisit]]:
    """Each open one in scope without a counterpart: its system, the cause it is told by, itself."""
    for met in _open(scan, appointments(scan)):
        if in_scope(scan.mapping, met.visit):
            yield "drchrono", plausible.no_time(met.visit), met
    for met in _open(scan, visits(scan)):
        if isinstance(met.visit.type, VisitType):
            yield "oncall", "no_time", met


def _open(scan: Scan, listed: Iterable[ListedVisit]) -> Iterator[ListedVisit]:
    for met in listed:
        state = met.visit.state
        over = isinstance(state, State) and terminal(state)
        if isinstance(met.visit.starts, Absent) and not over and is_unlinked(scan, met.visit):
            yield met
