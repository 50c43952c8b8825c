"""Hold what a scan of both systems has read so far."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sync.core.records import Attendee, Marker, Person, Visit, present
from sync.core.rules.people import normal_email, normal_name
from sync.core.rules.place import Slot
from sync.core.wording import Json
from sync.mapping import Mapping
from sync.oncall.newest import record_id
from sync.outbound.gate import Ticket
from sync.runtime import Sync


@dataclass
class ListedVisit:
    """One visit of one system, as the scan read it in a list."""

    json: dict[str, Json]
    visit: Visit


@dataclass
class Scan:
    """One scan of both systems; what it read of people is in memory only."""

    sync: Sync
    mapping: Mapping
    ticket: Ticket
    now: datetime
    people: dict[str, Person] = field(default_factory=dict)  # by patient id
    person_keys: dict[str, int] = field(default_factory=dict)  # patient id → aggregate
    by_email: dict[str, list[Person]] = field(default_factory=dict)
    named_contacts: dict[str, list[Person]] = field(default_factory=dict)  # by contact id
    ours: frozenset[str] = frozenset()  # the installations whose markers count
    verbose: bool = False  # charts are read with their markers
    waits: bool = False  # for the budget, where it is used up: what was read is not read again
    here: list[ListedVisit] | None = None  # DrChrono's appointments, once they were read
    there: list[ListedVisit] | None = None  # OnCall's visits
    unsure: list[tuple[ListedVisit, list[str]]] = field(
        default_factory=list
    )  # what markers can't settle
    progress: Callable[[str, int], None] = lambda _what, _count: None

    def is_crowd(self, patient: Person) -> bool:
        """Whether more charts share a patient's address than one household has."""
        email = normal_email(present(patient.email, ""))
        same = self.by_email.get(email, [])
        families = {normal_name(present(one.last_name, "")) for one in same}
        return self.mapping.addresses.is_crowd(email, len(same), len(families))


@dataclass
class Together:
    """A group visit that both systems have: each member's appointment with its participant.

    Who else stands in the slot or is in the OnCall visit follows: the visit's own run adds them.
    """

    slot: Slot
    visit: ListedVisit
    members: list[tuple[ListedVisit, Attendee]]


def new_scan(sync: Sync) -> Scan:
    """A scan that begins now; makes no call yet. Raises MappingError."""
    found = Scan(sync, sync.mapping, sync.task_ticket(), sync.clock())
    found.ours = sync.installations()
    return found


class Sides:
    """The visits of both systems without a counterpart, by what two that are the same share.

    A practice has thousands: only those of one start, and those a marker names, are compared.
    """

    def __init__(self, here: list[ListedVisit], there: list[ListedVisit]) -> None:
        self.here, self.there = here, there
        self._ids = {met.visit.remote_id: met for met in here}
        self._here: defaultdict[object, list[ListedVisit]] = defaultdict(list)
        self._there: defaultdict[object, list[ListedVisit]] = defaultdict(list)
        for met in here:
            self._here[met.visit.starts].append(met)
        for one in there:
            marker = one.visit.marker
            key = marker.other if isinstance(marker, Marker) else one.visit.starts
            self._there[key].append(one)

    def beginning(self, starts: datetime) -> list[ListedVisit]:
        """The appointments that begin at a time."""
        return self._here[starts]

    def claiming(self, one: ListedVisit) -> list[ListedVisit]:
        """The appointments that an OnCall visit may be."""
        marker = one.visit.marker
        if isinstance(marker, Marker):
            return [self._ids[marker.other]] if marker.other in self._ids else []
        return self._here[one.visit.starts]

    def claimed(self, met: ListedVisit) -> list[ListedVisit]:
        """The OnCall visits that an appointment may be, the first made first."""
        of_both = self._there[met.visit.remote_id] + self._there[met.visit.starts]
        return sorted(of_both, key=lambda one: record_id(one.json))
