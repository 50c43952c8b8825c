"""Read what somebody asks of a record: a number, a time, a word of a column."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from sync.operations.lookup import OWN_ID, REMOTE_ID, UnknownError
from sync.store.listing import subjects
from sync.store.listing.kinds import RECORDS, Record
from sync.store.listing.pages import Asked
from sync.store.listing.subjects import Meant

# It gets into the address of a page: what no column of ours has does not.
_WORD: Final = re.compile(r"[\w.:@+ -]{1,80}")
# Of the audit what is no remote's id can be asked for with its kind: an operator, a pause. A name
# alone may be a patient's.
_NAMED: Final = re.compile(r"[a-z][a-z_-]{0,29}:[0-9A-Za-z_.:+-]{1,80}")


def record(name: str) -> Record:
    """A record by its name. Raises UnknownError."""
    found = RECORDS.get(name)
    if found is None:
        raise UnknownError(f"{name} is none of {', '.join(RECORDS)}.")
    return found


def asked(
    conn: Connection,
    of: Record,
    *,
    about: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    only: Mapping[str, str] | None = None,
) -> Asked:
    """What is asked for, ready to be looked up; empty texts ask for nothing.

    `about` is an id of either system, or `KIND ID` (also `KIND:ID`). Raises UnknownError with a
    sentence for what can't be meant.
    """
    words = {name: word.strip() for name, word in (only or {}).items() if word.strip()}
    for name, word in words.items():
        narrowing = of.narrowing(name)
        if narrowing is None or not _WORD.fullmatch(word):
            raise UnknownError("That can't be asked for here.")
        if narrowing.words and word not in narrowing.words:
            raise UnknownError(f"{narrowing.title} is one of {', '.join(narrowing.words)}.")
    return Asked(_about(conn, of, about.strip()) if about.strip() else None, since, until, words)


def _about(conn: Connection, of: Record, text: str) -> Meant:
    kind, named = _kind_and_id(text)
    if kind in subjects.OWN and OWN_ID.fullmatch(named):
        return subjects.meant(conn, kind, named)
    if (not kind or kind in subjects.KINDS) and REMOTE_ID.fullmatch(named):
        return subjects.meant(conn, kind, named)
    if not of.has_object and _NAMED.fullmatch(text):
        return Meant((), (), ((kind, named), ("", text)))
    raise UnknownError("That can't be a number of either system.")


def _kind_and_id(text: str) -> tuple[str, str]:
    kind, _, named = text.replace(":", " ", 1).partition(" ")
    return (kind, named.strip()) if named else ("", kind)


def moment(text: str, *, end: bool = False) -> datetime | None:
    """The time that a text means, in UTC; of a day its beginning, or its end. None for none.

    Raises UnknownError.
    """
    if not text.strip():
        return None
    try:
        if len(text.strip()) <= len("2026-01-01"):
            day = datetime.combine(date.fromisoformat(text.strip()), datetime.min.time(), UTC)
            return day + timedelta(days=1) if end else day
        at = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise UnknownError("A time is written like 2026-11-29, or 2026-11-29T08:30.") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
