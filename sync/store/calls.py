"""Ask the log of calls what we sent, whether it was answered, and what stood there before.

`pending` holds what a call that is not known to have ended was writing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, delete, func, select, update

from sync.core.records import SYSTEMS
from sync.store.schema import IS_CHANGE, ONE, call, object_, pending

# A POST in one of these states may have made something.
MAY_HAVE_MADE = ("open", "unresolved", "done")
# A write whose answer was lost, or whose worker died, may have landed too.
MAY_HAVE_LANDED = ("done", "unresolved", "looked", "open")
_UNKNOWN = ("open", "unresolved", "looked")
_LONGEST = timedelta(minutes=2)  # no call lasts so long: its lease is shorter


@dataclass(frozen=True, slots=True)
class Sent:
    """The digest of what one call was writing into one field."""

    object: int
    field: str
    call: int
    key_id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Write:
    """A write of ours whose outcome is not known."""

    id: int
    system: str
    object: int | None
    effect: str
    fields: str  # names, by comma
    at: datetime


@dataclass(frozen=True, slots=True)
class Overwritten:
    """What stood in each field before one write of ours, by field: (key id, digest)."""

    before: Mapping[str, list[list[str]]]
    ended_at: datetime


def last_post(conn: Connection, object_id: int, *also: str) -> datetime | None:
    """When the newest POST for a row went out that may have made something; None when none did.

    `also` names further states of calls that are to be counted.
    """
    at: datetime | None = conn.execute(
        select(func.max(call.c.at)).where(
            call.c.object == object_id,
            call.c.method == "POST",
            call.c.state.in_((*MAY_HAVE_MADE, *also)),
        )
    ).scalar_one()
    return at


def last_writing(conn: Connection, object_id: int) -> datetime | None:
    """When the newest call went out that was writing into an object, and may have landed."""
    at: datetime | None = conn.execute(
        select(func.max(call.c.at))
        .join(pending, pending.c.call == call.c.id)
        .where(pending.c.object == object_id, call.c.state.in_(MAY_HAVE_LANDED))
    ).scalar_one()
    return at


def lacks_an_answer(conn: Connection, object_id: int) -> bool:
    """Whether a POST for a row may have made something and was answered by nobody."""
    lost = select(call.c.id).where(
        call.c.object == object_id,
        call.c.method == "POST",
        call.c.state.in_(_UNKNOWN),
        call.c.status.is_(None),
    )
    return conn.execute(lost.limit(ONE)).first() is not None


def count_answered_in_vain(conn: Connection, aggregate: int, since: datetime) -> int:
    """How many writes of an aggregate since a time were answered, and did nobody knows what."""
    counted: int = conn.execute(
        select(func.count()).where(
            call.c.aggregate == aggregate,
            call.c.state.in_(("unresolved", "looked")),
            call.c.status.is_not(None),
            call.c.at > since,
        )
    ).scalar_one()
    return counted


def last_write(conn: Connection, system: str, quiet: Collection[str]) -> datetime | None:
    """When a write into a system last ended well, those with a quiet effect left out."""
    well = call.c.system == system, IS_CHANGE, call.c.effect.not_in(quiet), call.c.state == "done"
    begun = select(call.c.at).where(*well).order_by(call.c.at.desc()).limit(ONE)
    newest: datetime | None = conn.execute(begun).scalar_one_or_none()
    if newest is None:
        return None
    ended = select(func.max(call.c.ended_at)).where(*well, call.c.at >= newest - _LONGEST)
    at: datetime | None = conn.execute(ended).scalar_one()
    return at


def last_effect(conn: Connection, objects: Collection[int]) -> datetime | None:
    """When a call last ended well that had an effect on one of these objects."""
    at: datetime | None = conn.execute(
        select(func.max(call.c.ended_at)).where(
            call.c.object.in_(objects), call.c.effect != "", call.c.state == "done"
        )
    ).scalar_one()
    return at


def per_run(conn: Connection, system: str, since: datetime) -> float | None:
    """How many calls a run has made to a system since a time, on average; None without a run."""
    # The systems by name: the index of what lies so far back has the time behind the system.
    item = call.c.system.in_(SYSTEMS), call.c.at > since, call.c.aggregate.is_not(None)
    rows = conn.execute(select(call.c.aggregate, call.c.fence, call.c.system).where(*item)).all()
    runs = {(row.aggregate, row.fence) for row in rows}
    return sum(row.system == system for row in rows) / len(runs) if runs else None


def were_looked_for(conn: Connection, object_id: int) -> None:
    """Note that the outcome of a row's calls, where it was not known, was found out by looking."""
    unknown = call.c.object == object_id, call.c.state.in_(MAY_HAVE_MADE)
    conn.execute(update(call).where(*unknown).values(state="looked"))


_OVERWRITTEN = (
    select(call.c.before, func.coalesce(call.c.ended_at, call.c.at))
    .where(
        call.c.system == bindparam("system"),
        call.c.at > bindparam("since"),
        call.c.object == bindparam("object"),
        call.c.before.is_not(None),
        call.c.state.in_(MAY_HAVE_LANDED),
    )
    .order_by(call.c.id.desc())
)


def overwritten(
    conn: Connection, system: str, object_id: int, since: datetime
) -> list[Overwritten]:
    """What stood in an object before our writes since a time that may have landed, newest first."""
    told = {"system": system, "since": since, "object": object_id}
    return [Overwritten(*row) for row in conn.execute(_OVERWRITTEN, told)]


def stood_before(conn: Connection, call_id: int) -> Overwritten:
    """What stood in each field before one write of ours, and when that ended."""
    row = conn.execute(
        select(call.c.before, func.coalesce(call.c.ended_at, call.c.at)).where(call.c.id == call_id)
    ).one()
    return Overwritten(row[0] or {}, row[1])


def first_revision_made(conn: Connection, system: str, since: datetime) -> str | None:
    """The lowest revision of what we made in a system since a time, or None."""
    revision: str | None = conn.execute(
        select(func.min(object_.c.revision))
        .join(call, call.c.object == object_.c.id)
        .where(
            object_.c.system == system,
            object_.c.made_by_us,
            object_.c.revision.is_not(None),
            call.c.method == "POST",
            call.c.state == "done",
            call.c.at >= since,
        )
    ).scalar_one()
    return revision


# A write that ended in no known way, or is under way.
UNRESOLVED = and_(call.c.effect != "", call.c.state.in_(("open", "unresolved")))
_WRITE = tuple(call.c[name] for name in Write.__slots__)
_FIELDS = call.c.effect.not_in(("", "marker")), call.c.state == "done"  # a field was changed


def unresolved(conn: Connection, aggregate: int, fence: int) -> list[Write]:
    """The writes of an aggregate's runs before this fence whose outcome is not known, in order."""
    rows = conn.execute(
        select(*_WRITE)
        .where(
            call.c.aggregate == aggregate,
            call.c.fence < fence,
            UNRESOLVED,
        )
        .order_by(call.c.id)
    )
    return [Write(*row) for row in rows]


def were_looked_at(conn: Connection, ids: Collection[int]) -> None:
    """Note that what these calls wrote was looked at; what is pending may land late yet."""
    conn.execute(update(call).where(call.c.id.in_(ids)).values(state="looked"))


def has_written(conn: Connection, aggregate: int, fence: int) -> bool:
    """Whether a run has changed a field anywhere."""
    written = select(call.c.id).where(
        call.c.aggregate == aggregate, call.c.fence == fence, *_FIELDS
    )
    return conn.execute(written.limit(ONE)).first() is not None


def changes_since(
    conn: Connection, object_id: int, since: datetime
) -> list[tuple[set[str], Mapping[str, list[list[str]]]]]:
    """The fields that changes since a time wrote into an object, and what stood there before.

    What made it has overwritten nothing.
    """
    rows = conn.execute(
        select(call.c.fields, call.c.before).where(
            call.c.object == object_id,
            *_FIELDS,
            call.c.method != "POST",
            call.c.ended_at > since,
        )
    )
    return [(set(row.fields.split(",")), row.before or {}) for row in rows]


# --- what calls were writing ----------------------------------------------------------------------

_SENT = tuple(pending.c[name] for name in Sent.__slots__)


def sent(conn: Connection, object_id: int) -> list[Sent]:
    """What calls were writing into an object, and have not been seen to write."""
    rows = conn.execute(select(*_SENT).where(pending.c.object == object_id))
    return [Sent(*row) for row in rows]


def sent_by(conn: Connection, calls: Collection[int]) -> list[Sent]:
    """What these calls were writing, into whichever object."""
    rows = conn.execute(select(*_SENT).where(pending.c.call.in_(calls)))
    return [Sent(*row) for row in rows]


def forget_sent(conn: Connection, object_id: int) -> None:
    """Drop what calls were writing into an object: what became of it is known."""
    conn.execute(delete(pending).where(pending.c.object == object_id))
