"""What a profile means can change without any visit changing: it is renamed in DrChrono.

The mapping may name profiles by their names. A visit's own digests show nothing of that, so what
each profile means is kept beside the mapping's version, and another meaning is told. Nothing is
written for it: what is touched, or booked, is read as the mapping has it now.
"""

from datetime import datetime

from sqlalchemy import Connection

from sync.mapping import Mapping
from sync.store.tables import facts, journal

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
        journal.open_attention(conn, 0, RENAMED, now=now, candidates=other)
    else:
        journal.close_one(conn, 0, RENAMED, now)


def _meaning(mapping: Mapping, profile: str) -> str:
    held = mapping.visit_type(profile, None, None)
    return f"{held or 'skip'}{'+group' if mapping.is_group(profile) else ''}"
