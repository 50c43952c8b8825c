"""Gate every request to a remote: fence, budget, brake and audit before it, the outcome after it.

Before: one transaction proves the fence (its first statement), renews the lease, takes from the
budget, asks the brake, and stores the audit line with the digests of what is about to be written.
A read that ends while the lease still lasts only takes from the budget: nobody else can have the
item yet. Then the call, under a total deadline that ends before the lease does. After a write: one
transaction stores the outcome, together with what the caller makes of it. A read's outcome is
stored with the next transaction that this process makes.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from sqlalchemy import Connection

from sync.core.answers.endpoints import IFRAME, READ_ON, REDIRECTS
from sync.core.answers.table import Asked, Received, classify
from sync.core.answers.verdict import error_for
from sync.core.errors import (
    Deferred,
    FencedOff,
    NoAnswer,
    NotBefore,
    NotSent,
    RemoteError,
    Throttled,
    Transient,
    Unresolved,
)
from sync.outbound import audit, brake, budget, pauses
from sync.outbound.audit import Outcome
from sync.outbound.call import Answer, Call, Incoming, Outgoing, outgoing, read_json
from sync.outbound.hosts import Base, redirect_target
from sync.outbound.ticket import Permit
from sync.outbound.ticket import Ticket as Ticket
from sync.store.at_end import owed
from sync.store.database import Store
from sync.store.service import spending
from sync.store.tables import baselines, claims
from sync.store.tables.claims import FenceLostError

HOPS = 3
# What the runs of a visit begin with, and how long before the call it may be permitted: the
# budget's windows are only a little longer than the remote's.
_FIRST = "appointment"
_AHEAD = timedelta(seconds=0.1)
# What a run asks of one system: a read and a write.
A_RUN = 2


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
    brake: brake.BrakeRule
    lease_seconds: float
    longest: timedelta  # that one call takes
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
        self._entries = {
            system: audit.entry(limit, rules.writes_per_day)
            for system, limit in rules.limits.items()
        }
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

        A change needs both: else one is read in vain. Nothing is taken from the budget.
        """
        with self._store.read() as conn:
            closed = self.closed_until(conn, ticket)
        if closed is not None:
            raise closed

    def closed_until(self, conn: Connection, ticket: Ticket) -> NotBefore | None:
        """What `begin` would raise now, asked in a transaction of the caller's."""
        limits, now = self._rules.limits, self._clock()
        try:
            budget.ask(conn, limits, ticket.lane, imminent=ticket.imminent, now=now, calls=A_RUN)
        except NotBefore as closed:
            return closed
        return None

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
        permit = self._taken_ahead(call, ticket) or self._permit(call, ticket)
        request = first = outgoing(permit.call, base.url, authorization)
        for hop in range(HOPS):
            if hop > 0:
                permit = self._permit(call, ticket)
            incoming = self._carry(permit, request)
            target = _follow(call, request, incoming, base)
            if target is None:
                moved = _path(request) != _path(first)
                return self._outcome(permit, ticket, incoming, moved=moved)
            self._close(permit, "redirected", incoming.status, drop_pending=True)
            request = replace(request, url=target, query=None)
        raise Transient("redirect_loop")

    # --- before -----------------------------------------------------------------------------------

    def permit_ahead(self, conn: Connection, system: str, ticket: Ticket) -> None:
        """Permit a run's first read in the transaction that took its lease, where there is room.

        It is spent by the ticket's first such read, or given back.
        """
        read = Call(system, "GET", _FIRST, "")
        try:
            ticket.ahead.append(self._permit_now(conn, read, ticket))
        except (NotBefore, budget.BurstError):
            return

    def give_back(self, ticket: Ticket) -> None:
        """Say of a read that was permitted ahead that it did not go out."""
        while ticket.ahead:
            self._owe(ticket.ahead.pop(), Outcome("unsent", None, self._clock()))

    def _taken_ahead(self, call: Call, ticket: Ticket) -> Permit | None:
        """The permit that a read was given ahead; None for another call, or where it is late."""
        if not ticket.ahead:
            return None
        meant = ticket.ahead[-1].call
        same = (call.system, call.method, call.endpoint) == (meant.system, meant.method, _FIRST)
        if not same or self.closed or self._clock() >= ticket.ahead[-1].at + _AHEAD:
            self.give_back(ticket)
            return None
        return dataclasses.replace(ticket.ahead.pop(), call=call)

    def _permit(self, call: Call, ticket: Ticket) -> Permit:
        if self.closed:
            raise Deferred("ending", self._clock())
        while True:
            try:
                with self._store.write(owed_least=owed.MANY) as conn:
                    return self._permit_now(conn, call, ticket)
            except budget.BurstError as full:
                self._sleep(max(0.01, (full.until - self._clock()).total_seconds()))
            except FenceLostError as lost:
                raise FencedOff("fenced_off") from lost

    def _permit_now(self, conn: Connection, call: Call, ticket: Ticket) -> Permit:
        until = None if ticket.lease is None else ticket.lease.until
        if until is not None and (call.writes or self._clock() + self._rules.longest >= until):
            until = self._clock() + timedelta(seconds=self._rules.lease_seconds)
            self._hold(conn, ticket)
        entry = self._entries[call.system]
        if entry.limited or call.effect in brake.COUNTED:
            spending.my_turn(conn, call.system)
        now = self._clock()
        if ticket.before is not None:
            call = ticket.before(conn, call)
        if call.effect in brake.COUNTED:
            pauses.check(conn, call, ticket, now)  # nobody is asked about what is paused
            brake.check(conn, self._rules.brake, call.effect, call.doctor, now)
        call_id = audit.begin(conn, entry, call, ticket, key_id=self._rules.key_id, now=now)
        return Permit(call, call_id, now, until)

    def _hold(self, conn: Connection, ticket: Ticket) -> None:
        assert ticket.lease is not None  # noqa: S101
        seconds = self._rules.lease_seconds
        claims.hold(conn, ticket.lease, now=self._clock(), seconds=seconds)

    # --- the call ---------------------------------------------------------------------------------

    def _carry(self, permit: Permit, request: Outgoing) -> Incoming:
        try:
            return self._wire.send(request)
        except NotSent as failure:
            self._close(permit, "unsent", None, drop_pending=True)
            raise Transient(failure.code, permit.call_id) from None
        except NoAnswer as failure:
            if not permit.call.writes:
                self._close(permit, "done", None, drop_pending=True)
                raise Transient(failure.code, permit.call_id) from None
            self._close(permit, "unresolved", None, drop_pending=False)
            raise Unresolved(failure.code, permit.call_id) from None

    # --- after ------------------------------------------------------------------------------------

    def _outcome(
        self, permit: Permit, ticket: Ticket, incoming: Incoming, *, moved: bool
    ) -> Answer:
        call, call_id = permit.call, permit.call_id
        json = read_json(incoming)
        asked = Asked(call.system, call.endpoint, call.method, call.names)
        received = Received(incoming.status, incoming.content_type, json, incoming.headers, moved)
        verdict = classify(asked, received, self._clock())
        answer = Answer(
            incoming.status, json, incoming.headers, incoming.content_type, call_id, verdict
        )
        failure = error_for(verdict, call_id)
        if failure is not None:
            self._store_failure(permit, verdict.retry_at, failure, incoming.status)
            raise failure
        if call.writes or ticket.after is not None:
            self._store_success(ticket, permit, answer)
        else:
            self._owe(permit, Outcome("done", answer.status, self._clock()))
            self._still_ours(ticket, permit)
        return answer

    def _store_success(self, ticket: Ticket, permit: Permit, answer: Answer) -> None:
        call, call_id = permit.call, permit.call_id
        with self._store.write() as conn:
            kept = True
            if ticket.lease is not None:
                try:
                    self._hold(conn, ticket)
                except FenceLostError:
                    kept = False
            audit.end(conn, call, call_id, Outcome("done", answer.status, self._clock()))
            if kept and call.pending:
                # What was sent stands, unless the answer shows it normalised: `after` tells that.
                baselines.promote(conn, call_id)
            if ticket.after is not None and (kept or ticket.fact):
                ticket.after(conn, answer)
        if not kept:
            raise FencedOff("fenced_off", call_id)

    def _store_failure(
        self,
        permit: Permit,
        retry_at: datetime | None,
        failure: RemoteError,
        status: int,
    ) -> None:
        call = permit.call
        unresolved = isinstance(failure, Unresolved)
        state = "unresolved" if unresolved else "refused" if call.writes else "done"
        if not isinstance(failure, Throttled) or retry_at is None:
            self._close(permit, state, status, drop_pending=not unresolved)
            return
        with self._store.write() as conn:
            audit.end(conn, call, permit.call_id, Outcome(state, status, self._clock()))
            baselines.unexpect(conn, permit.call_id)
            spending.close_until(conn, call.system, retry_at)

    def _close(self, permit: Permit, state: str, status: int | None, *, drop_pending: bool) -> None:
        outcome = Outcome(state, status, self._clock())
        if not permit.call.writes:
            self._owe(permit, outcome)
            return
        with self._store.write() as conn:
            audit.end(conn, permit.call, permit.call_id, outcome)
            if drop_pending and permit.call.pending:
                baselines.unexpect(conn, permit.call_id)

    def _owe(self, permit: Permit, outcome: Outcome) -> None:
        self._store.owed.add(audit.owed(permit.call, permit.call_id, outcome))

    def _still_ours(self, ticket: Ticket, permit: Permit) -> None:
        """Prove the fence anew where the lease has run out: what was read is another's to use."""
        if permit.until is None or self._clock() < permit.until:
            return
        try:
            with self._store.write() as conn:
                self._hold(conn, ticket)
        except FenceLostError:
            raise FencedOff("fenced_off", permit.call_id) from None


def _follow(call: Call, request: Outgoing, incoming: Incoming, base: Base) -> str | None:
    """Where a redirect leads that may be followed; None otherwise."""
    location = incoming.headers.get("location")
    if not location or incoming.status not in (REDIRECTS if call.writes else READ_ON):
        return None
    # A POST that only asks for a list would make something under another path; the switch of the
    # framed pages is answered by leading to the doctor's own (docs/api-facts.md, D71).
    writes = call.method.upper() not in {"GET", "HEAD"} and call.endpoint != IFRAME
    return redirect_target(request.url, location, base, writes=writes, follows=call.bearer)


def _path(request: Outgoing) -> str:
    return urlsplit(request.url).path
