"""Say what belongs to one visit or person: its former numbers, its objects, whom it goes with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, or_, select

from sync.store.listing.subjects import KINDS, merged
from sync.store.schema import aggregate, attendance, object_
from sync.store.tables import links

MOST_RELATED: Final = 20


@dataclass(frozen=True, slots=True)
class Known:
    """One object: `named` is its id, None while it is being made."""

    id: int
    system: str
    kind: str
    named: str | None
    state: str
    made_by_us: bool
    created_at: datetime

    @property
    def words(self) -> str:
        """As lists and texts name it."""
        return links.words(self.system, self.kind, self.named)


@dataclass(frozen=True, slots=True)
class Subject:
    """One visit or person. `keys` are its number and those of what was merged into it.

    `related`: the persons of a visit, or the newest visits of a person.
    """

    kind: str
    key: int
    keys: tuple[int, ...]
    objects: Mapping[int, Known]
    related: tuple[int, ...]

    @property
    def other(self) -> str:
        """What `related` are."""
        return "person" if self.kind == "visit" else "visit"

    def named(self) -> tuple[tuple[str, str], ...]:
        """Each kind and id by which a deed can name it."""
        own = [(word, str(key)) for key in self.keys for word in (self.kind, "about")]
        words = {place: word for word, place in KINDS.items()}
        theirs = [
            (word, one.named)
            for one in self.objects.values()
            if one.named is not None
            for word in (words.get((one.system, one.kind)), f"{one.system}-{one.kind}")
            if word is not None
        ]
        return tuple(dict.fromkeys((*own, *theirs)))

    def visits_of_oncall(self) -> tuple[str, ...]:
        """The ids of its OnCall visits, which pairing calls `visit` too."""
        named = ((one.system, one.kind, one.named) for one in self.objects.values())
        return tuple(of for *kind, of in named if kind == ["oncall", "appointment"] and of)


def of(conn: Connection, key: int) -> Subject:
    """What belongs to an aggregate. Raises sqlalchemy's NoResultFound for one that is none."""
    kind: str = conn.execute(select(aggregate.c.kind).where(aggregate.c.id == key)).scalar_one()
    keys = tuple(merged(conn, key))
    columns = ("id", "system", "kind", "remote_id", "state", "made_by_us", "created_at")
    rows = conn.execute(
        select(*(object_.c[name] for name in columns))
        .where(object_.c.aggregate.in_(keys))
        .order_by(object_.c.id)
    )
    objects = {row.id: Known(*row) for row in rows}
    return Subject(kind, key, keys, objects, _related(conn, kind, keys))


def _related(conn: Connection, kind: str, keys: tuple[int, ...]) -> tuple[int, ...]:
    this, other = (
        (attendance.c.visit, attendance.c.person)
        if kind == "visit"
        else (attendance.c.person, attendance.c.visit)
    )
    rows = (
        select(other)
        .where(or_(*(this == key for key in keys)), other.is_not(None))
        .order_by(attendance.c.id.desc())
        .limit(MOST_RELATED)
    )
    return tuple(dict.fromkeys(conn.execute(rows).scalars()))
