"""Which digest keys an installation is made with, and which rows still need each of them.

What is kept of a key is a proof made with it (`Digests.proof`), so the database tells another key
from the right one without holding either (ADR 0018).
"""

from __future__ import annotations

import hmac
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, func, insert, or_, select, text, update

from sync.core.rules.plan import UNREADABLE
from sync.run.evidence import sealing
from sync.store.schema import (
    baseline,
    call,
    delivery,
    digest_key,
    installation,
    object_,
    pending,
    person_key,
    scan,
    visit,
)
from sync.store.tables import facts, journal, links, work
from sync.store.tables.work import Hints, Lane

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sync.digests import Digests
    from sync.runtime import Sync

PATIENTS = "drchrono_patients"


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """One key: whether it is configured, current, or given up, and how many rows need it.

    `needed` by what they are: baselines, pending, calls, deliveries, people, markers. `names`: the
    installation's name in markers was made with it: a database that is lost is rebuilt with it.
    """

    key_id: str
    configured: bool
    current: bool
    lost: bool
    names: bool
    needed: dict[str, int]


def trouble(conn: Connection, digests: Digests) -> str | None:
    """Why a process with these keys must not work, and what to do; None: it may. Reads only."""
    rows = conn.execute(select(digest_key)).all()
    wanted = {row.key_id: row.proof for row in rows if row.lost_at is None}
    if not rows:
        wanted = dict.fromkeys(_in_rows(conn))
    missing = [key for key, proof in wanted.items() if not _is_had(digests, key, proof)]
    if not missing or (rows and not any(_is_needed(conn, key) for key in missing)):
        return None
    return (
        f"DIGEST_KEYS is not what this installation was set up with: key {', '.join(missing)} is "
        "missing, and what is stored can't be read without it. Write the former value back, a new "
        "key before it and a comma between them (in a compose file a $ is written $$); every "
        "process needs the same. See: drchrono-oncall keys status"
    )


def is_settled(conn: Connection, digests: Digests) -> bool:
    """Whether nothing is to be written down of the keys."""
    rows = conn.execute(select(digest_key)).all()
    known = {row.key_id for row in rows if row.lost_at is None}
    extra = {row.key_id for row in rows if row.lost_at is not None} & set(digests.key_ids)
    return digests.key_id in known and not extra and known <= set(digests.key_ids)


def write_down(conn: Connection, digests: Digests, now: datetime) -> str | None:
    """Write down the current key and those that rows need; forget what no row needs any more.

    Returns what is in the way, as `trouble`: another process may have been faster. A key that was
    given up and is here again is taken back, and wakes what waited for it.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(text("LOCK TABLE digest_key IN SHARE ROW EXCLUSIVE MODE"))
    found = trouble(conn, digests)
    if found is not None:
        return found
    rows = {row.key_id: row for row in conn.execute(select(digest_key))}
    if facts.told_at(conn, sealing.SINCE) is None:
        facts.put(conn, sealing.SINCE, "yes", now)
    for key in {digests.key_id, *_in_rows(conn)} & set(digests.key_ids):
        if key not in rows:
            conn.execute(insert(digest_key).values(key_id=key, proof=digests.proof(key), since=now))
        elif rows[key].lost_at is not None:
            conn.execute(update(digest_key).where(digest_key.c.key_id == key).values(lost_at=None))
            for waiting in links.blocked_on(conn, "operator", UNREADABLE):
                work.raise_(conn, waiting, now=now, hints=Hints.both(), lane=Lane.CATCHUP)
    gone = [key for key, row in rows.items() if row.lost_at is None and not digests.holds(key)]
    conn.execute(delete(digest_key).where(digest_key.c.key_id.in_(gone)))
    return None


def _is_had(digests: Digests, key_id: str, proof: str | None) -> bool:
    if not digests.holds(key_id):
        return False
    return proof is None or hmac.compare_digest(digests.proof(key_id), proof)


# --- what needs a key -----------------------------------------------------------------------------


def _open() -> object:
    """Of people, and of visits that may still change."""
    return or_(visit.c.aggregate.is_(None), visit.c.state == "open")


def _counted(conn: Connection) -> Iterator[tuple[str, str, int]]:
    """What, key, how many: everything that is read with an older key."""
    of_open = (
        select(baseline.c.key_id, func.count())
        .join(object_, object_.c.id == baseline.c.object)
        .outerjoin(visit, visit.c.aggregate == object_.c.aggregate)
        .where(_open(), object_.c.state.not_in(("gone", "skipped")))  # type: ignore[arg-type]
        .group_by(baseline.c.key_id)
    )
    plain = {
        "baselines": of_open,
        "pending": select(pending.c.key_id, func.count()).group_by(pending.c.key_id),
        "people": select(person_key.c.key_id, func.count()).group_by(person_key.c.key_id),
        "deliveries": select(delivery.c.key_id, func.count())
        .where(delivery.c.explained_at.is_(None), delivery.c.key_id.is_not(None))
        .group_by(delivery.c.key_id),
        "markers": select(object_.c.marker_key, func.count())
        .outerjoin(visit, visit.c.aggregate == object_.c.aggregate)
        .where(_open(), object_.c.marker_key.is_not(None), object_.c.state == "live")  # type: ignore[arg-type]
        .group_by(object_.c.marker_key),
    }
    for what, counting in plain.items():
        for key, count in conn.execute(counting):
            yield what, key, count


def _in_rows(conn: Connection) -> set[str]:
    return {key for what, key, _count in _counted(conn) if what not in {"deliveries", "markers"}}


def _is_needed(conn: Connection, key_id: str) -> bool:
    return any(key == key_id for what, key, _count in _counted(conn) if what != "deliveries")


def _of_calls(conn: Connection, since: datetime) -> Counter[str]:
    """Calls that a read may still be older than: what stood before them is compared with it."""
    found: Counter[str] = Counter()
    rows = conn.execute(select(call.c.before).where(call.c.at > since, call.c.before.is_not(None)))
    for (before,) in rows:
        found.update({key for told in before.values() for key, _digest in told})
    return found


def status(sync: Sync) -> list[KeyStatus]:
    """Every key that is configured or that rows need, the current one first."""
    digests, settings = sync.digests, sync.settings
    reach = timedelta(seconds=settings.apart_seconds + settings.lease_seconds)
    with sync.store.read() as conn:
        needed: dict[str, dict[str, int]] = {key: {} for key in digests.key_ids}
        lost = {row.key_id: row.lost_at for row in conn.execute(select(digest_key))}
        for what, key, count in _counted(conn):
            needed.setdefault(key, {})[what] = count
        for key, count in _of_calls(conn, sync.clock() - reach).items():
            needed.setdefault(key, {})["calls"] = count
    for key in lost:
        needed.setdefault(key, {})
    naming = _naming(sync)
    found = [
        KeyStatus(
            key,
            configured=digests.holds(key),
            current=key == digests.key_id,
            lost=lost.get(key) is not None,
            names=key == naming,
            needed=needed[key],
        )
        for key in needed
    ]
    return sorted(found, key=lambda one: (not one.current, not one.configured, one.key_id))


def _naming(sync: Sync) -> str | None:
    """The configured key that the installation's name was made with; None when it is another."""
    with sync.store.read() as conn:
        row = conn.execute(select(installation)).first()
    if row is None or row.name is None:
        return None
    accounts = row.practice_group, row.oncall_org
    for key in sync.digests.key_ids:
        if sync.digests.installation(*accounts, key) == row.name:
            return key
    return None


# --- a key that nobody has any more ---------------------------------------------------------------


def give_up(sync: Sync) -> list[str]:
    """Say that the keys that are needed and not configured are lost; returns their ids.

    What they were made for is unknown from then on: nothing is written for it until both sides say
    the same, or a person says which is right. Patients are indexed anew by the next scan.
    """
    digests = sync.digests
    with sync.store.write() as conn:
        now = sync.clock()
        rows = {row.key_id: row for row in conn.execute(select(digest_key))}
        missing = [key for key in {*rows, *_in_rows(conn)} if not digests.holds(key)]
        missing = sorted(key for key in missing if key not in rows or rows[key].lost_at is None)
        for key in missing:
            if key in rows:
                conn.execute(
                    update(digest_key).where(digest_key.c.key_id == key).values(lost_at=now)
                )
            else:
                conn.execute(
                    insert(digest_key).values(key_id=key, proof="", since=now, lost_at=now)
                )
        if missing:
            conn.execute(update(scan).where(scan.c.name == PATIENTS).values(cursor=None))
            _name_anew(conn, digests)
            journal.bump(conn, "digest_keys_given_up", "", by=len(missing))
    return missing


def _name_anew(conn: Connection, digests: Digests) -> None:
    """Markers are written under a name of a key that is had, so that they survive the database."""
    row = conn.execute(select(installation)).first()
    if row is None or row.name is None:
        return
    ours = digests.installations(row.practice_group, row.oncall_org)
    if row.name not in ours:
        name = digests.installation(row.practice_group, row.oncall_org)
        conn.execute(update(installation).values(name=name))
