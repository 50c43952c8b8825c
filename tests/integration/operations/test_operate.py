"""Resync, and retry or drop what a person must decide."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import RowMapping, insert, select, update

from sync.assemble import build
from sync.config import Settings
from sync.operations import attention as operate
from sync.operations.attention import UnknownError
from sync.outbound import brake
from sync.outbound.brake import BrakedError
from sync.runtime import Ring, Sync
from sync.store import attention as items
from sync.store.database import Store
from sync.store.lanes import Hints, Lane
from sync.store.schema import attention, blocker, call, decision, visit
from sync.store.schema import work as work_table
from sync.store.tables import claims, links, work
from sync.store.visits import moves
from tests.support.clinic import Clinic, utc, wall

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
WHO = f"uid {os.getuid()}"


@pytest.fixture
def sync(store: Store) -> Iterator[Sync]:
    values: dict[str, Any] = {
        "database_url": store.url,
        "encryption_keys": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "digest_keys": "k" * 43,
    }
    made = build(Settings(_env_file=None, **values), owner="cli@test:1", clock=lambda: NOW)
    yield made
    made.close()


def visit_of(store: Store, system: str, remote_id: str, **values: Any) -> int:
    """A visit with one appointment; nothing waits on it."""
    with store.write() as conn:
        key = links.new_aggregate(conn, "visit", NOW)
        links.add(conn, key, system, "appointment", remote_id, now=NOW, **values)
    return key


def person_of(store: Store, **objects: str) -> int:
    with store.write() as conn:
        key = links.new_aggregate(conn, "person", NOW)
        for kind, remote_id in objects.items():
            system = "drchrono" if kind == "patient" else "oncall"
            links.add(conn, key, system, kind, remote_id, now=NOW)
    return key


def item(store: Store, key: int) -> RowMapping | None:
    with store.read() as conn:
        found = conn.execute(select(work_table).where(work_table.c.aggregate == key))
        return found.mappings().first()


def assert_raised(store: Store, key: int) -> None:
    row = item(store, key)
    assert row is not None
    assert (row["wanted"] > row["done"], row["due"], row["lane"]) == (True, NOW, Lane.LIVE)
    assert (row["hint_drchrono"], row["hint_oncall"]) == (True, True)


# --- resync ---------------------------------------------------------------------------------------


def test_resync_finds_a_thing_by_any_of_its_names(sync: Sync, store: Store) -> None:
    here = visit_of(store, "drchrono", "70211")
    there = visit_of(store, "oncall", "5001")
    person = person_of(store, patient="7001", contact="88")
    for kind, name, key in (
        ("appointment", "70211", here),
        ("visit", str(here), here),
        ("oncall-appointment", "5001", there),
        ("patient", "7001", person),
        ("contact", "88", person),
        ("person", str(person), person),
    ):
        assert operate.resync(sync, kind, name) == (Ring(key, Lane.LIVE),)
        assert_raised(store, key)
        with store.write() as conn:
            conn.execute(work_table.delete())


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("patient", "7001"),
        ("contact", "88"),
        ("visit", "99"),
        ("visit", "-1"),
        ("visit", "x"),
        ("visit", "9" * 30),
        ("person", "1"),  # a visit's number
        ("appointment", ""),
        ("appointment", "abc"),
        ("appointment", "1\x00"),
        ("appointment", "1" * 65),
        ("oncall-appointment", "https://api.oncallhealth.ca/appointments/1/"),
        ("doctor", "1"),
    ],
)
def test_resync_of_something_unknown_says_so_and_stores_nothing(
    sync: Sync, store: Store, kind: str, name: str
) -> None:
    key = visit_of(store, "drchrono", "70211")
    with pytest.raises(UnknownError):
        operate.resync(sync, kind, name)
    assert item(store, key) is None
    with store.read() as conn:
        assert links.kind_of(conn, key + 1) is None


@pytest.mark.parametrize(
    ("kind", "system"), [("appointment", "drchrono"), ("oncall-appointment", "oncall")]
)
def test_an_appointment_never_heard_of_is_taken_up(
    sync: Sync, store: Store, kind: str, system: str
) -> None:
    (ring,) = operate.resync(sync, kind, "4711")
    assert_raised(store, ring.aggregate)
    with store.read() as conn:
        obj = links.find(conn, system, "appointment", "4711")
    assert obj is not None
    assert (obj.aggregate, obj.state) == (ring.aggregate, "live")
    assert operate.resync(sync, kind, "4711") == (ring,)


def test_resync_thaws_and_looks_again_at_what_was_skipped(sync: Sync, store: Store) -> None:
    key = visit_of(store, "drchrono", "70211", state="skipped")
    with store.write() as conn:
        conn.execute(update(visit).values(frozen_at=NOW))
    operate.resync(sync, "appointment", "70211")
    with store.read() as conn:
        assert conn.execute(select(visit.c.frozen_at)).scalar_one() is None
        (obj,) = links.objects_of(conn, key)
    assert obj.state == "live"


def test_a_tombstone_is_looked_at_and_stays_one(sync: Sync, store: Store) -> None:
    key = visit_of(store, "drchrono", "70211", state="gone")
    operate.resync(sync, "appointment", "70211")
    assert_raised(store, key)
    with store.read() as conn:
        assert links.objects_of(conn, key)[0].state == "gone"


def test_resync_follows_a_merger(sync: Sync, store: Store) -> None:
    old, new = visit_of(store, "oncall", "5001"), visit_of(store, "drchrono", "70211")
    with store.write() as conn:
        moves.absorb(conn, old, new, now=NOW, hints=Hints.both())
    assert operate.resync(sync, "visit", str(old)) == (Ring(new, Lane.LIVE),)
    assert operate.resync(sync, "oncall-appointment", "5001") == (Ring(new, Lane.LIVE),)


def test_resync_wakes_an_item_in_back_off(sync: Sync, store: Store) -> None:
    key = visit_of(store, "drchrono", "70211")
    with store.write() as conn:
        work.raise_(conn, key, now=NOW, hints=Hints.of("oncall"), lane=Lane.BULK)
        lease = claims.claim(conn, key, owner="w", now=NOW, seconds=45)
        assert lease is not None
        claims.defer(conn, lease, due=NOW + timedelta(minutes=15), failed=True)
    operate.resync(sync, "visit", str(key))
    assert_raised(store, key)


def test_a_visit_whose_webhook_never_came_is_made_by_resync(clinic: Clinic) -> None:
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop"})
    appointment = clinic.book()
    clinic.pump()
    assert clinic.visits() == []
    operate.resync(clinic.sync, "appointment", appointment)
    clinic.pump()
    (made,) = clinic.visits()
    assert made["datetime"] == f"{utc(days=3):%Y-%m-%dT%H:%M:%SZ}"
    assert clinic.mails() == [("invitation", "app")]


def test_an_edit_whose_webhook_never_came_is_carried_by_resync(clinic: Clinic) -> None:
    appointment = clinic.book()
    clinic.pump()
    clinic.sandbox.faults("oncall", webhooks={"mode": "drop"})
    (made,) = clinic.visits()
    clinic.change_visit(made["id"], datetime=f"{utc(days=5):%Y-%m-%dT%H:%M:%SZ}")
    operate.resync(clinic.sync, "oncall-appointment", made["id"])
    clinic.pump()
    assert clinic.appointment(appointment)["scheduled_time"] == wall(days=5)


# --- attention ------------------------------------------------------------------------------------


def ask(store: Store, key: int, cause: str, **values: Any) -> int:
    with store.write() as conn:
        items.open_item(conn, key, cause, now=NOW, **values)
        found = conn.execute(
            select(attention.c.id).where(attention.c.aggregate == key, attention.c.cause == cause)
        )
        return int(found.scalar_one())


def block(store: Store, key: int, kind: str, ref: str) -> None:
    with store.write() as conn:
        links.block(conn, key, kind=kind, ref=ref, since=NOW)


def decisions(store: Store) -> list[tuple[str, str, str, str, datetime]]:
    with store.read() as conn:
        rows = conn.execute(select(decision).order_by(decision.c.kind, decision.c.a))
        return [(row.kind, row.a, row.b, row.by, row.at) for row in rows]


def blockers(store: Store) -> list[int]:
    with store.read() as conn:
        return list(conn.execute(select(blocker.c.aggregate).order_by(blocker.c.ref)).scalars())


def test_what_is_open_is_listed_with_what_it_is_about(sync: Sync, store: Store) -> None:
    key = visit_of(store, "drchrono", "70211")
    person = person_of(store, patient="7001")
    with store.read() as conn:
        (obj,) = links.objects_of(conn, key)
    first = ask(store, key, "overlap", object_id=obj.id, candidates=["70212"])
    second = ask(store, person, "contact_unsure", candidates=["88", "89"])
    third = ask(store, 0, "scope_missing")
    operate.attention_drop(sync, ask(store, key, "over"))
    found = [
        (one.id, one.about, one.aggregate, one.cause, one.object, one.candidates, one.opened_at)
        for one in operate.attention_list(sync)
    ]
    assert found == [
        (first, "visit", key, "overlap", "drchrono appointment 70211", ("70212",), NOW),
        (second, "person", person, "contact_unsure", "", ("88", "89"), NOW),
        (third, "service", 0, "scope_missing", "", (), NOW),
    ]


def test_retry_closes_forgets_and_raises(sync: Sync, store: Store) -> None:
    key, other = visit_of(store, "drchrono", "70211"), visit_of(store, "drchrono", "70212")
    block(store, key, "operator", "invalid")
    block(store, other, "operator", "invalid")
    with store.write() as conn:
        conn.execute(update(visit).values(frozen_at=NOW))
    number = ask(store, key, "refused", candidates=["title"])
    assert operate.attention_retry(sync, number) == (Ring(key, Lane.LIVE),)
    assert operate.attention_list(sync) == []
    assert blockers(store) == [other]
    assert_raised(store, key)
    assert item(store, other) is None
    assert decisions(store) == [("retry", str(number), "refused", WHO, NOW)]
    with store.read() as conn:
        frozen = select(visit.c.frozen_at).where(visit.c.aggregate == key)
        assert conn.execute(frozen).scalar_one() is None


def test_drop_closes_and_leaves_things_parked(sync: Sync, store: Store) -> None:
    key = visit_of(store, "drchrono", "70211")
    block(store, key, "operator", "overlap")
    number = ask(store, key, "overlap")
    operate.attention_drop(sync, number)
    assert operate.attention_list(sync) == []
    assert blockers(store) == [key]
    assert item(store, key) is None
    assert decisions(store) == [("drop", str(number), "overlap", WHO, NOW)]


def test_an_item_of_the_whole_service_has_nothing_to_raise(sync: Sync, store: Store) -> None:
    number = ask(store, 0, "scope_missing")
    assert operate.attention_retry(sync, number) == ()
    assert operate.attention_list(sync) == []


@pytest.mark.parametrize("press", [operate.attention_retry, operate.attention_drop])
def test_an_item_is_pressed_once(sync: Sync, store: Store, press: Any) -> None:
    number = ask(store, visit_of(store, "drchrono", "70211"), "overlap")
    press(sync, number)
    for again in (number, number + 1):
        with pytest.raises(UnknownError, match=f"No attention item {again} is open"):
            press(sync, again)
    assert len(decisions(store)) == 1


def test_retry_after_a_merger_raises_the_survivor(sync: Sync, store: Store) -> None:
    old, new = visit_of(store, "oncall", "5001"), visit_of(store, "drchrono", "70211")
    with store.write() as conn:
        moves.absorb(conn, old, new, now=NOW, hints=Hints.both())
    number = ask(store, old, "keeps_failing")  # told by a run that began before
    assert operate.attention_retry(sync, number) == (Ring(new, Lane.LIVE),)


def test_retrying_what_the_brake_stopped_releases_that_doctor(sync: Sync, store: Store) -> None:
    first, second, third, fourth = (
        visit_of(store, "drchrono", str(number)) for number in range(1, 5)
    )
    for key, doctor in ((first, "201"), (second, "201"), (third, "202")):
        block(store, key, "operator", doctor)
    number = ask(store, first, "brake")
    ask(store, second, "brake")
    ask(store, third, "brake")
    # Its reference reads like the doctor's id and is none.
    block(store, fourth, "operator", "201")
    ask(store, fourth, "overlap")
    with store.write() as conn:
        for _ in range(11):
            conn.execute(
                insert(call).values(
                    system="oncall", method="PATCH", endpoint="appointment", effect="cancel",
                    doctor="201", lane=0, state="done", at=NOW,
                )
            )  # fmt: skip
    rule = brake.BrakeRule(count=10, share=0.05)
    with store.read() as conn, pytest.raises(BrakedError):
        brake.check(conn, rule, "cancel", "201", NOW)
    assert operate.attention_retry(sync, number) == (
        Ring(first, Lane.LIVE),
        Ring(second, Lane.LIVE),
    )
    assert ("release", "201", "", WHO, NOW) in decisions(store)
    with store.read() as conn:
        brake.check(conn, rule, "cancel", "201", NOW)
    assert item(store, third) is None
    assert item(store, fourth) is None
