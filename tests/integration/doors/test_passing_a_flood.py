"""Somebody books while others forge: what the forged hints cost is bounded, and the booking passes.

All is forged over HTTP with the webhooks' own credentials, and looked at before any worker has had
time for it.
"""

from datetime import timedelta

from sqlalchemy import select, update

from sync.core import bucket
from sync.run.hinted import bounds, fruitless, lists
from sync.store.lanes import Lane
from sync.store.schema import object_, tick, work
from sync.store.tables import buckets, links, told
from sync.tasks import schedule, worker
from tests.support import forged
from tests.support.agreement import agree
from tests.support.clinic import Clinic, due, utc, wall

DENIED = 70_000_001


def lane_of(clinic: Clinic, system: str, remote_id: str) -> Lane:
    with clinic.sync.store.read() as conn:
        key = select(object_.c.aggregate).where(
            object_.c.system == system, object_.c.remote_id == remote_id
        )
        found = conn.execute(select(work.c.lane).where(work.c.aggregate == key.scalar_subquery()))
        return Lane(found.scalar_one())


def leave(clinic: Clinic, name: str, level: bucket.Level) -> None:
    """Let a bucket hold this much, for as long as the test takes."""
    later = clinic.now() + timedelta(minutes=5)
    full = bucket.Rates(bucket.Rate(99, 1), bucket.Rate(99, 1))
    with clinic.sync.store.write() as conn:
        buckets.level(conn, name, full, later)
        buckets.put_level(conn, name, level, later)


def test_few_are_being_read_however_many_are_told_of(clinic: Clinic) -> None:
    for number in range(40):
        assert forged.drchrono(clinic, "APPOINTMENT_CREATE", forged.appointment(DENIED + number))
    due(clinic.sync)
    with clinic.sync.store.read() as conn:
        assert told.count(conn, "drchrono", "taken") == bounds.AT_ONCE
        assert told.count(conn, "drchrono", "asks") == 40 - bounds.AT_ONCE


def test_a_base_that_was_read_takes_nobody_s_place(clinic: Clinic) -> None:
    """A series' base is told of and read, and stays none of ours; four are no reason to wait."""
    for number in range(bounds.AT_ONCE):
        assert forged.drchrono(clinic, "APPOINTMENT_CREATE", forged.appointment(DENIED + number))
    due(clinic.sync)
    with clinic.sync.store.write() as conn:
        conn.execute(update(work).values(done=work.c.wanted))  # their runs are over
    clinic.book(patient=clinic.patient)
    clinic.pump()
    assert len(clinic.visits()) == 1


def test_a_create_reads_each_invented_id_once_and_no_other_create_again(clinic: Clinic) -> None:
    """An id that nobody has read may be the appointment that a booking in OnCall is to become."""
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    for number in range(40):
        assert forged.drchrono(clinic, "APPOINTMENT_CREATE", forged.appointment(DENIED + number))
    due(clinic.sync)
    bookings = [
        clinic.invite(
            participants=[
                {"first_name": "Vera", "last_name": f"L{n}", "email": f"v{n}@mail.example"}
            ],
            datetime=f"{utc(days=4 + n):%Y-%m-%dT%H:%M:%SZ}",
        )
        for n in range(3)
    ]
    clinic.sandbox.wait_idle()
    for booking in bookings:
        with clinic.sync.store.read() as conn:
            obj = links.find(conn, "oncall", "appointment", booking)
        assert obj is not None
        worker.run(clinic.sync, obj.aggregate)
    assert clinic.calls("drchrono").count("POST /api/appointments") == 3
    assert clinic.calls("drchrono").count("GET /api/appointments/ID") == bounds.AT_ONCE


def test_what_a_list_shows_of_a_flood_is_no_list_s_work(clinic: Clinic) -> None:
    """A genuine booking whose credential has no token left is found by a list, and is then next."""
    for number in range(40):
        assert forged.oncall(clinic, DENIED + number, "appointment_created") == 204
    due(clinic.sync)
    booking = clinic.invite()
    clinic.sandbox.wait_idle()
    with clinic.sync.store.read() as conn:
        assert links.find(conn, "oncall", "appointment", booking) is None
    clinic.beat("oncall_newest")
    assert lane_of(clinic, "oncall", booking) is Lane.LIVE
    clinic.pump()
    assert len(clinic.appointments()) == 1


def test_a_list_is_asked_for_as_soon_as_a_token_is_missing(clinic: Clinic) -> None:
    schedule.due_tasks(clinic.sync)
    leave(clinic, "oncall:0", bucket.Level(0.0, 0.0))
    assert forged.oncall(clinic, DENIED, "appointment_created") == 204
    assert due(clinic.sync) == []
    clinic.advance(lists.APART.total_seconds())
    assert "oncall_newest" in schedule.due_tasks(clinic.sync)


def test_a_list_is_not_read_without_end(clinic: Clinic) -> None:
    name = "drchrono_appointments"
    for _ in range(50):
        with clinic.sync.store.write() as conn:
            lists.soon(conn, name, clinic.now())
        schedule.due_tasks(clinic.sync)
        clinic.advance(2)
    with clinic.sync.store.read() as conn:
        turns = conn.execute(select(tick.c.turn).where(tick.c.task == name)).scalar_one()
    assert lists.OFTEN[name].most <= turns <= lists.OFTEN[name].most + 2


# --- bodies about what is known --------------------------------------------------------------


def lied_about(clinic: Clinic, number: int) -> list[str]:
    """Visits of which a read has found nothing behind a forged body, a moment ago."""
    linked = [clinic.linked(scheduled_time=wall(days=3 + n)) for n in range(number)]
    with clinic.sync.store.write() as conn:
        of = object_.c.remote_id.in_([appointment for appointment, _ in linked])
        conn.execute(update(object_).where(of).values(fruitless_at=clinic.now()))
    return [appointment for appointment, _ in linked]


def forge_a_change(clinic: Clinic, appointment: str) -> None:
    body = forged.appointment(appointment, duration=77, updated_at="x")
    assert forged.drchrono(clinic, "APPOINTMENT_MODIFY", body) == 204


def test_who_forges_spends_before_anything_is_read(clinic: Clinic) -> None:
    """The workers are slow: that nothing was read yet frees nobody from the limit."""
    attacked = lied_about(clinic, 6)
    leave(clinic, "known:drchrono", bucket.Level(3.0, 100.0))
    for appointment in attacked:
        forge_a_change(clinic, appointment)
        forge_a_change(clinic, appointment)  # it waits for its turn: no read more, no token
    assert clinic.waiting() == 3


def test_what_was_lied_about_comes_after_what_people_changed(clinic: Clinic) -> None:
    honest, _ = clinic.linked(scheduled_time=wall(days=10))
    (attacked,) = lied_about(clinic, 1)
    leave(clinic, "known:drchrono", bucket.Level(fruitless.SOON.most / 2 - 1, 100.0))
    forge_a_change(clinic, attacked)
    clinic.edit(honest, scheduled_time=wall(days=10, hour=17))
    clinic.sandbox.wait_idle()
    assert lane_of(clinic, "drchrono", attacked) is Lane.CATCHUP
    assert lane_of(clinic, "drchrono", honest) is Lane.LIVE
    clinic.pump()
    agree(clinic)
