"""Find the occurrences of a series: by their key, by their series, by their day.

A virtual occurrence's id is `<date>_<series>`; an occurrence's key is `<series>_<day>`.
"""

from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from sync.store.schema import object_, visit
from sync.store.tables.links import Obj

# An appointment, and the key of the occurrence that its visit is.
Keyed = tuple[Obj, str | None]

_OBJECT = tuple(object_.c[name] for name in Obj.__slots__)


def key_of(conn: Connection, key: int) -> str | None:
    """Which occurrence a visit is, or None."""
    found: str | None = conn.execute(
        select(visit.c.occurrence_key).where(visit.c.aggregate == key)
    ).scalar_one_or_none()
    return found


def note(conn: Connection, key: int, occurrence: str, *, first: bool = False) -> None:
    """Note which occurrence a visit is; who has the key already keeps it.

    `first`: only where nothing was noted of the visit yet.
    """
    taken = select(visit.c.aggregate).where(visit.c.occurrence_key == occurrence)
    if conn.execute(taken).first() is not None:
        return
    this = update(visit).where(visit.c.aggregate == key)
    if first:
        this = this.where(visit.c.occurrence_key.is_(None))
    conn.execute(this.values(occurrence_key=occurrence))


def with_key(conn: Connection, occurrence: str) -> list[Keyed]:
    """The live appointments of the visit that is this occurrence."""
    return _live(conn, visit.c.occurrence_key == occurrence)


def virtual_of_series(conn: Connection, series: str) -> list[Keyed]:
    """The live occurrences of a series that stand under a virtual one's id."""
    return _live(conn, _in_series(series))


def virtual_of_day(conn: Connection, day: str) -> list[Keyed]:
    """The live occurrences of any series that stand under a virtual one's id of a day."""
    return _live(conn, object_.c.remote_id.like(f"{day}\\_%", escape="\\"))


def open_of_series(conn: Connection, series: str) -> list[Obj]:
    """The live occurrences of a series that are not over, virtual and real."""
    keyed = visit.c.occurrence_key.like(f"{series}\\_%", escape="\\")
    ours = and_(visit.c.state == "open", or_(_in_series(series), keyed))
    return [one for one, _ in _live(conn, ours)]


def _in_series(series: str) -> ColumnElement[bool]:
    return object_.c.remote_id.like(f"%\\_{series}", escape="\\")


def _live(conn: Connection, which: ColumnElement[bool]) -> list[Keyed]:
    """Appointments that are there as far as we know, with the key of the visit they are in."""
    rows = conn.execute(
        select(*_OBJECT, visit.c.occurrence_key)
        .join(visit, visit.c.aggregate == object_.c.aggregate)
        .where(
            object_.c.system == "drchrono",
            object_.c.kind == "appointment",
            object_.c.state == "live",
            which,
        )
        .order_by(object_.c.id)
    )
    return [(Obj(*row[:-1]), row[-1]) for row in rows]
