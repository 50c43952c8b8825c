"""Show one item: open or settled meanwhile, what is side by side, what lies beside it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sync.core.causes.model import Remedy, command
from sync.operations.inbox.asked import Asked, wanted
from sync.operations.inbox.listing import Row, rows_of
from sync.operations.inbox.sides import Sides, of
from sync.operations.lookup import UnknownError
from sync.runtime import Sync
from sync.store.inbox import listed

# Of a visit (`keep`); another field's cause is answered for all that differs.
_KEPT: Final = ("starts", "minutes", "type", "provider", "state")
_HERE: Final = ("drchrono", "oncall")


@dataclass(frozen=True, slots=True)
class Kept:
    """What keeping a side is asked of: KIND and ID, the fields, and which sides can be kept."""

    kind: str
    id: str
    fields: tuple[str, ...]
    sides: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class One:
    """One item with its neighbours in what is asked for; `place` is its own, from 1.

    `settled_at` is set when it is open no more; then there is nothing to be answered.
    """

    row: Row
    settled_at: datetime | None
    before: int | None
    after: int | None
    place: int
    total: int
    sides: Sides
    kept: Kept | None

    @property
    def deeds(self) -> tuple[Remedy, ...]:
        """What answers it, the usual one first; none when it is settled."""
        return () if self.settled_at is not None else self.row.item.deeds

    @property
    def others(self) -> tuple[Remedy, ...]:
        """What can be done with any item beside that; of the service's nothing is tried."""
        if self.settled_at is not None:
            return ()
        both = (Remedy.RETRY, Remedy.DROP) if self.row.item.aggregate else (Remedy.DROP,)
        return tuple(one for one in both if one not in self.row.item.deeds)

    def command(self, deed: Remedy) -> str:
        """The command that does a deed, without the program's name; "" where there is none."""
        item = self.row.item
        subject = f"{item.about} {item.aggregate}" if item.aggregate else ""
        if deed is Remedy.KEEP and self.kept is not None:
            subject = " ".join((self.kept.kind, self.kept.id, *self.kept.fields))
        if not subject and deed in {Remedy.KEEP, Remedy.LOOK_AGAIN}:
            return ""
        return command(deed, item=item.id, subject=subject)


def one(sync: Sync, number: int, asked: Asked) -> One:
    """The item of that number. No remote is asked.

    Raises UnknownError where there never was one, or for what can't be asked for; SQLAlchemyError.
    """
    want = wanted(sync, asked)
    with sync.store.read() as conn:
        found = listed.get(conn, number)
        if found is None:
            raise UnknownError(f"There is no item {number}.")
        item, settled_at = found
        (row,) = rows_of(conn, [item])
        before, after = listed.beside(conn, want, number)
        place = listed.count(conn, want, below=number) + 1
        total = listed.count(conn, want)
    side = Sides() if settled_at is not None else of(sync, item, row.item.deeds)
    return One(row, settled_at, before, after, place, total, side, _kept(row, side))


def _kept(row: Row, side: Sides) -> Kept | None:
    item = row.item
    if Remedy.KEEP not in item.deeds or item.aggregate == 0:
        return None
    if item.about == "person":
        return Kept("person", str(item.aggregate), (), _HERE[:1])
    field = item.cause.removesuffix("_differs")
    fields = (field,) if field in _KEPT else ()
    own = next((one for one in side.sides if item.object.startswith("drchrono appointment")), None)
    if own is not None and own.kind == "appointment":
        return Kept("appointment", own.id, fields, _HERE)  # one member of a group
    return Kept("visit", str(item.aggregate), fields, _HERE)
