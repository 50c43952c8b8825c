"""Notice that a profile was renamed in DrChrono, and so means something else.

The mapping may name profiles by their names. A visit's digests don't show a renamed profile, so
each profile's meaning is stored beside the mapping's version, and a changed one opens an attention
item. Nothing is written because of it: visits that are touched or booked follow the mapping as it
is now.
"""

from datetime import datetime

from sqlalchemy import Connection

from sync.mapping import Mapping
from sync.store import attention
from sync.store.tables import facts

RENAMED = "profile_renamed"


def notice(conn: Connection, mapping: Mapping, now: datetime) -> None:
    """Tell which profiles mean another type than they did under this same mapping file.

    The item ends when they mean that again, or when the file says something new.
    """
    other: list[str] = []
    for profile in sorted(mapping.profile_names):
        meaning = f"{mapping.version}:{_meaning(mapping, profile)}"
        known = facts.get(conn, f"profile_meant:{profile}")
        if known is None or not known.startswith(f"{mapping.version}:"):
            facts.put(conn, f"profile_meant:{profile}", meaning, now)
        elif known != meaning:
            other.append(profile)
    if other:
        attention.open_item(conn, 0, RENAMED, now=now, candidates=other)
    else:
        attention.close_cause(conn, 0, RENAMED, now)


def _meaning(mapping: Mapping, profile: str) -> str:
    held = mapping.visit_type(profile, None, None)
    return f"{held or 'skip'}{'+group' if mapping.is_group(profile) else ''}"
