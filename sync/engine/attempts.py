"""An attempt to make something: the row that stands before its POST, and what is left of it after.

A POST whose answer was not read *has happened* until two looks apart deny it; a look counts only
when the POST can have landed by then.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select, update

from sync.core.errors import FencedOff, RemoteError, Unresolved
from sync.core.merge import Seen
from sync.core.people import NAMES
from sync.engine.outcomes import LaterError, ParkedError
from sync.engine.seen import StoredFields, compare
from sync.store import links
from sync.store.schema import call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sync.core.wording import Json
    from sync.digests import Digests
    from sync.engine.context import Sync
    from sync.store.links import Obj

LOOKS = 2


def begin(
    conn: Connection,
    key: int,
    system: str,
    kind: str,
    create_key: str,
    *,
    now: datetime,
    **values: Any,
) -> Obj:
    """Write down what is about to be made, in the transaction of what else is said of it.

    Raises sqlalchemy's IntegrityError when something living has the create key already.
    """
    return links.add(
        conn, key, system, kind, None, now=now, state="creating", create_key=create_key, **values
    )


def sent(digests: Digests, wires: Mapping[int, Mapping[str, Json]]) -> dict[tuple[int, str], str]:
    """The pending digests of a create: what it sends under each row, and what it is made from.

    Should its answer be lost, these tell what it made, and who edited that or its source since.
    """
    return {
        (row, name): digest
        for row, wire in wires.items()
        for name, digest in digests.fields(row, dict(wire)).items()
    }


def is_as_sent(digests: Digests, row: Obj, wire: Mapping[str, Json], stored: StoredFields) -> bool:
    """Whether a contact or participant, as far as it is shown, says whom a create of ours named.

    The chart may say otherwise by now. `stored` are the row's pending digests and baselines; names
    and e-mail decide, as OnCall may store a phone in its own form.
    """
    told = {name: wire[name] for name in NAMES if name in wire}
    seen = compare(digests, row.id, told, stored)
    return bool(seen) and all(how in {Seen.OURS, Seen.SAME} for how in seen.values())


@contextmanager
def attempt(sync: Sync, rows: Iterable[int], forget: Callable[[], None]) -> Iterator[None]:
    """Make the call in this block; what it raises is raised on.

    An unknown outcome leaves the rows to be found. Any other failure made nothing, and `forget`
    takes them away. Who was fenced off touches nothing: another run has them.
    """
    try:
        yield
    except Unresolved:
        with sync.store.write() as conn:
            for row in rows:
                links.change(conn, row, state="ambiguous")
        raise
    except FencedOff:
        raise
    except (RemoteError, ParkedError, LaterError):
        forget()
        raise


def last_sent(conn: Connection, row: Obj, *also: str) -> datetime | None:
    """When the newest POST for a row went out that may have made something; None when none did.

    `also` names further states of calls that are to be counted.
    """
    at: datetime | None = conn.execute(
        select(func.max(call.c.at)).where(
            call.c.object == row.id,
            call.c.method == "POST",
            call.c.state.in_(("open", "unresolved", "done", *also)),
        )
    ).scalar_one()
    return at


def counts_from(sync: Sync, row: Obj, sent: datetime) -> datetime:
    """From when a look at a row counts: the POST has landed or never will, and looks are apart."""
    if row.looked_at is not None:
        return row.looked_at + timedelta(seconds=sync.settings.apart_seconds)
    return sent + timedelta(seconds=sync.settings.late_seconds)


def is_denied(row: Obj) -> bool:
    """Whether one more look that does not find it is the last that is needed."""
    return row.looks + 1 >= LOOKS


def known(conn: Connection, row: Obj) -> None:
    """The outcome of a row's calls was found out by looking."""
    conn.execute(update(call).where(call.c.object == row.id).values(state="looked"))
