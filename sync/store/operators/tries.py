"""Count failed sign-ins, for all processes together, so that each further one waits longer."""

import hashlib
import ipaddress
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, select, update

from sync.store import upsert
from sync.store.schema import failed_sign_in

FREE: Final = 3  # tries without a wait: a person mistypes
LONGEST: Final = timedelta(minutes=5)
_PREFIX: Final = 64  # of an IPv6 address: one subscriber has that many at least


def key(name: str, caller: str) -> str:
    """What one caller's tries at one name are counted under: so nobody locks out the others."""
    try:
        found = ipaddress.ip_address(caller)
    except ValueError:
        network = caller  # a browser that is known
    else:
        network = str(found)
        if found.version == 6:
            network = str(ipaddress.ip_network((found, _PREFIX), strict=False))
    return hashlib.sha256(f"{name.lower()}\0{network}".encode()).hexdigest()


def take(conn: Connection, of: str, now: datetime) -> timedelta | None:
    """Take a try, counted as failed until it is known better; else how long to wait for it.

    Counted first, so that many at once are not all the first.
    """
    conn.execute(
        upsert.insert(conn, failed_sign_in)
        .values(key=of, failures=0, until=now)
        .on_conflict_do_nothing()
    )
    row = conn.execute(
        select(failed_sign_in).where(failed_sign_in.c.key == of).with_for_update()
    ).one()
    if row.until > now:
        return timedelta(seconds=(row.until - now).total_seconds())
    count = row.failures + 1
    conn.execute(
        update(failed_sign_in)
        .where(failed_sign_in.c.key == of)
        .values(failures=count, until=now + delay(count))
    )
    return None


def count(conn: Connection, of: str, now: datetime) -> int:
    """Count one more without a wait; returns how many there were since the last hour without."""
    made = upsert.insert(conn, failed_sign_in).values(key=of, failures=1, until=now)
    return int(
        conn.execute(
            made.on_conflict_do_update(
                index_elements=[failed_sign_in.c.key],
                set_={"failures": failed_sign_in.c.failures + 1, "until": now},
            ).returning(failed_sign_in.c.failures)
        ).scalar_one()
    )


def delay(count: int) -> timedelta:
    """How long the next try waits after so many that failed: nothing, then 2, 4, 8 … seconds."""
    if count < FREE:
        return timedelta(0)
    return min(LONGEST, timedelta(seconds=2 ** min(count - FREE + 1, 20)))


def forget(conn: Connection, of: str) -> None:
    """Forget what failed: it was the right person."""
    conn.execute(delete(failed_sign_in).where(failed_sign_in.c.key == of))


def drop_old(conn: Connection, before: datetime) -> None:
    """Forget those whose wait was over before a time."""
    conn.execute(delete(failed_sign_in).where(failed_sign_in.c.until < before))
