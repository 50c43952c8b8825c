"""Bring visits to where they lack, by their own runs, once each; what may be there is asked."""

from typing import Any

import pytest

from sync.batches import showing, steering
from sync.batches.record import raised
from sync.core.batch.model import Kind, Outcome, State
from sync.operations import pausing
from sync.store.schema import attention, blocker, object_, visit, work
from sync.tasks import driving
from tests.support.batches.backfills import (
    APPOINTMENTS,
    done,
    fates,
    outcomes,
    planned,
    slice_of,
    state,
)
from tests.support.clinic import DOCTOR, Clinic, utc, wall
from tests.support.group_clinic import GROUP, make_groups
from tests.support.templates import on_both


def unheard(clinic: Clinic, **changes: Any) -> str:
    """An appointment in DrChrono that nobody has told us of; its id."""
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop"})
    made = clinic.book(**changes)
    clinic.sandbox.wait_idle()
    clinic.sandbox.faults("drchrono", webhooks={"mode": "deliver"})
    return made


def several(clinic: Clinic, count: int) -> list[str]:
    return [
        unheard(clinic, scheduled_time=wall(days=3 + number // 6, hour=14 + number % 6))
        for number in range(count)
    ]


@pytest.fixture(params=["bulk lists", "pages"])
def lists(request: pytest.FixtureRequest, clinic: Clinic) -> None:
    """The account has bulk lists, or pages of two."""
    if request.param == "pages":
        clinic.sandbox.behaviours("drchrono", bulk_lists=False, page_size=2)


@on_both
@pytest.mark.usefixtures("lists")
def test_every_visit_to_come_that_lacks_is_made_once(clinic: Clinic) -> None:
    linked, there = clinic.linked(scheduled_time=wall(days=2))
    missing = several(clinic, 3)
    unheard(clinic, scheduled_time=wall(days=-2))  # over
    unheard(clinic, scheduled_time=wall(days=170), exam_room=2)
    cancelled = unheard(clinic, scheduled_time=wall(days=5))
    clinic.edit(cancelled, status="Cancelled")
    clinic.sandbox.wait_idle()
    number = planned(clinic, APPOINTMENTS)
    found = fates(clinic, number)
    assert {found[one] for one in missing} == {"create"}
    assert found[linked] == "already_there"
    assert cancelled not in found
    assert len(found) == 5
    foreseen = showing.foreseen(clinic.sync, number)
    assert (foreseen.mails_to_patients, foreseen.mails_to_providers) == (4, 4)
    assert clinic.mails() == []
    done(clinic, number)
    assert {outcomes(clinic, number)[one] for one in missing} == {"created"}
    assert len(clinic.visits()) == 5
    assert clinic.mails() == [("invitation", "app")] * 4
    items = {one.source_id: one for one in showing.items(clinic.sync, number)}
    assert items[linked].remote_id == there
    assert all(items[one].url for one in missing)
    again = planned(clinic, APPOINTMENTS)
    assert set(fates(clinic, again).values()) == {"already_there"}


@on_both
def test_soonest_first_and_a_few_at_a_time(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paused, what was raised is made, and nothing more."""
    monkeypatch.setattr(raised, "MOST_RAISED", 2)
    late = unheard(clinic, scheduled_time=wall(days=9))
    soon = several(clinic, 3)
    number = planned(clinic, APPOINTMENTS)
    assert list(fates(clinic, number)) == [*soon, late]
    steering.start(clinic.sync, number)
    slice_of(clinic, number)
    steering.pause(clinic.sync, number)
    clinic.settle()
    assert state(clinic, number) is State.PAUSED
    starts = sorted(one["datetime"] for one in clinic.visits())
    assert starts == [f"{utc(days=3, hour=hour):%Y-%m-%dT%H:%M:%SZ}" for hour in (14, 15)]
    steering.resume(clinic.sync, number)
    clinic.settle()
    assert set(outcomes(clinic, number).values()) == {"created"}
    assert len(clinic.visits()) == 4


def test_driven_by_one_process_without_workers(clinic: Clinic) -> None:
    several(clinic, 3)
    number, _rings = steering.open_backfill(clinic.sync, APPOINTMENTS)
    driving.drive(clinic.sync, number, frozenset({State.PLANNED}))
    steering.start(clinic.sync, number)
    shown = driving.drive(clinic.sync, number, frozenset({State.DONE}))
    assert shown.outcomes == {Outcome.CREATED: 3}
    assert len(clinic.visits()) == 3


def test_what_oncall_has_is_the_same_or_a_question(clinic: Clinic) -> None:
    """Compared as the matching compares: by start, provider and e-mail; a namesake is asked."""
    clinic.sandbox.faults("oncall", webhooks={"mode": "drop"})
    same = unheard(clinic, scheduled_time=wall(days=4))
    there = clinic.invite()
    asked = unheard(clinic, scheduled_time=wall(days=5))
    typo = {"first_name": "Vera", "last_name": "Lindqvist", "email": "vera@mial.example"}
    other = clinic.invite(datetime=f"{utc(days=5):%Y-%m-%dT%H:%M:%SZ}", participants=[typo])
    clinic.sandbox.faults("oncall", webhooks={"mode": "deliver"})
    _known_to_stand(clinic, there, other)
    number = planned(clinic, APPOINTMENTS)
    found = {one.source_id: one for one in showing.items(clinic.sync, number)}
    assert (str(found[same].fate), found[same].remote_id) == ("already_there", there)
    assert (str(found[asked].fate), found[asked].cause) == ("question", "visit_unsure")
    assert found[asked].candidates == (other,)
    done(clinic, number)
    assert len(clinic.visits()) == 2
    assert clinic.mails() == [("invitation", "staff")] * 2


def _known_to_stand(clinic: Clinic, *visits: str) -> None:
    """OnCall's list has shown them, and their own runs are still to come."""
    from sync.intake import oncall_lists

    oncall_lists.read_newest(clinic.sync)
    with clinic.sync.store.write() as conn:
        conn.execute(work.update().values(done=work.c.wanted))
        rows = conn.execute(object_.select().where(object_.c.remote_id.in_(visits))).all()
        for row in rows:
            starts = utc(days=4 if row.remote_id == visits[0] else 5)
            conn.execute(
                visit.update()
                .where(visit.c.aggregate == row.aggregate)
                .values(starts_at=starts, doctor="201")
            )
    assert len(rows) == len(visits)


def test_what_keeps_a_visit_from_being_made_is_its_problem(clinic: Clinic) -> None:
    nobody = clinic.new_patient(email="", last_name="Nomail")
    silent = unheard(clinic, patient=nobody, scheduled_time=wall(days=3))
    waiting = clinic.book(patient=nobody, scheduled_time=wall(days=4))
    clinic.settle()
    clinic.catch_up()
    later = unheard(clinic, patient=nobody, scheduled_time=wall(days=5))
    number = planned(clinic, APPOINTMENTS)
    wanted = dict.fromkeys([silent, waiting, later], "patient_without_email")
    assert fates(clinic, number) == wanted
    done(clinic, number)
    assert clinic.visits() == []
    with clinic.sync.store.read() as conn:
        assert conn.execute(attention.select()).first() is not None
        assert conn.execute(blocker.select()).first() is not None


def test_since_and_doctor_choose(clinic: Clinic) -> None:
    over = unheard(clinic, scheduled_time=wall(days=-2))
    mine = unheard(clinic, scheduled_time=wall(days=3))
    theirs = unheard(clinic, doctor=202, scheduled_time=wall(days=3), office=301, exam_room=2)
    assert mine in fates(clinic, planned(clinic, APPOINTMENTS, doctor="201"))
    assert theirs not in fates(clinic, planned(clinic, APPOINTMENTS, doctor="201"))
    changed = fates(clinic, planned(clinic, APPOINTMENTS, since="2020-01-01"))
    assert mine in changed
    assert over not in changed
    assert fates(clinic, planned(clinic, APPOINTMENTS, since=f"{utc(days=9):%Y-%m-%d}")) == {}


@on_both
def test_a_lost_answer_makes_no_second_visit(clinic: Clinic) -> None:
    several(clinic, 2)
    number = planned(clinic, APPOINTMENTS)
    lost = {"match": {"method": "POST", "path": "/appointments/$"}, "do": "drop_after", "times": 1}
    clinic.sandbox.faults("oncall", lost)
    done(clinic, number)
    assert len(clinic.visits()) == 2
    assert set(outcomes(clinic, number).values()) == {"created"}


def test_oncall_visits_become_appointments(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    clinic.sandbox.faults("oncall", webhooks={"mode": "drop"})
    known = clinic.invite()
    who = {"first_name": "Ines", "last_name": "Okoro", "email": "noemail@clinic.example"}
    asked = clinic.invite(datetime=f"{utc(days=6):%Y-%m-%dT%H:%M:%SZ}", participants=[who])
    clinic.invite(datetime=f"{utc(days=-1):%Y-%m-%dT%H:%M:%SZ}")
    clinic.sandbox.faults("oncall", webhooks={"mode": "deliver"})
    number = planned(clinic, APPOINTMENTS, source="oncall")
    assert set(fates(clinic, number)) == {known, asked}
    done(clinic, number)
    assert outcomes(clinic, number)[known] == "created"
    assert outcomes(clinic, number)[asked] != "created"
    assert len(clinic.appointments()) == 1
    with pytest.raises(LookupError, match="Leave the day out"):
        planned(clinic, Kind.BACKFILL_APPOINTMENTS, source="oncall", since="2026-01-01")


def test_what_an_operator_pauses_waits_and_is_made_then(clinic: Clinic) -> None:
    (mine,) = several(clinic, 1)
    number = planned(clinic, APPOINTMENTS)
    pausing.pause(clinic.sync, f"doctor:{DOCTOR}")
    steering.start(clinic.sync, number)
    clinic.settle(hours=0.1)
    assert clinic.visits() == []
    assert state(clinic, number) is State.RUNNING
    pausing.resume(clinic.sync, f"doctor:{DOCTOR}")
    clinic.settle()
    assert outcomes(clinic, number) == {mine: "created"}


def test_members_of_a_group_come_into_one_visit(clinic: Clinic) -> None:
    make_groups(clinic)
    first = clinic.patient
    second = clinic.new_patient(first_name="Ines", last_name="Okoro", email="ines@mail.example")
    members = [
        unheard(clinic, patient=one, profile=GROUP, allow_overlapping=True)
        for one in (first, second)
    ]
    number = planned(clinic, APPOINTMENTS)
    assert fates(clinic, number) == dict.fromkeys(members, "create")
    done(clinic, number)
    assert outcomes(clinic, number) == dict.fromkeys(members, "created")
    (visit_,) = clinic.visits()
    assert len(visit_["participants"]) == 2
