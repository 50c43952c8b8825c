"""The one choke point: every request to a remote goes out here, and nowhere else.

Before: one transaction proves the fence (its first statement), renews the lease, takes from the
budget, asks the brake, and stores the audit line with the digests of what is about to be written.
Then the call, under a total deadline that ends before the lease does. After: one transaction stores
the outcome, together with what the caller makes of it.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection, delete, insert, select, update

from sync.core.answers.endpoints import ITEMS, READ_ON, REDIRECTS
from sync.core.answers.table import classify
from sync.core.answers.verdict import error_for
from sync.core.errors import (
    Deferred,
    FencedOff,
    NoAnswer,
    NotSent,
    RemoteError,
    Throttled,
    Transient,
    Unresolved,
)
from sync.outbound import brake, budget
from sync.outbound.call import Answer, Call, Incoming, Outgoing, outgoing, read_json
from sync.outbound.hosts import Base, redirect_target
from sync.store.database import Store
from sync.store.schema import call as call_table
from sync.store.schema import pending
from sync.store.tables import baselines, journal, work
from sync.store.tables.work import FenceLostError, Lane, Lease

HOPS = 3
# What a run asks of one system: a read and a write.
A_RUN = 2

After = Callable[[Connection, Answer], None]


@dataclass(frozen=True, slots=True)
class Ticket:
    """In whose name a call goes out: a leased aggregate's, or a task's (then `lease` is None).

    `after` runs in the transaction that stores the outcome of an answer that was read and is OK. A
    `fact` (a remote id that came to be) is stored even when the lease was lost meanwhile.
    """

    lane: Lane
    lease: Lease | None = None
    imminent: bool = False
    after: After | None = None
    fact: bool = False

    def then(self, after: After, *, fact: bool = False) -> "Ticket":
        """The same ticket for one call whose answer is to be stored by `after`."""
        return replace(self, after=after, fact=fact)


class Wire(Protocol):
    """What carries one HTTP request: `sync.outbound.transport.Transport`."""

    def send(self, request: Outgoing) -> Incoming:
        """Send; raises NotSent or NoAnswer."""


class Authority(Protocol):
    """Who knows the authorisation headers of a system."""

    def headers(self, system: str) -> Mapping[str, str]:
        """The headers to put on a call; raises AuthFailed or Deferred."""


class WritesOffError(Exception):
    """A write was about to go out in a mode that writes nothing: a defect of the caller."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the gate holds calls to."""

    bases: Mapping[str, str]
    limits: Mapping[str, budget.Limit]
    brake: brake.Rule
    lease_seconds: float
    writes_per_day: int
    writing: bool
    key_id: str  # of the digests in `Call.pending`
    # Further origins of a system that redirects may lead to, by system.
    other_origins: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)


class Gate:
    """Sends calls. `clock` gives aware UTC; `sleep` waits out a full second's burst."""

    def __init__(
        self,
        store: Store,
        wire: Wire,
        authority: Authority,
        rules: Rules,
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._wire = wire
        self._authority = authority
        self._rules = rules
        self._clock = clock
        self._sleep = sleep
        self.closed = False

    def under(self, authority: Authority) -> "Gate":
        """The same gate, budget and audit, with other credentials."""
        return Gate(
            self._store, self._wire, authority, self._rules, clock=self._clock, sleep=self._sleep
        )

    def close(self) -> None:
        """Begin no further call: whoever asks for one gives the work back, due at once.

        What is on its way goes on to its end.
        """
        self.closed = True

    def begin(self, ticket: Ticket) -> None:
        """Raise NotBefore until both systems would take what a run usually asks of each.

        A change needs both: what is read of one while the other is shut is read in vain. Nothing
        is taken from the budget.
        """
        with self._store.read() as conn:
            now = self._clock()
            for system, limit in self._rules.limits.items():
                lane, imminent = ticket.lane, ticket.imminent
                budget.ask(conn, system, limit, lane, imminent=imminent, now=now, calls=A_RUN)

    def send(self, call: Call, ticket: Ticket) -> Answer:
        """Make a call and follow its redirects, each hop a budgeted call of its own.

        Returns the answer when its verdict is OK; else raises the RemoteError of the error table.
        """
        # Closed by default: what is written in an aggregate's name is an effect, named or not.
        effective = call.effect or (call.writes and ticket.lease is not None)
        if effective and not self._rules.writing:
            raise WritesOffError(call.endpoint)
        base = Base(
            call.system,
            self._rules.bases[call.system],
            self._rules.other_origins.get(call.system, ()),
        )
        authorization = self._authority.headers(call.system) if call.bearer else {}
        request = first = outgoing(call, base.url, authorization)
        for _ in range(HOPS):
            call_id = self._permit(call, ticket)
            incoming = self._carry(call, call_id, request)
            location = incoming.headers.get("location")
            target = None
            if location and incoming.status in (REDIRECTS if call.writes else READ_ON):
                # A POST that only asks for a list would make something under another path.
                writes = call.method.upper() not in {"GET", "HEAD"}
                target = redirect_target(
                    request.url, location, base, writes=writes, follows=call.bearer
                )
            if target is None:
                moved = _path(request) != _path(first)
                return self._outcome(call, ticket, call_id, incoming, moved=moved)
            self._close(call, call_id, "redirected", incoming.status, drop_pending=True)
            request = replace(request, url=target, query=None)
        raise Transient("redirect_loop")

    # --- before -----------------------------------------------------------------------------------

    def _permit(self, call: Call, ticket: Ticket) -> int:
        if self.closed:
            raise Deferred("ending", self._clock())
        while True:
            try:
                with self._store.write() as conn:
                    return self._permit_now(conn, call, ticket)
            except budget.BurstError as full:
                self._sleep(max(0.01, (full.until - self._clock()).total_seconds()))
            except FenceLostError as lost:
                raise FencedOff("fenced_off") from lost

    def _permit_now(self, conn: Connection, call: Call, ticket: Ticket) -> int:
        lease = ticket.lease
        if lease is not None:
            work.hold(conn, lease, now=self._clock(), seconds=self._rules.lease_seconds)
        now = budget.take(
            conn,
            call.system,
            self._rules.limits[call.system],
            ticket.lane,
            imminent=ticket.imminent,
            clock=self._clock,
        )
        brake.check(conn, self._rules.brake, call.effect, call.doctor, now)
        if call.effect and lease is not None:
            brake.check_cap(conn, lease.aggregate, self._rules.writes_per_day, now)
        call_id: int = conn.execute(
            insert(call_table)
            .values(
                aggregate=lease.aggregate if lease else None,
                fence=lease.fence if lease else None,
                system=call.system,
                object=call.object_id,
                method=call.method,
                endpoint=call.endpoint,
                fields=",".join(call.fields)[:200],
                effect=call.effect,
                doctor=call.doctor,
                lane=ticket.lane,
                state="open",
                at=now,
                before=_before(conn, call, self._rules.key_id),
            )
            .returning(call_table.c.id)
        ).scalar_one()
        for (object_id, field), digest in call.pending.items():
            conn.execute(
                insert(pending).values(
                    object=object_id,
                    field=field,
                    call=call_id,
                    key_id=self._rules.key_id,
                    digest=digest,
                )
            )
        return call_id

    # --- the call ---------------------------------------------------------------------------------

    def _carry(self, call: Call, call_id: int, request: Outgoing) -> Incoming:
        try:
            return self._wire.send(request)
        except NotSent as failure:
            self._close(call, call_id, "unsent", None, drop_pending=True)
            raise Transient(failure.code, call_id) from None
        except NoAnswer as failure:
            if not call.writes:
                self._close(call, call_id, "done", None, drop_pending=True)
                raise Transient(failure.code, call_id) from None
            self._close(call, call_id, "unresolved", None, drop_pending=False)
            raise Unresolved(failure.code, call_id) from None

    # --- after ------------------------------------------------------------------------------------

    def _outcome(
        self, call: Call, ticket: Ticket, call_id: int, incoming: Incoming, *, moved: bool
    ) -> Answer:
        json = read_json(incoming)
        verdict = classify(
            call.system,
            call.endpoint,
            call.method,
            incoming.status,
            incoming.content_type,
            json,
            incoming.headers,
            self._clock(),
            asked=_object_in(call),
            moved=moved,
        )
        answer = Answer(
            incoming.status, json, incoming.headers, incoming.content_type, call_id, verdict
        )
        failure = error_for(verdict, call_id)
        if failure is None:
            self._store_success(ticket, call, answer, call_id)
            return answer
        self._store_failure(call, verdict.retry_at, failure, call_id, incoming.status)
        raise failure

    def _store_success(self, ticket: Ticket, call: Call, answer: Answer, call_id: int) -> None:
        with self._store.write() as conn:
            now = self._clock()
            kept = True
            if ticket.lease is not None:
                try:
                    work.hold(conn, ticket.lease, now=now, seconds=self._rules.lease_seconds)
                except FenceLostError:
                    kept = False
            _end(conn, call_id, "done", answer.status, now)
            if kept and call.pending:
                # What was sent stands, unless the answer shows it normalised: `after` tells that.
                _promote(conn, call_id)
            if ticket.after is not None and (kept or ticket.fact):
                ticket.after(conn, answer)
            _count(conn, call, answer.status)
        if not kept:
            raise FencedOff("fenced_off", call_id)

    def _store_failure(
        self,
        call: Call,
        retry_at: datetime | None,
        failure: RemoteError,
        call_id: int,
        status: int,
    ) -> None:
        unresolved = isinstance(failure, Unresolved)
        with self._store.write() as conn:
            now = self._clock()
            state = "unresolved" if unresolved else "refused" if call.writes else "done"
            _end(conn, call_id, state, status, now)
            if not unresolved:
                conn.execute(delete(pending).where(pending.c.call == call_id))
            if isinstance(failure, Throttled) and retry_at is not None:
                budget.close_until(conn, call.system, retry_at)
            _count(conn, call, status)

    def _close(
        self, call: Call, call_id: int, state: str, status: int | None, *, drop_pending: bool
    ) -> None:
        with self._store.write() as conn:
            _end(conn, call_id, state, status, self._clock())
            if drop_pending:
                conn.execute(delete(pending).where(pending.c.call == call_id))
            _count(conn, call, status)


def _path(request: Outgoing) -> str:
    return urlsplit(request.url).path


def _object_in(call: Call) -> str | None:
    """The id of the object that a call's path names."""
    if call.endpoint not in ITEMS or call.endpoint == "contact_appointments":
        return None
    return unquote(call.path.partition("?")[0].rstrip("/").rpartition("/")[2])


def _before(conn: Connection, call: Call, key_id: str) -> dict[str, list[list[str]]] | None:
    """What stands in each field that a call writes: as settled, and as it was just read."""
    if call.object_id is None or not call.pending:
        return None
    settled = baselines.stored_fields(conn, [call.object_id])
    found: dict[str, list[list[str]]] = {}
    for field in (name for object_id, name in call.pending if object_id == call.object_id):
        known = settled.get((call.object_id, field))
        stood = [[known.key_id, known.digest]] if known and known.key_id and known.digest else []
        read = [key_id, call.before.get(field, "")]
        stood += [read] if read[1] and read not in stood else []
        if stood:
            found[field] = stood
    return found or None


def _end(conn: Connection, call_id: int, state: str, status: int | None, now: datetime) -> None:
    conn.execute(
        update(call_table)
        .where(call_table.c.id == call_id)
        .values(state=state, status=status, ended_at=now)
    )


def _count(conn: Connection, call: Call, status: int | None) -> None:
    """Count the call; last in its transaction, because the counter's row is everybody's.

    Whoever holds it must wait for no lease's row any more, or two transactions wait for each other.
    """
    journal.bump(
        conn,
        "remote_calls",
        f"system={call.system},method={call.method},status={status or 'none'}",
    )


def _promote(conn: Connection, call_id: int) -> None:
    rows = conn.execute(select(pending).where(pending.c.call == call_id)).all()
    for row in rows:
        baselines.settle(conn, row.object, {row.field: row.digest}, row.key_id)
    conn.execute(delete(pending).where(pending.c.call == call_id))
