"""Leave out optional fields that the other side refuses: write without them, and tell it once.

A refusal in the API's own shape that names optional fields only was not executed, so the call is
made again without them. What was refused is remembered by a digest and left out until its value
changes; when a value goes through, the item is closed. What the body can't do without is refused as
ever.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy import Connection

from sync.core.errors import Refused
from sync.digests import Digests
from sync.outbound.call import Answer, Call, Json
from sync.outbound.ticket import Ticket
from sync.store.database import Store
from sync.store.tables import refusals

_OF_A_CHART: Final = frozenset(
    {"cell_phone", "home_phone", "date_of_birth", "gender", "custom_demographics"}
)
_OF_A_CONTACT: Final = frozenset({"phone", "date_of_birth", "sex", "custom_field_values"})
_OF_A_PERSON: Final = frozenset({"first_name", "last_name", "name", "email"})
# (system, endpoint of the error table) → the keys of a body that an object can do without. What is
# changed of somebody who is there can be changed in part; a new one needs a name and an address.
OPTIONAL: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("drchrono", "patients"): _OF_A_CHART,
    ("drchrono", "patient"): _OF_A_CHART | _OF_A_PERSON,
    ("drchrono", "appointments"): frozenset({"custom_fields", "notes", "reason"}),
    ("drchrono", "appointment"): frozenset({"custom_fields", "notes", "reason"}),
    ("oncall", "appointments"): frozenset({"metadata"}),
    ("oncall", "appointment"): frozenset({"metadata", "title"}),
    ("oncall", "contacts"): _OF_A_CONTACT,
    ("oncall", "contact"): _OF_A_CONTACT | _OF_A_PERSON,
    ("oncall", "participant"): _OF_A_PERSON,
}
# The POST needs a value (docs/api-facts.md, D45): "not told" is written instead.
INSTEAD: Final[Mapping[tuple[str, str], Mapping[str, Json]]] = {
    ("drchrono", "patients"): {"gender": "UNK"}
}
# Our name of a key, where it is another: as in `Call.fields` and in what is told.
NAMES: Final[Mapping[str, str]] = {
    "cell_phone": "phone",
    "home_phone": "phone",
    "date_of_birth": "birth_date",
    "gender": "sex",
    "custom_demographics": "marker",
    "custom_fields": "marker",
    "custom_field_values": "marker",
    "metadata": "marker",
}
LEFT_OUT: Final = "left_out"
# Refused for what it says, by the error table: nothing of it was executed.
FOR_FIELDS: Final = frozenset({"invalid", "refused", LEFT_OUT})


class Inner(Protocol):
    """What the calls go on to."""

    def send(self, call: Call, ticket: Ticket) -> Answer:
        """Make the call."""


class Optional:
    """A sender that lets no optional field keep an object out."""

    def __init__(
        self, inner: Inner, store: Store, digests: Digests, clock: Callable[[], datetime]
    ) -> None:
        self._inner = inner
        self._store = store
        self._digests = digests
        self._clock = clock

    def send(self, call: Call, ticket: Ticket) -> Answer:
        """Make the call, without what is known to be refused.

        Raises Refused("left_out") without a call when nothing else is left, and what `inner` does.
        """
        may = _optional(call)
        if not may:
            return self._inner.send(call, ticket)
        attempt = _Attempt(self._digests, self._clock, call, may, ticket)
        try:
            return self._inner.send(call, attempt.ticket())
        except Refused as refusal:
            sent = attempt.sent
            named = _named(refusal, sent, may)
            if not named or refusal.code == LEFT_OUT:
                raise
            lesser = _without(sent, named)
            if lesser is None:
                self._remember(call, named, refusal.call_id, tell=False)  # who asked for it tells
                raise
            answer = self._inner.send(lesser, ticket)
            self._remember(call, named, answer.call_id, tell=True)
            return answer

    def _remember(self, call: Call, named: set[str], call_id: int | None, *, tell: bool) -> None:
        body = call.json if isinstance(call.json, dict) else {}
        values = {key: body[key] for key in named if key in body}
        told = sorted({NAMES.get(key, key) for key in values}) if tell else []
        with self._store.write() as conn:
            row = refusals.row_of(conn, call.object_id, call_id)
            if row is not None:
                refusals.remember(conn, self._digests, row, values, told=told, now=self._clock())


class _Attempt:
    """One try of a call: what is known is asked and stored in the gate's own transactions."""

    def __init__(
        self,
        digests: Digests,
        clock: Callable[[], datetime],
        call: Call,
        may: frozenset[str],
        ticket: Ticket,
    ) -> None:
        self._digests = digests
        self._clock = clock
        self._may = may
        self._ticket = ticket
        self._any = False
        self.sent = call

    def ticket(self) -> Ticket:
        """The call's ticket, with what is to be left out and, after it, what went through."""
        return replace(self._ticket, before=self._before, after=self._after)

    def _before(self, conn: Connection, call: Call) -> Call:
        assert call.object_id is not None and isinstance(call.json, dict)  # noqa: S101, PT018
        refused = refusals.of(conn, call.object_id)
        values = {key: call.json[key] for key in self._may}
        known = refusals.known(self._digests, call.object_id, refused, values)
        lesser = _without(call, known)
        if lesser is None:
            raise Refused(LEFT_OUT, fields=sorted(known))
        self.sent, self._any = lesser, bool(refused)
        return lesser

    def _after(self, conn: Connection, answer: Answer) -> None:
        if self._ticket.after is not None:
            self._ticket.after(conn, answer)
        # Of a create another row may stand for the object by now, with refusals of its own.
        if not (self._any or self.sent.method == "POST"):
            return
        assert self.sent.object_id is not None and isinstance(self.sent.json, dict)  # noqa: S101, PT018
        through = self._may & self.sent.json.keys()
        rows = refusals.of_call(conn, self.sent.object_id, answer.call_id)
        for row, keys in rows.items():
            if keys & through:
                refusals.forget(conn, row, keys & through, now=self._clock())


def _named(refusal: Refused, call: Call, may: frozenset[str]) -> set[str]:
    """The keys that a refusal is about, where the object can do without every one of them."""
    body = call.json if isinstance(call.json, dict) else {}
    named: set[str] = set()
    for field in refusal.fields if refusal.code in FOR_FIELDS else ():
        name = field.partition(".")[0]
        # By the body's own name, else by ours: a sentence, or another spelling, is about these.
        keys = {name} & body.keys() or {key for key in may if NAMES.get(key) == name} & body.keys()
        if not keys or not keys <= may:
            return set()
        named |= keys
    return named


def _optional(call: Call) -> frozenset[str]:
    """The keys of the call's body that its object can do without."""
    if not call.writes or call.object_id is None or not isinstance(call.json, dict):
        return frozenset()
    return OPTIONAL.get((call.system, call.endpoint), frozenset()) & call.json.keys()


def _without(call: Call, keys: set[str]) -> Call | None:
    """The call without these keys of its body; None when nothing would be said any more."""
    body = call.json if isinstance(call.json, dict) else {}
    gone = keys & body.keys()
    if not gone:
        return call
    instead = INSTEAD.get((call.system, call.endpoint), {})
    rest = {key: value for key, value in body.items() if key not in gone}
    if not rest:
        return None
    # A full name says nothing that its halves don't.
    if not rest.keys() - {"name"}:
        return None
    rest |= {key: instead[key] for key in gone if key in instead}
    names = {NAMES.get(key, key) for key in gone} - {NAMES.get(key, key) for key in rest}
    return replace(
        call,
        json=rest,
        fields=tuple(name for name in call.fields if name not in names),
        pending={
            (row, name): digest
            for (row, name), digest in call.pending.items()
            if row != call.object_id or name not in names
        },
    )
