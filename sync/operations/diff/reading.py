"""Read both systems' lists once, by the cheapest way there is, and single objects by their id.

In the lane that everything else goes before. What can't be read is told and stops no other list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sync.core.errors import Gone, RemoteError
from sync.drchrono import translate as drchrono
from sync.intake import drchrono_pages, whole
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
from sync.run.evidence import accounts
from sync.store.lanes import Lane

if TYPE_CHECKING:
    from sync.core.wording import Json
    from sync.outbound.gate import Ticket
    from sync.runtime import Listed, Sync

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
    keeps: bool = False  # what was read whole is kept for the next comparison
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

    def adopt(self, name: str, listed: Listed) -> None:
        """Take over a list that was read whole already."""
        getattr(self.shown, name).update(listed.records)
        self.shown.who_told |= listed.who_told
        for remote_id in listed.odd:
            self._odd(name, remote_id)
        self.shown.whole.add(name)

    def _list(self, name: str) -> None:
        reading, said = whole.Reading(self.sync, name), None
        for records, count in self._pages(name):
            said = count if said is None else min(said, count or said)
            reading.page(records)
            self.progress(SAID[name], len(reading.records), said)
            # What was read until then is compared, wherever it ends.
            getattr(self.shown, name).update(reading.records)
            self.shown.who_told |= reading.who_told
        for remote_id in reading.odd:
            self._odd(name, remote_id)
        if said is not None and len(reading.records) + len(reading.odd) < said:
            self.troubles.append(Trouble(SAID[name], SHORT))
        elif self.keeps:
            reading.done()

    def _odd(self, name: str, remote_id: str) -> None:
        ids = (remote_id, "") if SYSTEM[name] == "drchrono" else ("", remote_id)
        self.undecided.append(Undecided(_WHAT[name], "malformed", *ids))

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
            reading = whole.Reading(self.sync, thing.of)
            if reading.take(record) == thing.id:
                getattr(self.shown, thing.of).update(reading.records)
                self.shown.who_told |= reading.who_told
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
