"""Resolve an open question about a person: show the candidates live, take the answer.

What is shown is read from the remotes for that moment: it is neither stored nor logged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sync.core.records import Attendee
from sync.oncall import translate as oncall
from sync.operations.hand import by_hand, pair
from sync.operations.hand.by_hand import NotPossibleError
from sync.operations.hand.look import Look, look
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
GONE: Final = "not there any more"
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
    """One who it may be: the id, and what the remote shows of them now; None: nothing any more."""

    id: str
    shown: Look | None

    @property
    def words(self) -> str:
        """The same in one line."""
        return GONE if self.shown is None else self.shown.words


@dataclass(frozen=True)
class Question:
    """An open item: what it asks about, and who may be the answer."""

    cause: str
    kind: str
    asked: Look
    candidates: tuple[Candidate, ...]

    @property
    def subject(self) -> str:
        """What it asks about in one line."""
        return self.asked.words


@dataclass(frozen=True)
class Choice:
    """What can be answered: the kind of what is named, the candidates' ids, and whether `none` can.

    Where there are no ids, any of that kind can be named.
    """

    kind: str
    ids: tuple[str, ...]
    none: bool


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


def choice(sync: Sync, item: int) -> Choice:
    """What can be answered; no remote is asked. Raises UnknownError and NotPossibleError."""
    found = _open(sync, item)
    return Choice(found.kind, found.ids, none=_may_be_none(found))


def question(sync: Sync, item: int, because: tuple[tuple[str, str], ...] = ()) -> Question:
    """The item and its candidates as the remotes show them now.

    Who looks is in the audit before anything is read, with `because` (kind and word). Raises
    UnknownError, NotPossibleError for an item that asks for none, and the reads' RemoteErrors.
    """
    found = _open(sync, item)
    with sync.store.write() as conn:
        shown = tuple((found.kind, one) for one in found.ids)
        deeds.note(conn, Deed("look", (("item", item), *because, *shown)), sync.clock())
    asked = look(sync, *_subject(sync, found))
    return Question(
        found.cause,
        found.kind,
        asked,
        tuple(Candidate(one, _shown(sync, found.kind, one)) for one in found.ids),
    )


def resolve(sync: Sync, item: int, chosen: str) -> tuple[Ring, ...]:
    """Answer an item: link the chosen one, or with `none` remember that it is none of them.

    Where an item lists no candidates, any patient's id is an answer. Returns what to ring. Raises
    UnknownError, NotPossibleError, BusyError, and the RemoteErrors of the reads.
    """
    found = _open(sync, item)
    if chosen != NONE and found.ids and chosen not in found.ids:
        # What was typed may be a name: it is not said again.
        raise NotPossibleError(f"That is none of its candidates: {', '.join(found.ids)}.")
    if chosen != NONE:
        look(sync, found.kind, chosen)  # it must be there
    # Written with what the answer does: a question that was closed without one says nothing.
    deed = Deed("resolve", (("item", item), ("chosen", chosen)), outcome=found.cause)
    rings = _answer(sync, found, chosen, deed)
    with sync.store.write() as conn:
        now = sync.clock()
        attention.close(conn, item, now)
        decisions.note(conn, "resolve", str(item), chosen[:64], now=now)
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


def _shown(sync: Sync, kind: str, candidate: str) -> Look | None:
    """One candidate; None for one that is gone, which the others are to be seen beside."""
    try:
        return look(sync, kind, candidate)
    except UnknownError:
        return None


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


# --- what follows ---------------------------------------------------------------------------------


def _answer(sync: Sync, item: _Open, chosen: str, deed: Deed) -> tuple[Ring, ...]:
    if item.cause == merged_charts.CAUSE:
        _of_charts(sync, item, chosen, deed)
        return ()
    kind, subject = _subject(sync, item)
    if chosen == NONE:
        _none(sync, item, (kind, subject), deed)
        return ()
    match item.kind:
        case "patient":
            with sync.store.write() as conn:
                decisions.say_patient(conn, subject, chosen, now=sync.clock())
                deeds.note(conn, deed, sync.clock())
            return ()
        case "contact":
            return pair.pair(sync, "person", subject, chosen, deed)
        case "visit":
            return pair.pair(sync, "visit", subject, chosen, deed)
        case _:
            return pair.pair(sync, "visit", chosen, subject, deed)


def _may_be_none(item: _Open) -> bool:
    return item.kind != "patient" or item.cause in {*_MAY_BE_NEW, merged_charts.CAUSE}


def _of_charts(sync: Sync, item: _Open, chosen: str, deed: Deed) -> None:
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
        deeds.note(conn, deed, now)


def _none(sync: Sync, item: _Open, subject: decisions.Who, deed: Deed) -> None:
    """Note that it is none of them: they are asked about no more, and a new one may be made."""
    if not _may_be_none(item):
        raise NotPossibleError(f"{item.cause}: say which patient it is.")
    with sync.store.write() as conn:
        now = sync.clock()
        for one in item.ids:
            decisions.tell_apart(conn, subject, (item.kind, one), now=now)
        if item.kind == "patient":
            decisions.say_new(conn, subject[1], now=now)
        deeds.note(conn, deed, now)
