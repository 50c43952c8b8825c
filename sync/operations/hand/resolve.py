"""Resolve an open question about a person: show the candidates live, take the answer.

What is shown is read from the remotes for that moment: it is neither stored nor logged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sync.core.addresses import AS_TYPED
from sync.core.errors import Gone
from sync.core.printable import printable
from sync.core.records import Absent, Attendee, Person, Visit, present
from sync.core.rules.people import full_name
from sync.drchrono import translate as drchrono
from sync.oncall import translate as oncall
from sync.operations.hand import by_hand, pair
from sync.operations.hand.by_hand import NotPossibleError
from sync.operations.lookup import UnknownError
from sync.runtime import Ring, Sync
from sync.store import attention
from sync.store.lanes import Lane
from sync.store.tables import decisions, links
from sync.store.tables.links import Obj
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed
from sync.visits.linking import merged_charts

NONE: Final = "none"
# What each cause asks for: the kind of its candidates.
CAUSES: Final[Mapping[str, str]] = {
    "patient_unsure": "patient",
    "new_patient": "patient",
    "duplicate_patient": "patient",
    "participant_without_email": "patient",
    "participant_email_unclear": "patient",
    "identity_incomplete": "patient",
    merged_charts.CAUSE: "patient",
    "contact_unsure": "contact",
    "visit_unsure": "visit",
}
_MAY_BE_NEW: Final = frozenset({"patient_unsure", "new_patient", "identity_incomplete"})
# Their candidates are names of fields, not of people.
_OF_FIELDS: Final = frozenset({"identity_incomplete"})


@dataclass(frozen=True)
class Candidate:
    """One who it may be: the id, and in words what the remote shows of them now."""

    id: str
    words: str


@dataclass(frozen=True)
class Question:
    """An open item: what it asks about, in words, and who may be the answer."""

    cause: str
    kind: str
    subject: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class _Open:
    """The rows of an open item: what it is about, and the candidates' ids."""

    cause: str
    kind: str
    key: int
    ids: tuple[str, ...]
    objects: tuple[Obj, ...]
    about: int = 0

    @property
    def asked(self) -> Obj:
        """The appointment that the item is about: a member of a group, or the visit's own."""
        named = [one for one in self.objects if one.id == self.about]
        return named[0] if named else self.object("drchrono", "appointment")

    def object(self, system: str, kind: str) -> Obj:
        """The one object of a kind that the item is about. Raises NotPossibleError."""
        for one in reversed(self.objects):
            if (one.system, one.kind) == (system, kind) and one.known:
                return one
        raise NotPossibleError(f"What it is about has no {kind} any more.")


def question(sync: Sync, item: int) -> Question:
    """The item and its candidates as the remotes show them now.

    Who looks is in the audit before anything is read. Raises UnknownError, NotPossibleError for an
    item that asks for none, and the RemoteErrors of the reads.
    """
    found = _open(sync, item)
    with sync.store.write() as conn:
        shown = tuple((found.kind, one) for one in found.ids)
        deeds.note(conn, Deed("look", (("item", item), *shown)), sync.clock())
    kind, remote_id = _subject(sync, found)
    listed = tuple(Candidate(one, _words_of(sync, found, one)) for one in found.ids)
    return Question(found.cause, found.kind, _words(sync, kind, remote_id), listed)


def resolve(sync: Sync, item: int, chosen: str) -> tuple[Ring, ...]:
    """Answer an item: link the chosen one, or with `none` remember that it is none of them.

    Where an item lists no candidates, any patient's id is an answer. Returns what to ring. Raises
    UnknownError, NotPossibleError, BusyError, and the RemoteErrors of the reads.
    """
    found = _open(sync, item)
    if chosen != NONE and found.ids and chosen not in found.ids:
        raise NotPossibleError(f"{chosen} is none of its candidates: {', '.join(found.ids)}.")
    if chosen != NONE:
        _words(sync, found.kind, chosen)  # it must be there
    rings = _answer(sync, found, chosen)
    with sync.store.write() as conn:
        now = sync.clock()
        attention.close(conn, item, now)
        decisions.note(conn, "resolve", str(item), chosen[:64], now=now)
        deeds.note(
            conn, Deed("resolve", (("item", item), ("chosen", chosen)), outcome=found.cause), now
        )
        return tuple({*rings, by_hand.raise_again(conn, found.key, now)})


def _open(sync: Sync, item: int) -> _Open:
    with sync.store.read() as conn:
        asked = attention.get_open(conn, item)
        if asked is None:
            raise UnknownError(f"No attention item {item} is open.")
        kind = CAUSES.get(asked.cause)
        if kind is None:
            raise NotPossibleError(
                f"{asked.cause} has no candidates: attention retry {item} or attention drop {item}"
            )
        key = links.survivor(conn, asked.aggregate)
        if kind == "visit" and _is_oncall_only(links.objects_of(conn, key)):
            kind = "appointment"
        ids = () if asked.cause in _OF_FIELDS else asked.named
        objects = tuple(links.objects_of(conn, key))
    return _Open(asked.cause, kind, key, ids, objects, asked.object)


def _is_oncall_only(objects: list[Obj]) -> bool:
    return not any(one.system == "drchrono" and one.kind == "appointment" for one in objects)


# --- what is shown --------------------------------------------------------------------------------


def _words_of(sync: Sync, item: _Open, candidate: str) -> str:
    try:
        return _words(sync, item.kind, candidate)
    except UnknownError:
        if item.cause != merged_charts.CAUSE:
            raise
        return "not there any more"  # which is why it is asked


def _subject(sync: Sync, item: _Open) -> tuple[str, str]:
    """What the item asks about: its kind and remote id."""
    if item.cause == merged_charts.CAUSE:
        return "appointment", str(item.asked.remote_id)
    if item.kind == "patient":
        return "participant", _participant(sync, item).remote_id
    if item.kind == "contact":
        return "patient", str(item.object("drchrono", "patient").remote_id)
    system = "oncall" if item.kind == "appointment" else "drchrono"
    return ("visit" if system == "oncall" else "appointment"), str(
        item.object(system, "appointment").remote_id
    )


def _participant(sync: Sync, item: _Open) -> Attendee:
    """The only participant that stays in the visit. Raises NotPossibleError."""
    visit_id = str(item.object("oncall", "appointment").remote_id)
    json = sync.oncall.get_appointment(sync.task_ticket(Lane.LIVE), visit_id)
    coming = [
        one for one in oncall.to_visit(json, sync.mapping).attendees if one.cancelled is not True
    ]
    if len(coming) != 1:
        raise NotPossibleError(f"The visit has {len(coming)} participants by now: put that right.")
    return coming[0]


def _words(sync: Sync, kind: str, remote_id: str) -> str:
    """One object as its system shows it now. Raises UnknownError when it is gone."""
    ticket = sync.task_ticket(Lane.LIVE)
    try:
        match kind:
            case "patient":
                return _person(
                    drchrono.to_person(sync.drchrono.get_patient(ticket, remote_id), AS_TYPED)
                )
            case "contact":
                return _person(
                    oncall.to_person(sync.oncall.get_contact(ticket, remote_id), AS_TYPED)
                )
            case "participant":
                json = sync.oncall.get_participant(ticket, remote_id)
                return _person(oncall.to_attendee(json, AS_TYPED))
            case "appointment":
                json = sync.drchrono.get_appointment(ticket, remote_id)
                shown = drchrono.to_visit(json, sync.mapping)
                return f"{_when(shown)}, patient {printable(str(shown.patient))}"
            case _:
                json = sync.oncall.get_appointment(ticket, remote_id)
                shown = oncall.to_visit(json, sync.mapping)
                return ", ".join([_when(shown), *map(_person, shown.attendees)])
    except Gone:
        raise UnknownError(f"{kind} {remote_id} is not there any more.") from None


def _person(who: Person | Attendee) -> str:
    name = full_name(present(who.first_name, ""), present(who.last_name, ""))
    born = present(who.birth_date, None) if isinstance(who, Person) else None
    parts = [name, present(who.email, ""), f"born {born}" if born else ""]
    return ", ".join(printable(part) for part in parts if part)


def _when(shown: Visit) -> str:
    if isinstance(shown.starts, Absent):
        return "without a time"
    length = "length unknown" if isinstance(shown.minutes, Absent) else f"{shown.minutes} minutes"
    return f"{shown.starts:%Y-%m-%d %H:%M} UTC, {length}"


# --- what follows ---------------------------------------------------------------------------------


def _answer(sync: Sync, item: _Open, chosen: str) -> tuple[Ring, ...]:
    if item.cause == merged_charts.CAUSE:
        _of_charts(sync, item, chosen)
        return ()
    kind, subject = _subject(sync, item)
    if chosen == NONE:
        _none(sync, item, (kind, subject))
        return ()
    match item.kind:
        case "patient":
            with sync.store.write() as conn:
                decisions.say_patient(conn, subject, chosen, now=sync.clock())
            return ()
        case "contact":
            return pair.pair(sync, "person", subject, chosen)
        case "visit":
            return pair.pair(sync, "visit", subject, chosen)
        case _:
            return pair.pair(sync, "visit", chosen, subject)


def _of_charts(sync: Sync, item: _Open, chosen: str) -> None:
    """The chart that the appointment names now is the same patient's, or `none`: another's."""
    former, chart = item.ids
    if chosen == former:
        raise NotPossibleError(f"The appointment names {chart}: that one, or {NONE} of them.")
    with sync.store.write() as conn:
        now = sync.clock()
        if chosen == NONE:
            decisions.tell_apart(conn, ("patient", former), ("patient", chart), now=now)
        else:
            decisions.say_same_chart(conn, former, chart, now=now)


def _none(sync: Sync, item: _Open, subject: decisions.Who) -> None:
    """Note that it is none of them: they are asked about no more, and a new one may be made."""
    if item.kind == "patient" and item.cause not in _MAY_BE_NEW:
        raise NotPossibleError(f"{item.cause}: say which patient it is.")
    with sync.store.write() as conn:
        now = sync.clock()
        for one in item.ids:
            decisions.tell_apart(conn, subject, (item.kind, one), now=now)
        if item.kind == "patient":
            decisions.say_new(conn, subject[1], now=now)
