"""A visit with a life behind it: told of, read, written, asked about, answered; one merged in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, update

from sync.core.actor import Actor
from sync.runtime import Sync
from sync.store.schema import aggregate, attendance, attention, call, conflict, delivery, person
from sync.store.tables import links
from sync.store.trail.acting import acting
from sync.store.trail.deeds import Deed, note

HOSTILE = "<b>\u202e\x1b<script>alert(1)</script>"
CAUSE = "patient_without_email"
RUTH = Actor("operator", "ruth", "ops", "0af1")


@dataclass
class Lived:
    """What was made: the visit, the one that was merged into it, its objects, its question."""

    key: int
    former: int
    appointment: int
    oncall: int
    item: int
    person: int


def called(conn: Connection, at: datetime, **values: Any) -> int:
    """One call's row."""
    row = {
        "system": "oncall",
        "method": "PATCH",
        "endpoint": "appointment",
        "lane": 0,
        "state": "done",
        "status": 200,
    }
    made = insert(call).values(**(row | values), at=at, ended_at=at + timedelta(seconds=1))
    number: int = conn.execute(made.returning(call.c.id)).scalar_one()
    return number


def told(conn: Connection, at: datetime, object_id: int, **values: Any) -> int:
    """One delivery's row."""
    row = {"source": "drchrono", "event": "APPOINTMENT_MODIFY", "outcome": "raised"}
    made = insert(delivery).values(**(row | values), object=object_id, at=at)
    number: int = conn.execute(made.returning(delivery.c.id)).scalar_one()
    return number


def lived(sync: Sync, appointment: str = "70211", oncall: str = "5501") -> Lived:
    """Minutes ago, oldest first: told, read, written with an edit in the way, asked, answered."""
    now = sync.clock()

    def ago(minutes: float) -> datetime:
        return now - timedelta(minutes=minutes)

    with sync.store.write() as conn:
        key = links.new_aggregate(conn, "visit", ago(60))
        former = links.new_aggregate(conn, "visit", ago(61))
        someone = links.new_aggregate(conn, "person", ago(61))
        here = links.add(conn, key, "drchrono", "appointment", appointment, now=ago(60)).id
        there = links.add(conn, key, "oncall", "appointment", oncall, now=ago(59)).id
        conn.execute(update(aggregate).where(aggregate.c.id == former).values(merged_into=key))
        conn.execute(insert(attendance).values(visit=key, appointment=here, person=someone,
                                               current=True))  # fmt: skip
        conn.execute(update(person).where(person.c.aggregate == someone).values(version=1))
        digests = {"starts": "a" * 64, "status": "b" * 64}
        told(conn, ago(50), here, key_id="k", digests=digests)
        told(conn, ago(40), here, key_id="k", digests=digests | {"starts": "c" * 64})
        called(conn, ago(39), system="drchrono", method="GET", aggregate=key)
        before = {"starts": [["k", "d" * 64], ["k", "e" * 64]], "status": [["k", "b" * 64]]}
        number = called(conn, ago(38), aggregate=key, object=there, effect="update",
                        fields="starts,status", before=before)  # fmt: skip
        note(conn, Deed("write", (("oncall-appointment", oncall), ("about", key),
                                  ("call", number)), ("starts",), "update"), ago(38))  # fmt: skip
        conn.execute(insert(conflict).values(object=there, field="starts", how="overwritten",
                                             at=ago(38)))  # fmt: skip
        asked = insert(attention).values(aggregate=former, object=here, cause=CAUSE,
                                         opened_at=ago(30), closed_at=ago(20))  # fmt: skip
        item: int = conn.execute(asked.returning(attention.c.id)).scalar_one()
    with acting(RUTH), sync.store.write() as conn:
        note(conn, Deed("retry", (("item", item), ("about", former)), outcome=CAUSE),
             ago(20))  # fmt: skip
        note(conn, Deed("resync", (("appointment", appointment),)), ago(10))
    return Lived(key, former, here, there, item, someone)
