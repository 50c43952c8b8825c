"""Put what an item is about, and its candidates, side by side: ids and names of fields only.

What the fields hold stands nowhere here; `looking` reads it when somebody asks.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from sync.core.causes.model import Remedy
from sync.operations.hand import resolve
from sync.operations.hand.by_hand import NotPossibleError
from sync.operations.hand.look import FIELDS
from sync.operations.hand.resolve import Choice
from sync.operations.lookup import UnknownError
from sync.operations.why import known
from sync.runtime import Sync
from sync.store.attention import Item
from sync.store.inbox import listed
from sync.store.tables import links
from sync.store.tables.links import Obj

MOST: Final = 8  # of those that a question lists no candidates for, each a call when shown
_KIND: Final = {
    ("drchrono", "appointment"): "appointment",
    ("drchrono", "patient"): "patient",
    ("oncall", "appointment"): "visit",
    ("oncall", "contact"): "contact",
    ("oncall", "participant"): "participant",
}
_NAMES: Final = {
    "appointment": "DrChrono appointment",
    "patient": "DrChrono chart",
    "visit": "OnCall visit",
    "contact": "OnCall contact",
    "participant": "OnCall participant",
}


@dataclass(frozen=True, slots=True)
class Side:
    """One of those that are compared: its kind and id, and the fields that can be shown of it.

    `asked`: it is what the question is about, no candidate. `address` is where staff open it, ""
    where no address is known. An id of "" is found by the look alone.
    """

    kind: str
    id: str
    asked: bool = False
    address: str = ""

    @property
    def name(self) -> str:
        """What it is, and whose."""
        return f"{_NAMES[self.kind]} {self.id}".rstrip()

    @property
    def fields(self) -> tuple[str, ...]:
        """What can be shown of it."""
        return FIELDS[self.kind]


@dataclass(frozen=True, slots=True)
class Sides:
    """What stands side by side. `choice` is set where one of them is the answer.

    `trouble` says in a sentence why they can't be compared as things stand.
    """

    sides: tuple[Side, ...] = ()
    choice: Choice | None = None
    trouble: str = ""

    @property
    def calls(self) -> int:
        """How many calls it takes to show them, at most."""
        unread = sum(1 for one in self.sides if not one.id)
        return len(self.sides) + unread


def of(sync: Sync, item: Item, deeds: tuple[Remedy, ...]) -> Sides:
    """The candidates of an open item and what it asks about; else the objects it is about.

    No remote is asked. Raises SQLAlchemyError.
    """
    if item.aggregate == 0:
        return Sides()
    with sync.store.read() as conn:
        objects = _objects(conn, item)
    addresses = _Addresses(sync)
    if Remedy.RESOLVE not in deeds:
        return Sides(tuple(_side(addresses, one) for one in objects[:MOST]))
    try:
        choice = resolve.choice(sync, item.id)
    except (NotPossibleError, UnknownError) as reason:
        return Sides(trouble=str(reason))
    asked = _asked(addresses, item, choice, objects)
    candidates = (
        Side(choice.kind, one, address=addresses.of(choice.kind, one)) for one in choice.ids
    )
    return Sides((*asked, *candidates), choice)


def _objects(conn: Connection, item: Item) -> list[Obj]:
    """What an item is about, its own object first, then what is known to be there."""
    key = links.survivor(conn, item.aggregate)
    own = {item.object} if item.object else set()
    found = listed.objects(conn, [key], own, MOST * 8)
    there = [
        one
        for one in found
        if one.remote_id is not None
        and one.state == "live"
        and (one.system, one.kind) in _KIND
        and (one.kind != "participant" or one.id == item.object)
    ]
    return sorted(there, key=lambda one: (one.id != item.object, one.system, one.kind, one.id))


def _side(addresses: "_Addresses", one: Obj, *, asked: bool = False) -> Side:
    kind = _KIND[one.system, one.kind]
    return Side(kind, str(one.remote_id), asked, addresses.of(kind, str(one.remote_id)))


def _asked(
    addresses: "_Addresses", item: Item, choice: Choice, objects: list[Obj]
) -> tuple[Side, ...]:
    """What is asked about: as `resolve.question` reads it."""
    if choice.kind == "patient" and item.cause != "charts_merged":
        return (Side("participant", "", asked=True),)
    kinds = {
        "patient": ("drchrono", "appointment"),
        "contact": ("drchrono", "patient"),
        "visit": ("drchrono", "appointment"),
        "appointment": ("oncall", "appointment"),
    }
    wanted = kinds[choice.kind]
    mine = [one for one in objects if (one.system, one.kind) == wanted]
    return tuple(_side(addresses, one, asked=True) for one in mine[:1])


class _Addresses:
    """Where staff open a visit of OnCall's, by the mapping file's template; only that has one."""

    def __init__(self, sync: Sync) -> None:
        self._mapping = known.mapping(sync)

    def of(self, kind: str, remote_id: str) -> str:
        """The address, "" where none is known."""
        if kind != "visit" or self._mapping is None:
            return ""
        return self._mapping.visit_link(remote_id)
