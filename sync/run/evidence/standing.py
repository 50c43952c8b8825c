"""Ask in one statement whether work may go on: the database is up to date, the accounts right."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sync.run.evidence import accounts, behind
from sync.store.tables import facts

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.runtime import Sync

_NAMES = (behind.CAUSE, behind.GAP, *accounts.FACTS.values())


class Standing(NamedTuple):
    """What keeps every worker from its work."""

    behind: bool  # the database knows less than the two systems, or may
    wrong: tuple[str, ...]  # the systems whose account is not the pinned one, or may not be


def read(conn: Connection, sync: Sync) -> Standing:
    """How things stand."""
    known, looked = facts.with_scan(conn, _NAMES, behind.NEWEST)
    noticed, gap = known.get(behind.CAUSE), known.get(behind.GAP)
    told = {system: known[name].value for system, name in accounts.FACTS.items() if name in known}
    return Standing(
        behind.is_behind(
            noticed.value if noticed else None,
            gap.at if gap else None,
            looked,
        ),
        accounts.wrong_of(sync, told),
    )
