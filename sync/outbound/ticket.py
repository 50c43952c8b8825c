"""Say in whose name a call goes out, and what is done in the transactions before and after it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from sync.outbound.call import Answer, Call
from sync.store.lanes import Lane
from sync.store.tables.claims import Lease

Before = Callable[[Connection, Call], Call]
After = Callable[[Connection, Answer], None]


@dataclass(frozen=True, slots=True)
class Permit:
    """A call that may go out: its row, since when, and until when its lease holds at least."""

    call: Call
    call_id: int
    at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Ticket:
    """In whose name a call goes out: a leased aggregate's, or a task's (then `lease` is None).

    `before` runs in the transaction that permits the call, and gives what is to be sent. `after`
    runs in the one that stores the outcome of an answer that was read and is OK. A `fact` (a remote
    id that came to be) is stored even when the lease was lost meanwhile. `ahead` holds the permit
    of the first read, which came with the lease (`Gate.permit_ahead`).
    """

    lane: Lane
    lease: Lease | None = None
    imminent: bool = False
    before: Before | None = None
    after: After | None = None
    fact: bool = False
    ahead: list[Permit] = field(default_factory=list, compare=False, repr=False)

    def then(self, after: After, *, fact: bool = False) -> "Ticket":
        """The same ticket for one call whose answer is to be stored by `after`."""
        return replace(self, after=after, fact=fact)
