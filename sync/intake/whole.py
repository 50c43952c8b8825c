"""Hold a list that a scan reads anyway, translated, until both systems were compared by it.

In memory only. What can't be read is kept as its id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sync.core.wire import MalformedError
from sync.drchrono import translate as drchrono
from sync.oncall import newest
from sync.oncall import translate as oncall
from sync.people import charts
from sync.runtime import Listed

if TYPE_CHECKING:
    from datetime import datetime

    from sync.core.wording import Json
    from sync.runtime import Sync

    Record = dict[str, Json]

APPOINTMENTS: Final = "appointments"
PATIENTS: Final = "patients"
VISITS: Final = "visits"
CONTACTS: Final = "contacts"
# DrChrono's first: what is booked between the two is on its way, not gone.
LISTS: Final = (APPOINTMENTS, VISITS, PATIENTS, CONTACTS)


def translated(sync: Sync, name: str, record: Record) -> Any:
    """A record of a list in our terms. Raises MalformedError."""
    reads: dict[str, Callable[[], Any]] = {
        APPOINTMENTS: lambda: drchrono.to_visit(record, sync.mapping),
        VISITS: lambda: oncall.to_visit(record, sync.mapping),
        PATIENTS: lambda: charts.read(sync, record),
        CONTACTS: lambda: charts.contact(sync, record),
    }
    return reads[name]()


def id_in(record: Record) -> str:
    """The id of a record that can't be read, "" where it has none."""
    named = str(newest.record_id(record) or record.get("id") or "")
    return named if named.replace("_", "").replace("-", "").isalnum() else ""


@dataclass
class Reading:
    """Collects a list page by page; `done` when it was read to its end."""

    sync: Sync
    name: str
    began: datetime = field(init=False)
    records: dict[str, Any] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)
    who_told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.began = self.sync.clock()

    def page(self, records: Iterable[Record]) -> None:
        """Take a page's records."""
        for record in records:
            self.take(record)

    def take(self, record: Record) -> str:
        """Take one record; returns its id, "" for one that can't be read."""
        try:
            found = translated(self.sync, self.name, record)
        except MalformedError:
            self.odd.append(id_in(record))
            return ""
        self.records[found.remote_id] = found
        if isinstance(record.get("participants"), list):
            self.who_told.add(found.remote_id)
        return str(found.remote_id)

    def done(self) -> None:
        """The list was read to its end."""
        told = Listed(self.began, self.records, tuple(self.odd), frozenset(self.who_told))
        self.sync.lists[self.name] = told
