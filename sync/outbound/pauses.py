"""Let no write go out that an operator has paused: read from SQL for each, so nobody restarts.

SYNC_MODE stays the outer bound: what it holds back goes out by no resuming.
"""

from datetime import datetime

from sqlalchemy import Connection

from sync.outbound.brake import BrakedError
from sync.outbound.call import Call
from sync.outbound.ticket import Ticket
from sync.store import pauses


class PausedError(BrakedError):
    """Stopped before the call: an operator has paused `ref`; nobody is asked about it."""

    waits_for = "pause"

    def __init__(self, ref: str) -> None:
        super().__init__(None, ref)


def holding_back(call: Call, ticket: Ticket) -> list[str]:
    """What may hold a call back: everything, its system, its lane, its doctor; a read, nothing."""
    if not call.writes or not call.bearer:
        return []
    return pauses.of_a_write(call.system, ticket.lane, call.doctor)


def check(conn: Connection, call: Call, ticket: Ticket, now: datetime) -> None:
    """Raise PausedError for a write that is paused: of everything, a system, a lane, a doctor."""
    held = holding_back(call, ticket)
    found = pauses.holding(conn, held, now) if held else None
    if found is not None:
        raise PausedError(found.what)
