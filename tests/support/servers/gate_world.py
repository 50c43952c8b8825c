"""Run a gate over a real wire to a local server, for a visit of two linked objects."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from sync.outbound import brake
from sync.outbound.budget import Limit
from sync.outbound.call import Call
from sync.outbound.gate import Gate, Rules, Ticket
from sync.outbound.transport import Transport
from sync.store.database import Store
from sync.store.lanes import Hints, Lane
from sync.store.schema import baseline, pending
from sync.store.schema import call as call_table
from sync.store.tables import baselines, claims, links, work
from tests.support.servers.peer import Peer

T0 = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OLD, NEW = "a" * 64, "b" * 64
KEY = "key-1"
OK = {"url": "/appointments/7/"}


class Clock:
    """A clock that a test moves; waiting moves it too."""

    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Headers:
    """The authorisation of both systems."""

    def headers(self, system: str) -> dict[str, str]:
        return {"authorization": f"key-of-{system}"}


@dataclass
class World:
    store: Store
    peer: Peer
    clock: Clock = field(default_factory=Clock)
    rules: Rules = field(init=False)
    gate: Gate = field(init=False)

    def __post_init__(self) -> None:
        self.rules = Rules(
            bases={"drchrono": self.peer.url, "oncall": self.peer.url},
            limits={"drchrono": Limit(500, 10, 0.1), "oncall": Limit()},
            brake=brake.BrakeRule(10, 0.05),
            lease_seconds=45,
            longest=timedelta(seconds=20),
            writes_per_day=10,
            writing=True,
            key_id=KEY,
        )
        self.gate = self.gate_with()
        with self.store.write() as conn:
            self.key = links.new_aggregate(conn, "visit", T0)
            self.appointment = links.add(conn, self.key, "drchrono", "appointment", "5", now=T0).id
            self.visit = links.add(conn, self.key, "oncall", "appointment", "7", now=T0).id
            baselines.settle(conn, self.visit, {"starts": OLD}, KEY)
            work.raise_(conn, self.key, now=T0, hints=Hints.both())
        self.lease = self.claim("w1")

    def gate_with(self, *, wire: Any = None, **rules: Any) -> Gate:
        """The gate under other rules, or over another wire."""
        return Gate(
            self.store,
            wire or Transport(deadline_seconds=5, connect_seconds=2),
            Headers(),
            replace(self.rules, **rules),
            clock=self.clock,
            sleep=self.clock.forward,
        )

    def claim(self, owner: str) -> Any:
        with self.store.write() as conn:
            return claims.claim(conn, self.key, owner=owner, now=self.clock(), seconds=45)

    def taken_over(self) -> Any:
        """Another worker takes the visit, whose lease has run out."""
        self.clock.forward(46)
        taken = self.claim("w2")
        assert taken is not None
        return taken

    @property
    def ticket(self) -> Ticket:
        return Ticket(Lane.LIVE, self.lease)

    @property
    def patch(self) -> Call:
        """A PATCH of the OnCall visit's start."""
        return Call(
            "oncall",
            "PATCH",
            "appointment",
            "/appointments/7/",
            json={"datetime": "2026-11-23T11:00:00Z"},
            object_id=self.visit,
            fields=("starts",),
            effect="update",
            pending={(self.visit, "starts"): NEW},
            doctor="9",
        )

    @property
    def get(self) -> Call:
        return Call("oncall", "GET", "appointment", "/appointments/7/")

    def calls(self) -> list[Any]:
        """Every call's row, when the next transaction has stored what the gate owed it."""
        with self.store.write():
            pass
        with self.store.read() as conn:
            return list(conn.execute(select(call_table).order_by(call_table.c.id)).all())

    def states(self) -> list[tuple[str, int | None]]:
        return [(row.state, row.status) for row in self.calls()]

    def on_their_way(self) -> list[tuple[int, str, str]]:
        with self.store.read() as conn:
            rows = conn.execute(select(pending).order_by(pending.c.object, pending.c.field))
            return [(row.object, row.field, row.digest) for row in rows]

    def settled(self, object_id: int) -> dict[str, str]:
        with self.store.read() as conn:
            rows = conn.execute(select(baseline).where(baseline.c.object == object_id))
            return {row.field: row.digest for row in rows}
