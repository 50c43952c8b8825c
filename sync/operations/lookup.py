"""Find the aggregate that KIND and ID mean, and name an object.

`visit` and `person` are our own ids, the ones in markers; the other kinds are the remotes' ids.
"""

import re
from typing import Final

from sqlalchemy import Connection

from sync.core.errors import NotBefore
from sync.store import objects
from sync.store.tables import links
from sync.store.tables.links import Obj

OWN: Final = ("visit", "person")
REMOTE: Final = {
    "appointment": ("drchrono", "appointment"),
    "patient": ("drchrono", "patient"),
    "contact": ("oncall", "contact"),
    "oncall-appointment": ("oncall", "appointment"),
}
# DrChrono's are digits, an occurrence's `<date>_<series>`; OnCall's are the end of a URL
# (docs/api-facts.md, D23, O11).
# A date or a telephone number has that form too: typed by somebody, it is a person's, and no id.
REMOTE_ID: Final = re.compile(r"(?!([0-9]{1,4}-){2}[0-9]{1,4}$)(?=.*[0-9])[0-9A-Za-z_-]{1,64}")
OWN_ID: Final = re.compile(r"[1-9][0-9]{0,17}")


class UnknownError(LookupError):
    """There is no such thing here; the text says so in a sentence."""


class BusyError(NotBefore):
    """Not before about `until` (aware UTC): a worker holds it, or what was read may be too old."""


def aggregate_of(conn: Connection, kind: str, object_id: str) -> int:
    """The visit or person meant, after mergers (objects move along). Raises UnknownError."""
    if kind in OWN:
        return _own(conn, kind, object_id)
    obj = remote_object(conn, kind, object_id)
    if obj is None:
        raise UnknownError(f"No {kind} {object_id} was ever heard of here.")
    return obj.aggregate


def remote_object(conn: Connection, kind: str, object_id: str) -> Obj | None:
    """The row of a remote object, None when never heard of. Raises UnknownError for a bad id."""
    if kind not in REMOTE:
        raise UnknownError(f"{kind} is none of {', '.join((*OWN, *REMOTE))}.")
    if not REMOTE_ID.fullmatch(object_id):
        raise UnknownError(f"That can't be the id of a {kind}.")
    system, name = REMOTE[kind]
    return links.find(conn, system, name, object_id)


def _own(conn: Connection, kind: str, object_id: str) -> int:
    found = links.kind_of(conn, int(object_id)) if OWN_ID.fullmatch(object_id) else None
    if found != kind:
        raise UnknownError(f"There is no {kind} {object_id}.")
    return links.survivor(conn, int(object_id))


def object_words(conn: Connection, object_id: int | None) -> str:
    """System, kind and remote id of one of our object rows; "" for none."""
    return object_in_words(objects.row(conn, object_id) if object_id else None)


def object_in_words(row: Obj | None) -> str:
    """The same of a row that was read; "" for none."""
    return "" if row is None else links.words(row.system, row.kind, row.remote_id)
