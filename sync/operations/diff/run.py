"""Compare both systems: read each list once, hold the records side by side, say what differs.

Nothing is decided, raised or written, in neither system. Records are in memory and are forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

from sync.core.errors import NotBefore, RemoteError
from sync.core.records import SYSTEMS
from sync.mapping import MappingError
from sync.operations.diff import merged, people, visits, waiting
from sync.operations.diff.explained import explained
from sync.operations.diff.model import COUNTED, Found, Report, Standing, Trouble, What
from sync.operations.diff.reading import Progress, Reader, in_silence, window
from sync.operations.diff.shown import (
    APPOINTMENTS,
    CONTACTS,
    LISTS,
    PATIENTS,
    VISITS,
    Compared,
    Shown,
    Thing,
    View,
)
from sync.run.evidence import accounts, behind
from sync.store.compared import linked
from sync.store.service import installation
from sync.visits.state.model import policy_of

if TYPE_CHECKING:
    from sync.runtime import Listed, Sync

# Objects that are read by their id at most: what a list lacks, and second looks.
READS: Final = 100
# A list may be some seconds old (docs/api-facts.md, D29), and a worker may be at it just now.
AGAIN_AFTER: Final = 2.0
_OF_PEOPLE: Final = frozenset({PATIENTS, CONTACTS})


@dataclass(frozen=True)
class Asked:
    """What is to be compared: the lists, how many reads by id, and whom to tell how far it is.

    `listed` are lists that were read whole just now, and are not read again; `keeps`: what is read
    whole now is kept in the process, as the scans keep theirs. `waits`: for a budget that is used
    up, instead of telling that.
    """

    lists: tuple[str, ...] = LISTS
    reads: int = READS
    again_after: float = AGAIN_AFTER
    progress: Progress = in_silence
    listed: Mapping[str, Listed] = field(default_factory=dict)
    keeps: bool = False
    waits: bool = False


def compare(sync: Sync, asked: Asked | None = None) -> Report:
    """Compare both systems.

    What can't be told is in the report, whatever stands in the way; nothing is raised for it.
    """
    began = sync.clock()
    asked = asked or Asked()
    trouble = _stopped(sync)
    if trouble is not None:
        return Report(began, sync.clock(), troubles=(trouble,))
    days = min(sync.mapping.policy.window_days, sync.settings.window_days)
    first, last = window(began, days)
    if asked.waits:
        sync = waiting.patient(sync, asked.progress)
    reader = Reader(sync, Shown(), (first, last), asked.reads, asked.progress, asked.keeps)
    for name, listed in asked.listed.items():
        reader.adopt(name, listed)
    reader.lists([name for name in asked.lists if name not in reader.shown.whole])
    try:
        view = View(sync.mapping, policy_of(sync, sync.mapping), began, last, _sent(sync))
        return _Comparison(sync, reader, view, asked).report()
    except SQLAlchemyError:
        reader.troubles.append(Trouble("the database", "database"))
        return Report(began, sync.clock(), troubles=tuple(reader.troubles))


def _stopped(sync: Sync) -> Trouble | None:
    """Why nothing at all can be told; an account is proven here, by a call where it must be."""
    try:
        if sync.misfit() is not None:
            return Trouble("everything", "misfit")
        with sync.store.read() as conn:
            if installation.get(conn) is None:
                return Trouble("everything", "not_connected")
            if behind.is_noticed(conn):
                return Trouble("everything", "database_behind")
        _ = sync.mapping
    except MappingError:
        return Trouble("everything", "mapping_unusable")
    except SQLAlchemyError:
        return Trouble("the database", "database")
    since = sync.clock() - accounts.AGAIN
    for system in SYSTEMS:
        try:
            accounts.require(sync, system, since)
        except NotBefore as error:
            return Trouble(system, error.code, error.until)
        except RemoteError as error:
            return Trouble(system, error.code)
        except SQLAlchemyError:
            return Trouble("the database", "database")
    return None


def _sent(sync: Sync) -> Callable[[int, str], bool | None]:
    """Tell whether an OnCall visit's row was last settled with a doctor's provider, by digest."""
    with sync.store.read() as conn:
        stored = linked.providers(conn)

    def sent(row: int, doctor: str) -> bool | None:
        key_id, digest = stored.get(row, (None, None))
        entry = sync.mapping.doctor(doctor)
        if digest is None or entry is None:
            return None
        return sync.digests.same(row, "provider", entry.oncall_provider, key_id, digest)

    return sent


@dataclass
class _Comparison:
    """One comparison: looked at once, and what differs once more."""

    sync: Sync
    reader: Reader
    view: View
    asked: Asked

    def report(self) -> Report:
        first, rest = self._once()
        if rest:
            self.reader.by_id(rest)
            first, rest = self._once()
        again = [one for one in self._explained(first) if one.standing in _AGAIN]
        if again:
            self.sync.pause(self.asked.again_after)
            self._look_again(again)
            first, rest = self._once()
            if rest:  # what another worker has linked meanwhile
                self.reader.by_id(rest)
                first, rest = self._once()
        found = self._explained(first)
        with self.sync.store.read() as conn:
            judged = [
                merged.judged(conn, self.sync, self.reader.shown, self.view, one) for one in found
            ]
        parts = (first.visits, first.people)
        return Report(
            self.view.now,
            self.sync.clock(),
            tuple(sorted(judged, key=_order)),
            (*self.reader.undecided, *(one for part in parts for one in part.undecided)),
            tuple(self.reader.troubles),
            {"visits": first.visits.count, "people": first.people.count},
            tuple(name for name in LISTS if name not in self.asked.lists),
        )

    def _once(self) -> tuple[_Both, list[Thing]]:
        since = self.view.now - timedelta(days=1)
        with self.sync.store.read() as conn:
            ties = list(linked.ties(conn, since))
            charts, contacts = linked.charts(conn), linked.contacts(conn)
        shown = self.reader.shown
        found = _Both(
            visits.compare(shown, ties, charts, self.view),
            people.compare(shown, ties, charts, contacts, self.view)
            if _OF_PEOPLE & set(self.asked.lists)
            else Compared(),
        )
        return found, [*found.visits.ask, *found.people.ask]

    def _explained(self, both: _Both) -> list[Found]:
        with self.sync.store.read() as conn:
            return explained(conn, self.sync, [*both.visits.found, *both.people.found])

    def _look_again(self, found: list[Found]) -> None:
        """Read both sides of what differs by their ids, as many as may be."""
        wanted: list[Thing] = []
        for one in found:
            here, there = _THINGS[one.what]
            wanted += [Thing(here, one.drchrono)] if one.drchrono else []
            wanted += [Thing(there, one.oncall)] if one.oncall else []
            if one.cause == "participant_differs":
                wanted[-1] = Thing(VISITS, one.oncall)
        left = [thing for thing in dict.fromkeys(wanted) if thing not in self.reader.shown.read]
        self.reader.by_id(left[: self.reader.reads])


@dataclass(frozen=True)
class _Both:
    visits: Compared
    people: Compared


_AGAIN: Final = frozenset({Standing.DIFFERENT, Standing.ON_ITS_WAY})
_THINGS: Final = {What.VISIT: (APPOINTMENTS, VISITS), What.PERSON: (PATIENTS, CONTACTS)}


def _order(one: Found) -> tuple[bool, str, str, str, str, str]:
    return one.standing not in COUNTED, one.what, one.cause, one.drchrono, one.oncall, one.why
