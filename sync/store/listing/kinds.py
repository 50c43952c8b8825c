"""Describe the four records that people page through: their columns, and what they are narrowed by.

Each page, download and command of a record is made of its description here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Column, Table

from sync.core.records import SYSTEMS
from sync.store.schema import audit, call, conflict, delivery, object_


@dataclass(frozen=True, slots=True)
class Narrowing:
    """One thing that a record is narrowed by: its column's exact word, of `words` if any are told.

    `of_object`: the column is the object's that the row is about.
    """

    name: str
    title: str
    words: tuple[str, ...] = ()
    of_object: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """One table as a record: `columns` are name and heading, `narrowings` what can be asked for.

    `split` names a column by whose words an index on (that, `at`) is to be used: each is walked by
    itself. `cells` are columns that are no table's own: `object` and `took`.
    """

    name: str
    title: str
    says: str
    table: Table
    key: str
    columns: Mapping[str, str]
    narrowings: tuple[Narrowing, ...]
    split: str = ""
    numbers: frozenset[str] = field(default_factory=frozenset)  # columns that stand right

    @property
    def number(self) -> Column[int]:
        """What numbers the rows."""
        return self.table.c[self.key]

    @property
    def has_object(self) -> bool:
        """Whether a row can be about an object."""
        return "object" in self.table.c

    def narrowing(self, name: str) -> Narrowing | None:
        """What it can be narrowed by of that name; None when it can't."""
        return next((one for one in self.narrowings if one.name == name), None)


_SYSTEM = Narrowing("system", "System", SYSTEMS)
_STATES = ("open", "done", "refused", "unresolved", "looked", "redirected", "unsent")

DELIVERIES: Final = Record(
    name="deliveries",
    title="Deliveries",
    says="What both systems told: webhooks, and what a list or a scan showed. Explained ones are"
    " kept for KEEP_DAYS.",
    table=delivery,
    key="id",
    columns={
        "at": "At",
        "source": "From",
        "event": "Event",
        "object": "About",
        "outcome": "Came to",
        "explained_at": "Explained",
        "delivery_id": "Its own number",
    },
    narrowings=(
        Narrowing("source", "System", SYSTEMS),
        Narrowing("outcome", "Came to", ("raised", "unchanged")),
        Narrowing("event", "Event"),
    ),
    split="source",
)
CALLS: Final = Record(
    name="calls",
    title="Calls",
    says="What was asked of both systems and written to them. Kept for KEEP_DAYS; what was written"
    " is in the audit too.",
    table=call,
    key="id",
    columns={
        "at": "At",
        "system": "System",
        "method": "Method",
        "endpoint": "Endpoint",
        "object": "Written to",
        "effect": "Effect",
        "fields": "Fields",
        "state": "State",
        "status": "Status",
        "took": "Seconds",
    },
    narrowings=(
        _SYSTEM,
        Narrowing("state", "State", _STATES),
        Narrowing("method", "Method", ("GET", "POST", "PATCH", "PUT", "DELETE")),
        Narrowing("endpoint", "Endpoint"),
        Narrowing("effect", "Effect"),
    ),
    split="system",
    numbers=frozenset({"status", "took"}),
)
CONFLICTS: Final = Record(
    name="conflicts",
    title="Conflicts",
    says="Edits that ours went over: which field and when, never what it said.",
    table=conflict,
    key="id",
    columns={"at": "At", "object": "In", "field": "Field", "how": "How"},
    narrowings=(
        Narrowing("system", "System", SYSTEMS, of_object=True),
        Narrowing("field", "Field"),
        Narrowing("how", "How", ("overwritten", "overwritten_in_gap")),
    ),
)
AUDIT: Final = Record(
    name="audit",
    title="Audit",
    says="Who did what, when and by which door. Nothing in it is ever changed.",
    table=audit,
    key="seq",
    columns={
        "seq": "No",
        "at": "At",
        "kind": "Who",
        "actor": "Name",
        "door": "Door",
        "action": "Did",
        "subjects": "To what",
        "fields": "Fields",
        "outcome": "Outcome",
        "request": "Request",
    },
    narrowings=(
        Narrowing("actor", "Name"),
        Narrowing("kind", "Who", ("operator", "user", "staff", "service")),
        Narrowing("action", "Did"),
        Narrowing("outcome", "Outcome"),
    ),
    numbers=frozenset({"seq"}),
)
RECORDS: Final = {one.name: one for one in (DELIVERIES, CALLS, CONFLICTS, AUDIT)}
OBJECT_COLUMNS: Final = (
    object_.c.system.label("object_system"),
    object_.c.kind.label("object_kind"),
    object_.c.remote_id.label("object_remote_id"),
    object_.c.aggregate.label("object_aggregate"),
)
