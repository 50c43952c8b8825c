"""Write down each call: before it goes out what it is about to write, then what came of it.

In `call`, which decisions rest on and which is pruned, and of each write in the audit too.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from sync.outbound import brake, budget, pauses
from sync.outbound.budget import Limit
from sync.outbound.call import Call
from sync.outbound.ticket import Ticket
from sync.store.at_end.owed import Debt, pay
from sync.store.service import spending
from sync.store.tables import baselines
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed


class Outcome(NamedTuple):
    """How a call ended: its row's state, the HTTP status (None: no answer was read), and when."""

    state: str
    status: int | None
    at: datetime


class Entry(NamedTuple):
    """The statements that write down a call that is about to go out, and for what limit.

    Each is an INSERT that returns the row's id; `capped` is for a write in an aggregate's name:
    `most` of them a day for each attendance of a visit.
    """

    limit: Limit
    most: int
    statement: Any
    capped: Any

    @property
    def limited(self) -> bool:
        """Whether takers must go one by one."""
        return self.limit.hourly is not None or self.limit.burst is not None


def entry(limit: Limit, most: int) -> Entry:
    """Build the row's statements, which insert nothing unless the budget has room for the call."""
    hourly, burst = limit.hourly is not None, limit.burst is not None
    return Entry(
        limit,
        most,
        spending.entering(hourly=hourly, burst=burst),
        spending.entering(hourly=hourly, burst=burst, capped=True),
    )


def begin(
    conn: Connection,
    made: Entry,
    call: Call,
    ticket: Ticket,
    *,
    key_id: str,
    now: datetime,
) -> int:
    """Write down a call that is about to go out, with the digests of what it writes; its id.

    Raises what `pauses.check`, `brake.check_cap` and `budget.refuse` do when it may not go out now.
    """
    capped = bool(call.effect) and ticket.lease is not None
    if not capped:
        pauses.check(conn, call, ticket, now)
    asked = budget.asked(call.system, made.limit, ticket.lane, imminent=ticket.imminent, now=now)
    row = {
        **asked,
        "aggregate": ticket.lease.aggregate if ticket.lease else None,
        "fence": ticket.lease.fence if ticket.lease else None,
        "object": call.object_id,
        "method": call.method,
        "endpoint": call.endpoint,
        "fields": ",".join(call.fields)[:200],
        "effect": call.effect,
        "doctor": call.doctor,
        "lane": ticket.lane,
        "state": "open",
        "before": _before(conn, call, key_id),
        **(_write(made, call, ticket, now) if capped else {}),
    }
    statement = made.capped if capped else made.statement
    call_id: int | None = conn.execute(statement, row).scalar_one_or_none()
    if call_id is None:
        if capped:
            pauses.check(conn, call, ticket, now)
            brake.check_cap(conn, row)
        budget.refuse(conn, asked)
    baselines.expect(conn, call_id, call.pending, key_id)
    if _is_deed(call):
        deeds.note(conn, _sent(call, call_id, ticket), now)
    return call_id


def _write(made: Entry, call: Call, ticket: Ticket, now: datetime) -> dict[str, Any]:
    """What the row of a write is bound to besides."""
    return {**brake.cap(made.most, now), "any_of": pauses.holding_back(call, ticket)}


def end(conn: Connection, call: Call, call_id: int, outcome: Outcome) -> None:
    """How a call ended, counted too: stored with what is owed, as the transaction ends.

    Of a write that did not go well the audit tells.
    """
    pay(conn, owed(call, call_id, outcome))
    if _is_deed(call) and outcome.state != "done":
        said = f"{outcome.state} {outcome.status or ''}".strip()
        deeds.note(conn, Deed("write_failed", (("call", call_id),), outcome=said), outcome.at)


def owed(call: Call, call_id: int, outcome: Outcome) -> Debt:
    """The same, for the next transaction to store: nothing is decided by a read's outcome."""
    status = outcome.status or "none"
    counts = f"system={call.system},method={call.method},status={status}"
    row: Mapping[str, object] = {
        "ended": call_id,
        "became": outcome.state,
        "answered": outcome.status,
        "now": outcome.at,
    }
    return Debt(spending.ENDING, row, ("remote_calls", counts))


def _before(conn: Connection, call: Call, key_id: str) -> dict[str, list[list[str]]] | None:
    """What stands in each field that a call writes: as settled, and as it was just read."""
    if call.object_id is None or not call.pending or call.method == "POST":
        return None  # where it is made nothing stood
    settled = call.settled
    if settled is None:
        settled = baselines.settled_fields(conn, call.object_id)
    found: dict[str, list[list[str]]] = {}
    for field in (name for object_id, name in call.pending if object_id == call.object_id):
        stood = [list(settled[field])] if field in settled else []
        read = [key_id, call.before.get(field, "")]
        stood += [read] if read[1] and read not in stood else []
        if stood:
            found[field] = stood
    return found or None


def _is_deed(call: Call) -> bool:
    """Whether the audit tells of a call: of what changes a record, of no renewal of a token."""
    return call.writes and call.bearer


def _sent(call: Call, call_id: int, ticket: Ticket) -> Deed:
    about = (("about", ticket.lease.aggregate),) if ticket.lease else ()
    named = (f"{call.system}-{call.endpoint}", call.names or "new")
    return Deed("write", (named, *about, ("call", call_id)), call.fields, call.effect or "sent")
