"""Read both systems' lists once, by the cheapest way there is, and single objects by their id.

In the lane that everything else goes before. What can't be read is told and stops no other list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sync.core.errors import Gone, RemoteError
from sync.core.wire import MalformedError
from sync.drchrono import translate as drchrono
from sync.intake import drchrono_pages
from sync.oncall import newest
from sync.oncall import translate as oncall
from sync.operations.diff.model import Trouble, Undecided, What
from sync.operations.diff.shown import (
    APPOINTMENTS,
    CONTACTS,
    LISTS,
    PATIENTS,
    VISITS,
    Shown,
    Thing,
)
from sync.people import charts
from sync.run.evidence import accounts
from sync.store.lanes import Lane

if TYPE_CHECKING:
    from sync.core.wording import Json
    from sync.outbound.gate import Ticket
    from sync.runtime import Sync

    Record = dict[str, Json]

SYSTEM: Final = {
    APPOINTMENTS: "drchrono",
    PATIENTS: "drchrono",
    VISITS: "oncall",
    CONTACTS: "oncall",
}
SAID: Final = {
    APPOINTMENTS: "DrChrono appointments",
    PATIENTS: "DrChrono patients",
    VISITS: "OnCall visits",
    CONTACTS: "OnCall contacts",
}
_WHAT: Final = {
    APPOINTMENTS: What.VISIT,
    VISITS: What.VISIT,
    PATIENTS: What.PERSON,
    CONTACTS: What.PERSON,
}
# How a list that gives fewer objects than it says it has is told.
SHORT: Final = "list_incomplete"
UNREAD: Final = "unread"
Progress = Callable[[str, int, int | None], None]


def in_silence(_what: str, _count: int, _of: int | None) -> None:
    """Tell nobody how far it came."""


@dataclass
class Reader:
    """Reads into `shown`. `reads` is how many objects may still be read by their id."""

    sync: Sync
    shown: Shown
    window: tuple[datetime, datetime]
    reads: int
    progress: Progress = in_silence
    troubles: list[Trouble] = field(default_factory=list)
    undecided: list[Undecided] = field(default_factory=list)

    @property
    def ticket(self) -> Ticket:
        """In the bulk lane: live work goes before it."""
        return self.sync.task_ticket(Lane.BULK)

    def lists(self, names: Iterable[str] = LISTS) -> None:
        """Read these lists, each to its end or to its trouble."""
        for name in names:
            try:
                self._list(name)
            except RemoteError as error:
                until = getattr(error, "until", None)
                self.troubles.append(Trouble(SAID[name], error.code, until))
            else:
                self.shown.whole.add(name)

    def _list(self, name: str) -> None:
        found, said = set[str](), None
        for records, count in self._pages(name):
            said = count if said is None else min(said, count or said)
            for record in records:
                found.add(self.take(name, record))
            self.progress(SAID[name], len(found), said)
        if said is not None and len(found) < said:
            self.troubles.append(Trouble(SAID[name], SHORT))

    def _pages(self, name: str) -> Iterator[tuple[Iterable[Record], int | None]]:
        if name == APPOINTMENTS:
            first, last = (at.date().isoformat() for at in self.window)
            # With what was deleted (docs/api-facts.md, D29): else each is a read by its id.
            more = {"date_range": f"{first}/{last}", "show_archived": "true"}
            for records in drchrono_pages.read(self.sync, name, self.ticket, **more):
                yield records, None
        elif name == PATIENTS:
            for records in drchrono_pages.read(self.sync, name, self.ticket):
                yield records, None
        else:
            client = self.sync.oncall
            pages = client.appointment_pages if name == VISITS else client.contact_pages
            for page in pages(self.ticket):
                yield page.results, page.count

    def take(self, name: str, record: Record) -> str:
        """Note what a record says; returns its id, or another word for one that can't be read."""
        try:
            thing = self._translated(name, record)
        except MalformedError:
            named = str(newest.record_id(record) or record.get("id") or "")
            named = named if named.replace("_", "").replace("-", "").isalnum() else ""
            ids = (named, "") if SYSTEM[name] == "drchrono" else ("", named)
            self.undecided.append(Undecided(_WHAT[name], "malformed", *ids))
            return f"malformed {named or len(self.undecided)}"
        return thing.id

    def _translated(self, name: str, record: Record) -> Thing:
        sync, shown = self.sync, self.shown
        if name == APPOINTMENTS:
            here = drchrono.to_visit(record, sync.mapping)
            shown.appointments[here.remote_id] = here
            return Thing(name, here.remote_id)
        if name == VISITS:
            there = oncall.to_visit(record, sync.mapping)
            shown.visits[there.remote_id] = there
            if isinstance(record.get("participants"), list):
                shown.who_told.add(there.remote_id)
            return Thing(name, there.remote_id)
        if name == PATIENTS:
            chart = charts.read(sync, record)
            shown.patients[chart.remote_id] = chart
            return Thing(name, chart.remote_id)
        contact = charts.contact(sync, record)
        shown.contacts[contact.remote_id] = contact
        return Thing(name, contact.remote_id)

    # --- by id ------------------------------------------------------------------------------------

    def by_id(self, things: Iterable[Thing]) -> int:
        """Read each of these by its id while reads are left; returns how many were read."""
        done = 0
        for thing in dict.fromkeys(things):
            if self.reads <= 0:
                self.shown.unread.setdefault(thing, "not_told")
                continue
            self.reads -= 1
            done += 1
            self._one(thing)
            self.progress("read by id", done, None)
        return done

    def _one(self, thing: Thing) -> None:
        began = self.sync.clock()
        try:
            record = self._get(thing)
        except Gone:
            self._denied(thing, began)
        except RemoteError as error:
            self.shown.unread[thing] = "forbidden" if error.code == "forbidden" else UNREAD
        else:
            if self.take(thing.of, record) == thing.id:
                self.shown.read.add(thing)
                self.shown.gone.discard(thing)
                kind = "patient" if thing.of == PATIENTS else thing.of.removesuffix("s")
                kind = "appointment" if thing.of == VISITS else kind
                side = drchrono if SYSTEM[thing.of] == "drchrono" else oncall
                self.shown.wires[thing] = side.wire(kind, record)
            else:
                self.shown.unread[thing] = "malformed"

    def _get(self, thing: Thing) -> Record:
        here, there, ticket = self.sync.drchrono, self.sync.oncall, self.ticket
        match thing.of:
            case "appointments":
                return here.get_appointment(ticket, thing.id)
            case "patients":
                return here.get_patient(ticket, thing.id)
            case "visits":
                return there.get_appointment(ticket, thing.id)
            case _:
                return there.get_contact(ticket, thing.id)

    def _denied(self, thing: Thing, began: datetime) -> None:
        """It is gone only where the account is proven to be the pinned one (docs/rules.md, R26)."""
        try:
            accounts.require(self.sync, SYSTEM[thing.of], began)
        except RemoteError:
            self.shown.unread[thing] = UNREAD
        else:
            self.shown.gone.add(thing)


def window(now: datetime, days: int) -> tuple[datetime, datetime]:
    """What DrChrono's list is asked for: from yesterday, as its days are the doctors'."""
    return now - timedelta(days=1), now + timedelta(days=days)
