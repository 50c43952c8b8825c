"""Register the digest keys, and count the rows that still need each of them.

Of a key only a proof made with it is stored (`Digests.proof`): the database tells the right key
from another without holding either (ADR 0018).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sync.core.rules.views import UNREADABLE
from sync.run.evidence import sealing
from sync.store.lanes import Lane
from sync.store.service import digest_keys, installation
from sync.store.tables import blockers, facts, journal, scans
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

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
    rows = digest_keys.written_down(conn)
    wanted: dict[str, str | None] = {
        row.key_id: row.proof for row in rows.values() if row.lost_at is None
    }
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
    rows = digest_keys.written_down(conn).values()
    known = {row.key_id for row in rows if row.lost_at is None}
    extra = {row.key_id for row in rows if row.lost_at is not None} & set(digests.key_ids)
    return digests.key_id in known and not extra and known <= set(digests.key_ids)


def write_down(conn: Connection, digests: Digests, now: datetime) -> str | None:
    """Write down the current key and those that rows need; forget what no row needs any more.

    Returns what is in the way, as `trouble`: another process may have been faster. A key that was
    given up and is here again is taken back, and wakes what waited for it.
    """
    digest_keys.lock(conn)
    found = trouble(conn, digests)
    if found is not None:
        return found
    rows = digest_keys.written_down(conn)
    if facts.told_at(conn, sealing.SINCE) is None:
        facts.put(conn, sealing.SINCE, "yes", now)
    for key in {digests.key_id, *_in_rows(conn)} & set(digests.key_ids):
        if key not in rows:
            digest_keys.add(conn, key, digests.proof(key), now)
        elif rows[key].lost_at is not None:
            digest_keys.set_lost(conn, key, None)
            blockers.wake(conn, blockers.OPERATOR, UNREADABLE, now=now, lane=Lane.CATCHUP)
    gone = [key for key, row in rows.items() if row.lost_at is None and not digests.holds(key)]
    digest_keys.forget(conn, gone)
    return None


def _is_had(digests: Digests, key_id: str, proof: str | None) -> bool:
    if not digests.holds(key_id):
        return False
    return proof is None or hmac.compare_digest(digests.proof(key_id), proof)


# --- what needs a key -----------------------------------------------------------------------------


def _in_rows(conn: Connection) -> set[str]:
    needing = digest_keys.needed(conn)
    return {key for what, key, _count in needing if what not in {"deliveries", "markers"}}


def _is_needed(conn: Connection, key_id: str) -> bool:
    return any(key == key_id for what, key, _ in digest_keys.needed(conn) if what != "deliveries")


def status(sync: Sync) -> list[KeyStatus]:
    """Every key that is configured or that rows need, the current one first."""
    digests, settings = sync.digests, sync.settings
    reach = timedelta(seconds=settings.apart_seconds + settings.lease_seconds)
    with sync.store.read() as conn:
        needed: dict[str, dict[str, int]] = {key: {} for key in digests.key_ids}
        lost = {key: row.lost_at for key, row in digest_keys.written_down(conn).items()}
        for what, key, count in digest_keys.needed(conn):
            needed.setdefault(key, {})[what] = count
        # A read may be older than these calls: what stood before them is compared with it.
        for key, count in digest_keys.needed_by_calls(conn, sync.clock() - reach).items():
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
        pinned = installation.get(conn)
    if pinned is None:
        return None
    accounts = pinned.practice_group, pinned.oncall_org
    for key in sync.digests.key_ids:
        if sync.digests.installation(*accounts, key) == pinned.name:
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
        rows = digest_keys.written_down(conn)
        missing = [key for key in {*rows, *_in_rows(conn)} if not digests.holds(key)]
        missing = sorted(key for key in missing if key not in rows or rows[key].lost_at is None)
        for key in missing:
            if key in rows:
                digest_keys.set_lost(conn, key, now)
            else:
                digest_keys.add(conn, key, "", now, lost_at=now)
        if missing:
            scans.from_the_start(conn, PATIENTS)
            _name_anew(conn, digests)
            journal.bump(conn, "digest_keys_given_up", "", by=len(missing))
            deeds.note(conn, Deed("give_up_keys", tuple(("key", one) for one in missing)), now)
    return missing


def _name_anew(conn: Connection, digests: Digests) -> None:
    """Markers are written under a name of a key that is had, so that they survive the database."""
    pinned = installation.get(conn)
    if pinned is None:
        return
    ours = digests.installations(pinned.practice_group, pinned.oncall_org)
    if pinned.name not in ours:
        name = digests.installation(pinned.practice_group, pinned.oncall_org)
        installation.rename(conn, name)
