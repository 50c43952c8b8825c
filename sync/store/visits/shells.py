"""Take back the shell that a caller's word about an unread id has made, once the id has an owner.

Nothing but what was told hangs on a shell: most are made by the webhook of a create of ours that
came before the create's own answer. What does hang on an aggregate is `moves`' to move.
"""

from datetime import datetime

from sqlalchemy import BindParameter, Connection, and_, bindparam, exists, not_, or_, select, update

from sync.store import objects
from sync.store.schema import (
    aggregate,
    attendance,
    attention,
    blocker,
    call,
    object_,
    refused_field,
    visit,
)
from sync.store.schema import work as work_table
from sync.store.tables import blockers, journal
from sync.store.tables.links import Obj

_KEY: BindParameter[int] = bindparam("key")
_OBJECT: BindParameter[int] = bindparam("object")
_HANGS_ON_IT = or_(
    exists().where(object_.c.aggregate == _KEY, object_.c.id != _OBJECT),
    exists().where(attendance.c.visit == _KEY),
    exists().where(or_(attendance.c.appointment == _OBJECT, attendance.c.participant == _OBJECT)),
    exists().where(attention.c.aggregate == _KEY),
    exists().where(blocker.c.aggregate == _KEY),
    exists().where(blocker.c.kind == blockers.RUN, blocker.c.ref == bindparam("ref")),
    exists().where(or_(call.c.aggregate == _KEY, call.c.object == _OBJECT)),
    exists().where(refused_field.c.object == _OBJECT),
)
_PLAIN = and_(
    visit.c.aggregate == _KEY,
    visit.c.starts_at.is_(None),
    visit.c.slot_key.is_(None),
    visit.c.occurrence_key.is_(None),
    ~visit.c.shared,
)
# A row that somebody has locked is somebody's: it is not waited for.
_LOCKED = (
    select(work_table.c.aggregate)
    .where(
        work_table.c.aggregate == _KEY,
        work_table.c.lease_by.is_(None),
        exists().where(_PLAIN),
        not_(_HANGS_ON_IT),
    )
    .with_for_update(skip_locked=True)
)
_OVER = {"done": work_table.c.wanted, "first_hint": None}


def take_back(
    conn: Connection, shell: Obj, owner: Obj, revision: str | None, now: datetime
) -> bool | None:
    """Give what was told of a shell's object to `owner`'s, and drop the object.

    Returns whether anything of it is news to who read `owner`'s at this revision; None, with
    nothing done, where it is no shell.

    Its aggregate ends in the owner's, as its number may stand in a ring that is under way; its
    visit stood nowhere.
    """
    if not shell.told or (shell.kind, shell.state) != ("appointment", "live"):
        return None
    key = shell.aggregate
    told = {"key": key, "object": shell.id, "ref": str(key)}
    if conn.execute(_LOCKED, told).first() is None:
        return None
    journal.explain_echo(conn, shell.id, revision, now)
    news = journal.hand_on(conn, shell.id, owner.id)
    objects.drop(conn, shell.id)
    ended = {"merged_into": owner.aggregate, "closed_at": now}
    conn.execute(update(aggregate).where(aggregate.c.id == key).values(**ended))
    conn.execute(update(work_table).where(work_table.c.aggregate == key).values(**_OVER))
    return news
