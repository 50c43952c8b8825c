"""Webhooks that wait at once share one transaction, and none of them the fate of another."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select, text, true
from sqlalchemy.exc import NoResultFound, OperationalError

from sync.intake import hints, sightings, webhooks
from sync.intake.sightings import Receipt
from sync.intake.webhooks import Intake
from sync.run.hinted import bounds
from sync.runtime import Ring
from sync.store.schema import blocker, delivery, object_, told, work
from sync.store.tables import blockers, links
from sync.store.tables import told as table
from sync.store.tables import work as items
from sync.store.tables.told import Told
from tests.support import forged
from tests.support.clinic import Clinic, wall
from tests.support.servers.processes import soon
from tests.support.sql import counted, own_questions_asked
from tests.support.templates import on_both


class Callers:
    """Callers of the door at once: who comes while its first transaction is held, waits."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic = clinic
        self.rung: list[Ring] = []
        self.intake = Intake(clinic.sync, self.rung.extend)
        self._pool = ThreadPoolExecutor(40)

    def moved(self, appointment: str, hour: int) -> Callable[[], Receipt]:
        shown = self.clinic.appointment(appointment) | {
            "scheduled_time": wall(days=3, hour=hour),
        }
        return lambda: self._drchrono(shown)

    def shown(self, appointment: str) -> Callable[[], Receipt]:
        shown = self.clinic.appointment(appointment)
        return lambda: self._drchrono(shown)

    def unheard(self, number: int) -> Callable[[], Receipt]:
        return lambda: self._drchrono(forged.appointment(number))

    def hint(self, visit: str) -> Callable[[], Receipt]:
        address = f"https://api.oncallhealth.com/appointments/{visit}/"
        said = {"event": "appointment_updated", "url": address}
        return lambda: self.intake.oncall(payload=said)

    def _drchrono(self, shown: dict[str, object]) -> Receipt:
        return self.intake.drchrono(
            event="APPOINTMENT_MODIFY", delivery_id="d", payload={"object": shown}
        )

    def at_once(self, *calls: Callable[[], Receipt]) -> list[Future[Receipt]]:
        """Make these calls, the second and all after it while the first is held."""
        asked = self.begin(*calls)
        self._pool.shutdown(wait=True)
        return asked

    def begin(
        self, *calls: Callable[[], Receipt], held: int | None = None
    ) -> list[Future[Receipt]]:
        """The same; returns when the first is held no more. `held`: its item, else all are."""
        with self.clinic.sync.store.write() as conn:  # on SQLite that holds everybody
            conn.execute(
                select(work)
                .where(true() if held is None else work.c.aggregate == held)
                .with_for_update()
            ).all()
            asked = [self._pool.submit(calls[0])]
            soon(lambda: self.intake.together.is_led)
            for count, call in enumerate(calls[1:], 1):
                asked.append(self._pool.submit(call))
                soon(lambda count=count: self.intake.together.waiting == count)
        return asked


@pytest.fixture
def callers(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> Callers:
    own_questions_asked(clinic.sync, monkeypatch)
    return Callers(clinic)


def booked(clinic: Clinic, count: int) -> list[tuple[str, str]]:
    return [clinic.linked(scheduled_time=wall(days=4 + n)) for n in range(count)]


def wanted(clinic: Clinic, appointment: str) -> int:
    """How many looks at a visit were asked for since its last run."""
    query = (
        select(work.c.wanted - work.c.done)
        .join(object_, object_.c.aggregate == work.c.aggregate)
        .where(object_.c.system == "drchrono", object_.c.remote_id == appointment)
    )
    with clinic.sync.store.read() as conn:
        return int(conn.execute(query).scalar_one())


def unexplained(clinic: Clinic) -> int:
    query = select(func.count()).where(delivery.c.explained_at.is_(None))
    with clinic.sync.store.read() as conn:
        return int(conn.execute(query).scalar_one())


@on_both
def test_visits_that_are_moved_at_once_share_a_transaction(
    clinic: Clinic, callers: Callers
) -> None:
    visits = booked(clinic, 6)
    moves = [callers.moved(appointment, 15) for appointment, _ in visits]
    with counted(clinic.sync.store) as asked:
        told_of = callers.at_once(*moves)
    assert [one.result().outcome for one in told_of] == ["raised"] * 6
    # The test's own, the first call's, and one for the five others.
    asked.within(1 + 6 + 8, 3)
    assert [wanted(clinic, appointment) for appointment, _ in visits] == [1] * 6
    assert unexplained(clinic) == 6
    assert len(callers.rung) == len({ring.aggregate for ring in callers.rung}) == 6
    clinic.settle()
    assert unexplained(clinic) == 0


@on_both
def test_one_visit_told_of_often_at_once_is_raised_for_each(
    clinic: Clinic, callers: Callers
) -> None:
    ((appointment, visit),) = booked(clinic, 1)
    told_of = callers.at_once(
        callers.moved(appointment, 15),
        callers.moved(appointment, 16),
        callers.hint(visit),
        callers.moved(appointment, 17),
    )
    assert [one.result().outcome for one in told_of] == ["raised"] * 4
    assert (wanted(clinic, appointment), unexplained(clinic)) == (4, 4)


@on_both
def test_one_visit_shown_as_it_is_often_at_once_is_one_row(
    clinic: Clinic, callers: Callers
) -> None:
    ((moved, _), (same, _)) = booked(clinic, 2)
    deliveries = _count(clinic)
    shown = [callers.shown(same) for _ in range(5)]
    told_of = callers.at_once(callers.moved(moved, 15), *shown)
    assert [one.result().outcome for one in told_of] == ["raised"] + ["unchanged"] * 5
    assert _count(clinic) <= deliveries + 2


def _count(clinic: Clinic) -> int:
    with clinic.sync.store.read() as conn:
        return int(conn.execute(select(func.count()).select_from(delivery)).scalar_one())


@on_both
def test_ids_that_nobody_read_get_their_turn_a_few_at_once(
    clinic: Clinic, callers: Callers
) -> None:
    ((appointment, _),) = booked(clinic, 1)
    told_of = callers.at_once(
        callers.moved(appointment, 15), *(callers.unheard(90_000 + n) for n in range(10))
    )
    assert [one.result().outcome for one in told_of] == ["raised"] * 11
    with clinic.sync.store.read() as conn:
        said = select(told.c.what, func.count()).group_by(told.c.what)
        said = said.where(told.c.remote_id.in_([str(90_000 + n) for n in range(10)]))
        counts = {row[0]: row[1] for row in conn.execute(said)}
    assert counts == {"taken": bounds.AT_ONCE, "asks": 10 - bounds.AT_ONCE}
    assert len(callers.rung) == 1 + bounds.AT_ONCE


@on_both
def test_more_ids_than_may_wait_are_left_to_the_next_list(
    clinic: Clinic, callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "MOST", 3)
    ((appointment, _),) = booked(clinic, 1)
    callers.at_once(
        callers.moved(appointment, 15), *(callers.unheard(90_000 + n) for n in range(12))
    )
    with clinic.sync.store.read() as conn:
        asks = select(func.count()).where(told.c.what == "asks", told.c.number >= 90_000)
        assert conn.execute(asks).scalar_one() == 3


@on_both
def test_one_on_which_our_reading_breaks_takes_nobody_with_it(
    clinic: Clinic, callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits = booked(clinic, 4)
    broken = visits[2][0]
    compare = hints.compare

    def breaking(conn: object, sync: object, seen: sightings.Sighting, known: object) -> Receipt:
        if seen.remote_id == broken:
            raise ValueError("planted")
        return compare(conn, sync, seen, known)  # type: ignore[arg-type]

    monkeypatch.setattr(hints, "compare", breaking)
    told_of = callers.at_once(*(callers.moved(appointment, 15) for appointment, _ in visits))
    assert isinstance(told_of[2].exception(), ValueError)
    assert [one.result().outcome for one in told_of if one is not told_of[2]] == ["raised"] * 3
    assert [wanted(clinic, appointment) for appointment, _ in visits] == [1, 1, 0, 1]
    assert unexplained(clinic) == 3


@on_both
def test_a_database_that_fails_fails_all_of_them_once(
    clinic: Clinic, callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits = booked(clinic, 4)
    tries: list[int] = []
    take_in = webhooks._take_in

    def failing(conn: object, sync: object, events: Sequence[object]) -> object:
        tries.append(len(events))
        if len(events) > 1:
            raise OperationalError("x", None, Exception())
        return take_in(conn, sync, events)  # type: ignore[arg-type]

    monkeypatch.setattr(webhooks, "_take_in", failing)
    told_of = callers.at_once(*(callers.moved(appointment, 15) for appointment, _ in visits))
    assert tries == [1, 3]
    assert [type(one.exception()) for one in told_of[1:]] == [OperationalError] * 3
    assert [wanted(clinic, appointment) for appointment, _ in visits] == [1, 0, 0, 0]


@pytest.mark.parametrize("clinic", ["postgresql"], indirect=True)
def test_what_another_process_holds_holds_up_nobody_else(clinic: Clinic, callers: Callers) -> None:
    """It may stand still in its transaction for as long as it likes."""
    visits = booked(clinic, 4)
    with clinic.sync.store.write() as conn:
        items.locked(conn, _aggregate(clinic, visits[2][0]))
        told_of = callers.begin(
            *(callers.moved(appointment, 15) for appointment, _ in visits),
            held=_aggregate(clinic, visits[0][0]),
        )
        others = [told_of[n].result(timeout=10).outcome for n in (0, 1, 3)]
        assert others == ["raised"] * 3
        assert not told_of[2].done()
    assert told_of[2].result(timeout=10).outcome == "raised"
    assert [wanted(clinic, appointment) for appointment, _ in visits] == [1] * 4


@pytest.mark.parametrize("clinic", ["postgresql"], indirect=True)
def test_a_visit_that_another_process_holds_is_woken_all_the_same(
    clinic: Clinic, callers: Callers
) -> None:
    (moved, _), (other, _), (waiting, _) = booked(clinic, 3)
    waits = _aggregate(clinic, waiting)
    with clinic.sync.store.write() as conn:
        row = {"object": 0, "kind": blockers.VISIT, "ref": other, "since": clinic.sync.clock()}
        conn.execute(insert(blocker).values(aggregate=waits, **row))
    with clinic.sync.store.write() as conn:
        items.locked(conn, waits)
        told_of = callers.begin(
            callers.moved(moved, 15),
            callers.moved(other, 15),
            callers.hint("1"),
            held=_aggregate(clinic, moved),
        )
        assert told_of[2].result(timeout=10).outcome == "raised"
        assert not told_of[1].done()
    assert told_of[1].result(timeout=10).outcome == "raised"
    assert wanted(clinic, waiting) == 1


@pytest.mark.parametrize("clinic", ["postgresql"], indirect=True)
def test_a_deadlock_loses_none_of_them(clinic: Clinic, callers: Callers) -> None:
    ((moved, _),) = booked(clinic, 1)
    with clinic.sync.store.write() as conn:
        # The other way round than everybody: the group has the one and waits for the other.
        _say(conn, clinic, "90002")
        told_of = callers.begin(
            callers.moved(moved, 15),
            *(callers.unheard(n) for n in (90_001, 90_002)),
            held=_aggregate(clinic, moved),
        )
        soon(lambda: _waits_for_a_lock(clinic))
        _say(conn, clinic, "90001")
    assert [one.result(timeout=10).outcome for one in told_of] == ["raised"] * 3


@pytest.mark.parametrize("count", [1, 3])
@on_both
def test_what_was_merged_or_dropped_meanwhile_is_looked_up_anew(
    clinic: Clinic, callers: Callers, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    ((moved, _), *others) = booked(clinic, count)
    taken_in, gone = hints.taken_in, iter([True, True])

    def raced(hint: hints.Hint, *rest: Any) -> Receipt:
        if hint.seen.remote_id == moved and next(gone, False):
            raise NoResultFound
        return taken_in(hint, *rest)

    monkeypatch.setattr(hints, "taken_in", raced)
    calls = [callers.moved(one, 15) for one, _ in ((moved, ""), *others)]
    told_of = callers.at_once(callers.shown(others[0][0]), *calls) if others else [calls[0]]
    outcomes = [one.result() if isinstance(one, Future) else one() for one in told_of]
    assert [one.outcome for one in outcomes][-count:] == ["raised"] * count
    assert wanted(clinic, moved) == 1


def _say(conn: Connection, clinic: Clinic, remote_id: str) -> None:
    now = clinic.sync.clock()
    said = ("drchrono", "appointment", remote_id, "drchrono:0", "APPOINTMENT_MODIFY", "d", None)
    table.say(conn, Told(*said, now, now), "asks", now)


def _aggregate(clinic: Clinic, appointment: str) -> int:
    with clinic.sync.store.read() as conn:
        found = links.find(conn, "drchrono", "appointment", appointment)
    assert found is not None
    return found.aggregate


def _waits_for_a_lock(clinic: Clinic) -> bool:
    waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    with clinic.sync.store.read() as conn:
        return bool(conn.execute(waits).scalar_one())
