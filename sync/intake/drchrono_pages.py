"""Read DrChrono's lists of appointments and patients: in bulk where the account has that."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from sync.core.errors import NotTheApi, Refused
from sync.core.wording import Json
from sync.outbound.gate import Ticket
from sync.runtime import Sync
from sync.store.tables import facts

NO_SUCH_PATH = frozenset({"edge_404", "edge_405", "edge_410"})


def read(
    sync: Sync, kind: str, ticket: Ticket | None = None, **filters: Any
) -> Iterator[tuple[dict[str, Json], ...]]:
    """The records of a list: in bulk where the account has that, else page by page."""
    with sync.store.read() as conn:
        bulk = facts.get(conn, f"bulk_{kind}")
    ticket = ticket or sync.task_ticket()
    absent = False
    if bulk != "no":
        reader = (
            sync.drchrono.bulk_appointments
            if kind == "appointments"
            else sync.drchrono.bulk_patients
        )
        try:
            for page in reader(ticket, partial(_pause, sync), **filters):
                yield page.results
        except Refused:
            absent = True
        except NotTheApi as page:
            # A path that the server does not know can be answered by a page of the server's own.
            absent = page.code in NO_SUCH_PATH
        else:
            if bulk is None:
                _learn_bulk(sync, kind, "yes")
            return
    listed = (
        sync.drchrono.list_appointments(ticket, **filters)
        if kind == "appointments"
        else sync.drchrono.list_patients(ticket, **filters)
    )
    for found in listed:
        if bulk != "no" and absent:
            # Only now: where both are refused, it is a scope that is missing.
            _learn_bulk(sync, kind, "no")
            bulk = "no"
        yield found.results


def _learn_bulk(sync: Sync, kind: str, word: str) -> None:
    with sync.store.write() as conn:
        facts.put(conn, f"bulk_{kind}", word, sync.clock())


def _pause(sync: Sync, attempt: int) -> None:
    """Wait before looking again at a bulk list that is being made: longer each time."""
    sync.pause(min(10.0, 0.5 * attempt))
