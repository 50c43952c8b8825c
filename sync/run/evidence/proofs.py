"""Judge what a list denies: what is not shown is not absent.

A list may be behind by seconds or by minutes (docs/api-facts.md, D4, O4). When it shows something
that was made after a lost POST, it can't lack what that POST made, and so denies it. A list that
once showed an object of ours within `APART_SECONDS` of its making is *proven*: two looks further
apart than that deny. A list that has shown neither is silent.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from sync.store import calls, objects
from sync.store.tables import blockers, facts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from sync.runtime import Sync
    from sync.store.tables.links import Obj

ONCALL_VISITS = "oncall_list_shows_new"
DRCHRONO_APPOINTMENTS = "drchrono_list_shows_new"
ONCALL_CONTACTS = "contacts_list_shows_new"


class Evidence(Enum):
    """What one look at a list says of a thing that it does not show."""

    SHOWS = "shows"  # it shows what is newer, or is proven to show new objects in time
    SILENT = "silent"  # it shows nothing that tells how old it is
    LAGS = "lags"  # it lacks something newer that is surely there


def note(conn: Connection, sync: Sync, name: str, obj: Obj) -> None:
    """Take note that a list shows an object; one made by us just now proves it.

    Who waits for that is raised.
    """
    since = sync.clock() - sync.settings.apart
    if not obj.made_by_us or obj.created_at < since:
        return
    now = sync.clock()
    facts.put(conn, name, "yes", now)
    blockers.wake(conn, blockers.FACT, name, now=now)


def of_list(conn: Connection, name: str) -> Evidence:
    """What a list that was never seen to show newer things says: it is proven, or silent."""
    return Evidence.SHOWS if facts.get(conn, name) == "yes" else Evidence.SILENT


def of_revisions(conn: Connection, sent: datetime, revisions: Iterable[str | None]) -> Evidence:
    """Whether DrChrono's list shows what changed after something that we made after `sent`.

    Revisions (`updated_at`) grow over all objects of an account, and are compared as they are.
    """
    after = calls.first_revision_made(conn, "drchrono", sent)
    newer = after is not None and any(
        revision is not None and revision >= after for revision in revisions
    )
    return Evidence.SHOWS if newer else Evidence.SILENT


def lacks(
    conn: Connection, system: str, kind: str, *, since: datetime, until: datetime, shown: set[str]
) -> bool:
    """Whether something that we made between two times, and that is there, is not shown."""
    return not objects.made_between(conn, system, kind, since, until) <= shown
