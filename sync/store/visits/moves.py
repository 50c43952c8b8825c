"""Move rows between aggregates: all of one, or one object; what hangs on an object goes with it.

`sync.run.transfer` decides who may: it takes both aggregates first. A create's answer takes over
the id that the remote's own webhook has brought under an aggregate of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    case,
    delete,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError, OperationalError

from sync.store import attention as items
from sync.store import upsert
from sync.store.lanes import Hints
from sync.store.schema import (
    aggregate,
    attendance,
    attention,
    blocker,
    call,
    object_,
    pending,
    person,
    person_key,
    visit,
)
from sync.store.schema import work as work_table
from sync.store.tables import blockers, journal, links, refusals, told, work
from sync.store.tables.links import TOLD_KINDS, Obj
from sync.store.visits import shells

# lock_not_available (PostgreSQL, Appendix A). Waited for less long than PostgreSQL needs to find a
# deadlock (`deadlock_timeout`, 1 s), so two that want each other's rows never meet one.
_NOT_AVAILABLE = "55P03"
_LOCK_WAIT = "500ms"
# A write whose outcome nobody has looked for yet.
_UNRESOLVED = and_(call.c.state.in_(("open", "unresolved")), call.c.effect != "")


def freeze(
    conn: Connection,
    keys: Iterable[int],
    *,
    now: datetime,
    own: int | None = None,
    abandoned: bool = False,
) -> set[int]:
    """Keep these aggregates from being claimed until the transaction ends; returns the busy ones.

    Busy is what somebody has a lease of, but for `own`, the caller's. They are locked lowest first,
    so that two who want the same ones meet at the first; a lock that is held for more than half a
    second counts as busy. A lease that ran out counts as held: its worker's run comes first. With
    `abandoned` it is taken instead, under a new fence, and a run of both sides is due.
    """
    wanted = sorted(set(keys))
    made = upsert.insert(conn, work_table).values(
        [{"aggregate": key, "wanted": 0, "done": 0, "lane": 0, "due": now} for key in wanted]
    )
    conn.execute(made.on_conflict_do_nothing())
    rows = _locked(conn, wanted)
    free = {row["aggregate"] for row in rows if row["lease_by"] is None or row["aggregate"] == own}
    for row in rows:
        if abandoned and row["aggregate"] not in free and row["lease_until"] <= now:
            _take_from_the_dead(conn, row["aggregate"])
            free.add(row["aggregate"])
    return set(wanted) - free


def _locked(conn: Connection, keys: list[int]) -> Sequence[RowMapping]:
    query = (
        select(work_table.c.aggregate, work_table.c.lease_by, work_table.c.lease_until)
        .where(work_table.c.aggregate.in_(keys))
        .order_by(work_table.c.aggregate)
        .with_for_update()
    )
    if conn.dialect.name != "postgresql":
        return conn.execute(query).mappings().all()  # the write lock is held already
    try:
        with conn.begin_nested():
            conn.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'"))
            rows = conn.execute(query).mappings().all()
            conn.execute(text("SET LOCAL lock_timeout = DEFAULT"))
            return rows
    except OperationalError as failure:
        if getattr(failure.orig, "sqlstate", None) != _NOT_AVAILABLE:
            raise
        return []


def _take_from_the_dead(conn: Connection, key: int) -> None:
    done, wanted = work_table.c.done, work_table.c.wanted
    conn.execute(
        update(work_table)
        .where(work_table.c.aggregate == key)
        .values(
            fence=work_table.c.fence + 1,
            lease_by=None,
            lease_until=None,
            wanted=case((wanted > done, wanted), else_=done + 1),
            hint_drchrono=True,
            hint_oncall=True,
            own=True,
            rung_at=None,
        )
    )


# --- all of an aggregate --------------------------------------------------------------------------


def absorb(
    conn: Connection,
    source: int,
    target: int,
    *,
    now: datetime,
    hints: Hints | None,
    told: bool = False,
) -> None:
    """Move everything of `source` to `target` and close it; the target is raised for `hints`.

    `told`: the deliveries that move with it say why. The caller has frozen both.
    """
    _hand_on_told(conn, source, target, now)
    _hand_on_waits(conn, source, target)
    _hand_on_calls(conn, call.c.aggregate == source, target)
    conn.execute(update(object_).where(object_.c.aggregate == source).values(aggregate=target))
    conn.execute(update(attendance).where(attendance.c.visit == source).values(visit=target))
    conn.execute(
        update(aggregate).where(aggregate.c.id == source).values(merged_into=target, closed_at=now)
    )
    _hand_on_keys(conn, source, target)
    _hand_on_person(conn, source, target)
    conn.execute(
        update(work_table)
        .where(work_table.c.aggregate == source)
        .values(done=work_table.c.wanted, lease_by=None, lease_until=None, first_hint=None)
    )
    if hints is not None:
        work.raise_(conn, target, now=now, hints=hints, told=told)


def _hand_on_told(conn: Connection, source: int, target: int, now: datetime) -> None:
    """What was told of a participant or of a refused field is not told again; the rest is over."""
    participants = select(object_.c.id).where(
        object_.c.aggregate == source, object_.c.kind == "participant"
    )
    mine = attention.c.aggregate == source
    about = or_(attention.c.object.in_(participants), attention.c.cause == items.FIELD_REFUSED)
    conn.execute(
        update(attention).where(mine, attention.c.closed_at.is_(None), ~about).values(closed_at=now)
    )
    conn.execute(update(attention).where(mine, about).values(aggregate=target))


def _hand_on_waits(conn: Connection, source: int, target: int) -> None:
    """The target's run finds anew what is waited for, but who was told of still wakes it.

    Who waits for the source's next run waits for the target's.
    """
    mine = blocker.c.aggregate == source
    stays = and_(blocker.c.object != 0, blocker.c.kind == blockers.EMAIL)
    conn.execute(delete(blocker).where(mine, ~stays))
    conn.execute(update(blocker).where(mine).values(aggregate=target))
    here = and_(blocker.c.kind == blockers.RUN, blocker.c.ref == str(source))
    there = select(blocker.c.aggregate, blocker.c.object).where(
        blocker.c.kind == blockers.RUN, blocker.c.ref == str(target)
    )
    twice = tuple_(blocker.c.aggregate, blocker.c.object).in_(there)
    conn.execute(delete(blocker).where(here, or_(twice, blocker.c.aggregate == target)))
    conn.execute(update(blocker).where(here).values(ref=str(target)))


def _hand_on_calls(conn: Connection, whose: ColumnElement[bool], target: int) -> None:
    """A write of an unknown outcome is still to be looked for: no lease of the target made it."""
    conn.execute(update(call).where(whose, _UNRESOLVED).values(aggregate=target, fence=0))


def _hand_on_keys(conn: Connection, source: int, target: int) -> None:
    """What finds an aggregate again finds the target from now on."""
    occurrence = conn.execute(
        select(visit.c.occurrence_key).where(visit.c.aggregate == source)
    ).scalar_one_or_none()
    conn.execute(
        update(visit).where(visit.c.aggregate == source).values(state="closed", occurrence_key=None)
    )
    if occurrence is not None:
        conn.execute(
            update(visit)
            .where(visit.c.aggregate == target, visit.c.occurrence_key.is_(None))
            .values(occurrence_key=occurrence)
        )
    key = (person_key.c.what, person_key.c.key_id, person_key.c.hmac)
    known = select(*key).where(person_key.c.person == target)
    conn.execute(delete(person_key).where(person_key.c.person == source, tuple_(*key).in_(known)))
    conn.execute(update(person_key).where(person_key.c.person == source).values(person=target))


def _hand_on_person(conn: Connection, source: int, target: int) -> None:
    """Who was excluded by hand stays so; what was written by another chart's version is behind."""
    former = conn.execute(select(person.c.excluded).where(person.c.aggregate == source)).first()
    if former is None:
        return
    values: dict[str, object] = {"excluded": True} if former.excluded else {}
    theirs = update(attendance).where(attendance.c.person == source)
    if conn.execute(theirs.values(person=target, person_version=0)).rowcount:
        values["version"] = person.c.version + 1
    if values:
        conn.execute(update(person).where(person.c.aggregate == target).values(**values))


# --- one object -----------------------------------------------------------------------------------


def one(conn: Connection, obj: Obj, target: int, **values: Any) -> None:
    """Move one object to `target`; `values` are further columns of it.

    Its digests, pending writes, deliveries and refused fields hang on its row. What was asked about
    it is dropped: the run that follows there finds anew.
    """
    mine = (attention.c.aggregate == obj.aggregate, attention.c.object == obj.id)
    refused = attention.c.cause == items.FIELD_REFUSED
    conn.execute(delete(attention).where(*mine, attention.c.closed_at.is_(None), ~refused))
    conn.execute(update(attention).where(*mine, refused).values(aggregate=target))
    links.unblock_object(conn, obj.aggregate, obj.id)
    _hand_on_calls(conn, call.c.object == obj.id, target)
    links.change(conn, obj.id, aggregate=target, **values)


def close(conn: Connection, key: int, now: datetime) -> None:
    """Close a visit whose appointment has gone: nothing is asked about it, its slot is free.

    Who waits for its next run is raised, as it may have none.
    """
    items.close_rest(conn, key, now)
    links.unblock(conn, key)
    over = {"state": "closed", "slot_key": None, "hold_until": None}
    conn.execute(update(visit).where(visit.c.aggregate == key).values(**over))
    blockers.wake(conn, blockers.RUN, str(key), now=now)


# --- the answer of a create -----------------------------------------------------------------------


def created(
    conn: Connection, row: Obj, remote_id: str, *, now: datetime, **values: Any
) -> Obj | None:
    """Give a creating or ambiguous row its remote id.

    The remote's own webhook may have brought the id first, under an aggregate of its own: when
    nobody works on that one, it is absorbed here; else None is returned, and its run will meet our
    marker and hand the object over.
    """
    values = {"made_by_us": True, "state": "live", "seen_at": now, "told": False, **values}
    said = told.settled(conn, row.system, row.kind, remote_id) if row.kind in TOLD_KINDS else None
    if said is not None and said.what != "deleted" and _is_echo(said.revision, values):
        said = None
    made, news = _named(conn, row, remote_id, now, values)
    if news or said is not None:
        # Said by a caller before its id was known here: a change, or a deletion.
        work.raise_(conn, row.aggregate, now=now, hints=Hints.of(row.system), told=True)
    if said is not None and said.what == "asks" and made is not None:
        # Without its delivery the look would be one that nobody told of, and at both sides.
        journal.note_said(conn, said, source=row.system, object_id=made.id)
    return made


def _named(
    conn: Connection, row: Obj, remote_id: str, now: datetime, values: Mapping[str, Any]
) -> tuple[Obj | None, bool]:
    """The row that has the id from now on, and whether something told of it is to be looked at."""
    twin = links.find(conn, row.system, row.kind, remote_id)
    if twin is None:
        made = _take(conn, row, remote_id, values)
        if made is not None:
            return made, False
        # The door inserted it between our look and our update.
        twin = links.find(conn, row.system, row.kind, remote_id)
        if twin is None:
            raise LookupError(row.id)
    if twin.id == row.id:
        return links.changed(conn, row.id, **values), False
    news = shells.take_back(conn, twin, row, values.get("revision"), now)
    if news is not None:
        return links.changed(conn, row.id, remote_id=remote_id, **values), news
    if twin.aggregate != row.aggregate and freeze(conn, [twin.aggregate], now=now):
        return None, False
    if twin.told:
        # The webhook of this very create came before its answer: the answer says as much.
        journal.explain_echo(conn, twin.id, values.get("revision"), now)
    news = not twin.told or journal.is_unexplained(conn, twin.id)
    replace(conn, row, twin)
    key = {"generation": row.generation, "create_key": row.create_key}
    if twin.aggregate == row.aggregate:
        return links.changed(conn, twin.id, **key, **values), False
    links.change(conn, twin.id, **key, **values)
    absorb(conn, twin.aggregate, row.aggregate, now=now, hints=None)
    return links.get(conn, twin.id), news


def _take(conn: Connection, row: Obj, remote_id: str, values: Mapping[str, Any]) -> Obj | None:
    """Give a row an id that nobody has; None where somebody was faster."""
    if conn.dialect.name != "postgresql":  # the write lock is held already
        return links.changed(conn, row.id, remote_id=remote_id, **values)
    try:
        with conn.begin_nested():
            return links.changed(conn, row.id, remote_id=remote_id, **values)
    except IntegrityError:
        return None


def _is_echo(revision: str | None, values: Mapping[str, Any]) -> bool:
    """Whether what was said of a new object is no newer than the answer that made it."""
    return revision is not None and revision == values.get("revision")


def replace(conn: Connection, row: Obj, twin: Obj) -> None:
    """Let `twin` stand where the id-less `row` stood, and drop `row`."""
    for column in (attendance.c.appointment, attendance.c.participant):
        if conn.execute(select(attendance.c.id).where(column == row.id)).first() is None:
            continue
        # A place that the twin was given by itself is an error of ours and would be its second.
        conn.execute(
            update(attendance).where(column == twin.id).values({column: None, "current": False})
        )
        conn.execute(update(attendance).where(column == row.id).values({column: twin.id}))
    refusals.hand_on(conn, row.id, twin.id)
    # The create was a call on the row that goes: the echo is told by it.
    conn.execute(update(call).where(call.c.object == row.id).values(object=twin.id))
    conn.execute(delete(pending).where(pending.c.object == row.id))
    conn.execute(delete(object_).where(object_.c.id == row.id))
