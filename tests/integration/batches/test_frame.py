"""Plan a batch, start it, hold it, end it: whoever is killed or in the way, each item once."""

from datetime import timedelta

import pytest

from sync.batches import showing, steering
from sync.batches.kinds import every
from sync.batches.step import Done
from sync.config import Mode
from sync.core.batch.model import Fate, Kind, Outcome, State
from sync.core.errors import AuthFailed, Deferred, Refused, Transient, Unresolved
from sync.operations import audit, pausing
from sync.operations.audit import Filter
from sync.outbound.budget import Limit
from sync.run.outcomes import LaterError, ParkedError
from sync.store.batches import rows
from sync.store.lanes import Lane
from sync.store.tables import claims, work
from sync.tasks import driving, worker
from tests.support.batches.trivial import CREATED, Trivial
from tests.support.clinic import Clinic
from tests.support.templates import on_both

OF = Kind.BACKFILL_PATIENTS


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch) -> Trivial:
    made = Trivial()
    monkeypatch.setattr(every, "of", lambda _kind: made)
    return made


def planned(clinic: Clinic) -> int:
    number, _rings = steering.open_backfill(clinic.sync, OF)
    clinic.pump()
    assert state(clinic, number) is State.PLANNED
    return number


def started(clinic: Clinic) -> int:
    number = planned(clinic)
    steering.start(clinic.sync, number)
    return number


def state(clinic: Clinic, number: int) -> State:
    return showing.show(clinic.sync, number).state


def outcomes(clinic: Clinic, number: int) -> dict[Outcome, int]:
    return dict(showing.show(clinic.sync, number).outcomes)


@on_both
def test_it_is_planned_started_and_done(clinic: Clinic, kind: Trivial) -> None:
    kind.fates = {2: Fate.ALREADY_THERE, 3: Fate.QUESTION}
    number, rings = steering.open_backfill(clinic.sync, OF)
    assert [ring.lane for ring in rings] == [Lane.BULK]
    clinic.pump()
    shown = showing.show(clinic.sync, number)
    assert (shown.state, shown.total, shown.read) == (State.PLANNED, 3, 3)
    assert shown.fates == {Fate.CREATE: 1, Fate.ALREADY_THERE: 1, Fate.QUESTION: 1}
    assert kind.done == []
    foreseen = showing.foreseen(clinic.sync, number)
    assert (foreseen.drchrono_calls, foreseen.oncall_calls) == (1, 1)
    steering.start(clinic.sync, number)
    clinic.pump()
    assert state(clinic, number) is State.DONE
    assert kind.done == [1]
    wanted = {Outcome.CREATED: 1, Outcome.ALREADY_THERE: 1, Outcome.QUESTION: 1}
    assert outcomes(clinic, number) == wanted
    actions = [row.action for row in audit.newest(clinic.sync, Filter(), 5)]
    assert actions[:2] == ["start_batch", "open_backfill"]


@on_both
def test_what_is_left_out_can_be_taken_back_in(clinic: Clinic, kind: Trivial) -> None:
    kind.fates = {2: Fate.UPDATE, 3: Fate.PROBLEM}
    number = planned(clinic)
    assert steering.leave_out(clinic.sync, number, [1, 2, 3]) == 2  # nothing is sent for 3 anyway
    assert steering.leave_out(clinic.sync, number, [2], out=False) == 1
    assert [one.fate for one in showing.items(clinic.sync, number)] == [
        Fate.LEFT_OUT,
        Fate.UPDATE,
        Fate.PROBLEM,
    ]
    steering.start(clinic.sync, number)
    clinic.pump()
    assert kind.done == [2]
    with pytest.raises(LookupError, match="before it is started"):
        steering.leave_out(clinic.sync, number, [1])


@on_both
def test_paused_it_begins_nothing_and_resumed_goes_on(clinic: Clinic, kind: Trivial) -> None:
    number = started(clinic)
    kind.doing = lambda _step, _item: (steering.pause(clinic.sync, number), CREATED)[1]
    clinic.pump()
    assert (state(clinic, number), kind.done) == (State.PAUSED, [1])
    assert outcomes(clinic, number) == {Outcome.CREATED: 1}
    kind.doing = lambda _step, _item: CREATED
    steering.resume(clinic.sync, number)
    clinic.pump()
    assert (state(clinic, number), kind.done) == (State.DONE, [1, 2, 3])


@on_both
def test_cancelled_it_looks_for_what_was_sent_and_leaves_the_rest_out(
    clinic: Clinic, kind: Trivial
) -> None:
    number = started(clinic)

    def lost(_step: object, _item: object) -> Done:
        raise Unresolved("lost")

    kind.doing = lost
    worker_runs_one(clinic, kind, number)
    steering.cancel(clinic.sync, number)
    assert state(clinic, number) is State.ENDING
    seen = []
    kind.doing = lambda step, _item: (seen.append(step.ending), CREATED)[1]
    clinic.pump()
    assert (state(clinic, number), seen) == (State.CANCELLED, [True])
    assert outcomes(clinic, number) == {Outcome.CREATED: 1, Outcome.LEFT_OUT: 2}


def worker_runs_one(clinic: Clinic, kind: Trivial, number: int) -> None:
    """Have a slice end after its first item, as if live work were due."""
    doing = kind.doing

    def one(step: object, item: object) -> Done:
        step._ends = 0  # type: ignore[attr-defined]
        return doing(step, item)  # type: ignore[arg-type]

    kind.doing = one
    with clinic.sync.store.read() as conn:
        row = rows.get(conn, number)
    assert row is not None
    worker.run(clinic.sync, row.aggregate)
    kind.doing = doing


@on_both
def test_who_was_fenced_off_stores_nothing(clinic: Clinic, kind: Trivial) -> None:
    number = started(clinic)
    with clinic.sync.store.read() as conn:
        row = rows.get(conn, number)
    assert row is not None

    def overtaken(_step: object, _item: object) -> Done:
        clinic.advance(clinic.settings.lease_seconds + 1)
        with clinic.sync.store.write() as conn:
            taken = claims.claim(conn, row.aggregate, owner="other", now=clinic.now(), seconds=1)
        assert taken is not None
        return CREATED

    kind.doing = overtaken
    assert worker.run(clinic.sync, row.aggregate) == ()
    assert outcomes(clinic, number) == {}
    kind.doing = lambda _step, _item: CREATED
    clinic.advance(2)
    clinic.pump()
    assert (state(clinic, number), kind.done) == (State.DONE, [1, 1, 2, 3])


def test_live_work_comes_between_any_two_items(clinic: Clinic, kind: Trivial) -> None:
    number = started(clinic)

    def meanwhile(_step: object, _item: object) -> Done:
        clinic.book(patient=clinic.patient)
        clinic.sandbox.wait_idle()
        return CREATED

    kind.doing = meanwhile
    with clinic.sync.store.read() as conn:
        row = rows.get(conn, number)
    assert row is not None
    rings = worker.run(clinic.sync, row.aggregate)
    assert kind.done == [1]
    assert [ring.aggregate for ring in rings] == [row.aggregate]  # it goes on after that
    with clinic.sync.store.read() as conn:
        assert work.better_waits(conn, Lane.BULK, clinic.now())


def test_a_worker_that_ends_gives_it_back(clinic: Clinic, kind: Trivial) -> None:
    number = started(clinic)
    kind.doing = lambda _step, _item: (clinic.sync.gate.close(), CREATED)[1]
    worker_runs_one(clinic, kind, number)
    assert kind.done == [1]
    clinic.sync.gate.closed = False
    kind.doing = lambda _step, _item: CREATED
    clinic.pump()
    assert (state(clinic, number), kind.done) == (State.DONE, [1, 2, 3])


@pytest.mark.parametrize("what", ["everything", "bulk"])
def test_a_pause_of_bulk_work_holds_it(clinic: Clinic, kind: Trivial, what: str) -> None:
    number = started(clinic)
    kind.doing = lambda _step, _item: (pausing.pause(clinic.sync, what), CREATED)[1]
    clinic.pump()
    assert (state(clinic, number), kind.done) == (State.RUNNING, [1])
    pausing.resume(clinic.sync, what)
    kind.doing = lambda _step, _item: CREATED
    clinic.pump()
    assert (state(clinic, number), kind.done) == (State.DONE, [1, 2, 3])


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (lambda now: Deferred("budget", now + timedelta(minutes=5)), "budget"),
        (lambda _now: AuthFailed("unauthorized"), "auth"),
        (lambda _now: ParkedError("mode", "live"), "shadow"),
        (lambda _now: ParkedError("operator", "go-live"), "not_accepted"),
    ],
)
def test_what_holds_everything_is_waited_for_and_told(
    clinic: Clinic, kind: Trivial, failure: object, cause: str
) -> None:
    number = started(clinic)

    def held(_step: object, _item: object) -> Done:
        raise failure(clinic.now())  # type: ignore[operator]

    kind.doing = held
    clinic.pump()
    shown = showing.show(clinic.sync, number)
    assert (shown.state, shown.cause, shown.outcomes) == (State.RUNNING, cause, {})
    assert shown.waits_until is not None
    assert kind.done == [1]
    kind.doing = lambda _step, _item: CREATED
    clinic.settle()
    shown = showing.show(clinic.sync, number)
    assert (shown.state, shown.cause, shown.waits_until) == (State.DONE, None, None)


def test_an_outage_concludes_nothing(clinic: Clinic, kind: Trivial) -> None:
    number = started(clinic)

    def away(_step: object, _item: object) -> Done:
        raise Transient("server_error")

    kind.doing = away
    for _ in range(10):
        clinic.pump()
        clinic.advance(900)
    shown = showing.show(clinic.sync, number)
    assert (shown.state, shown.cause, shown.outcomes) == (State.RUNNING, "outage", {})
    kind.doing = lambda _step, _item: CREATED
    clinic.settle()
    assert outcomes(clinic, number) == {Outcome.CREATED: 3}


@pytest.mark.parametrize(
    ("failure", "outcome", "cause"),
    [
        (Refused("refused"), Outcome.PROBLEM, "refused"),
        (ZeroDivisionError(), Outcome.PROBLEM, "keeps_failing"),
        (Transient("server_error"), Outcome.PROBLEM, "keeps_failing"),
        (ParkedError("operator", "x", "contact_unsure"), Outcome.QUESTION, "contact_unsure"),
    ],
)
def test_one_item_stops_no_batch(
    clinic: Clinic, kind: Trivial, failure: Exception, outcome: Outcome, cause: str
) -> None:
    kind.count = 30
    number = started(clinic)

    def odd(_step: object, item: object) -> Done:
        if item.number == 7:  # type: ignore[attr-defined]
            raise failure
        return CREATED

    kind.doing = odd
    clinic.settle(hours=20)
    assert state(clinic, number) is State.DONE
    assert outcomes(clinic, number) == {Outcome.CREATED: 29, outcome: 1}
    (told,) = showing.items(clinic.sync, number, outcome=outcome)
    assert (told.number, told.cause) == (7, cause)


def test_what_waits_is_done_later_beside_the_others(clinic: Clinic, kind: Trivial) -> None:
    number = started(clinic)
    waits = [clinic.now() + timedelta(minutes=3)]

    def later(_step: object, item: object) -> Done:
        if item.number == 1 and waits:  # type: ignore[attr-defined]
            raise LaterError(waits.pop())
        return CREATED

    kind.doing = later
    clinic.settle()
    assert (state(clinic, number), kind.done) == (State.DONE, [1, 2, 3, 1])


def test_nothing_is_started_in_shadow_mode(clinic: Clinic, kind: Trivial) -> None:
    number = planned(clinic)
    clinic.settings.sync_mode = Mode.SHADOW
    with pytest.raises(LookupError, match="SYNC_MODE"):
        steering.start(clinic.sync, number)
    assert state(clinic, number) is State.PLANNED
    assert kind.done == []


@on_both
def test_a_plan_goes_on_where_it_was_cut(clinic: Clinic, kind: Trivial) -> None:
    kind.count, tries = 7, []

    def cut(_step: object) -> None:
        tries.append(1)
        if len(tries) == 2:
            raise Transient("server_error")

    kind.planning = cut
    number, _rings = steering.open_backfill(clinic.sync, OF)
    clinic.settle()
    assert [one.number for one in showing.items(clinic.sync, number)] == [1, 2, 3, 4, 5, 6, 7]
    assert len(tries) == 5


def test_a_defect_that_stays_ends_the_plan(clinic: Clinic, kind: Trivial) -> None:
    def broken(_step: object) -> None:
        raise ZeroDivisionError

    kind.planning = broken
    number, _rings = steering.open_backfill(clinic.sync, OF)
    clinic.settle()
    shown = showing.show(clinic.sync, number)
    assert (shown.state, shown.cause) == (State.FAILED, "defect")


def test_a_command_works_it_off_without_workers(clinic: Clinic, kind: Trivial) -> None:
    number = started(clinic)
    raised: list[int] = []
    with clinic.sync.store.write() as conn:
        row = rows.get(conn, number)
        assert row is not None

    def by_a_visit(step: object, item: object) -> Done:
        if item.number == 1 and not raised:  # type: ignore[attr-defined]
            clinic.book(patient=clinic.patient)
            clinic.sandbox.wait_idle()
            raised.extend(clinic.due())
            step.raised.extend(raised)  # type: ignore[attr-defined]
            raise LaterError(clinic.now() + timedelta(seconds=1))
        return CREATED

    kind.doing = by_a_visit
    seen = []
    shown = driving.drive(
        clinic.sync, number, frozenset({State.DONE}), told=lambda one: seen.append(one.state)
    )
    assert shown.outcomes == {Outcome.CREATED: 3}
    assert seen[-1] is State.DONE
    with clinic.sync.store.read() as conn:
        assert not work.due_among(conn, raised, clinic.now())


@pytest.mark.usefixtures("kind")
def test_a_command_waits_for_nothing_that_nobody_works_on(clinic: Clinic) -> None:
    number = planned(clinic)
    clinic.settings.sync_mode = Mode.PAUSED
    with pytest.raises(LookupError, match="SYNC_MODE"):
        driving.drive(clinic.sync, number, frozenset({State.DONE}))


@pytest.mark.usefixtures("kind")
def test_what_was_lost_by_every_ring_is_raised_again(clinic: Clinic) -> None:
    number = started(clinic)
    with clinic.sync.store.write() as conn:
        row = rows.get(conn, number)
        assert row is not None
        lease = claims.claim(conn, row.aggregate, owner="x", now=clinic.now(), seconds=9)
        assert lease is not None
        claims.complete(conn, lease, ended=None)
    assert clinic.pump() == 0
    clinic.beat("imports")
    clinic.pump()
    assert state(clinic, number) is State.DONE


@pytest.mark.usefixtures("kind")
def test_old_batches_are_forgotten(clinic: Clinic) -> None:
    number = started(clinic)
    clinic.pump()
    clinic.advance((clinic.settings.keep_days + 1) * 86_400)
    clinic.beat("imports")
    with pytest.raises(LookupError):
        showing.show(clinic.sync, number)


def test_what_it_takes_is_said_of_the_budget_that_is_left(clinic: Clinic, kind: Trivial) -> None:
    kind.count = 30
    number = planned(clinic)
    foreseen = showing.foreseen(clinic.sync, number)
    assert (foreseen.drchrono_calls, foreseen.minutes) == (30, 1)
    clinic.sync.limits["drchrono"] = Limit(20, 10_000, 0.1)  # 15 of it are for bulk work
    later = showing.foreseen(clinic.sync, number)
    assert later.minutes is not None
    assert 60 <= later.minutes <= 120
    steering.leave_out_all(clinic.sync, number, Fate.CREATE)
    assert showing.foreseen(clinic.sync, number).minutes == 0


def test_how_fast_it_goes_is_said_by_the_last_minutes(clinic: Clinic, kind: Trivial) -> None:
    kind.count = 60
    number = started(clinic)

    left: list[int | None] = []

    def slowly(_step: object, item: object) -> Done:
        clinic.advance(1)
        if item.number == 45:  # type: ignore[attr-defined]
            left.append(showing.progress(clinic.sync, number).seconds_left)
            steering.pause(clinic.sync, number)
        return CREATED

    kind.doing = slowly
    clinic.pump()
    told = showing.progress(clinic.sync, number)
    assert (told.total, told.done, told.seconds_left) == (60, 45, None)
    assert told.per_minute is not None
    assert 30 < told.per_minute < 75
    assert left[0] is not None
    assert 10 < left[0] < 40
    clinic.advance(300)
    steering.resume(clinic.sync, number)
    # While it was held it was not slow.
    assert showing.progress(clinic.sync, number).per_minute is None
    clinic.pump()
    assert showing.progress(clinic.sync, number).done == 60
