"""Invariant 10: a leaked webhook secret may cost calls, never correctness (ADR 0017)."""

from typing import Any

import pytest
from sqlalchemy import func, select

from sync.operations import attention
from sync.store.schema import object_, person_key, told, visit
from tests.integration.visits.test_syncs_recurring import followed
from tests.support import forged
from tests.support.agreement import agree
from tests.support.clinic import Clinic, utc, wall
from tests.support.flows import prove_the_list
from tests.support.templates import on_both

GET_HERE = "GET /api/appointments/ID"
GET_PATIENT = "GET /api/patients/ID"
SINGLE = {"method": "GET", "path": r"^/api/appointments/\d+$"}
STRANGER = {"first_name": "Sam", "last_name": "Stranger", "email": "sam@mail.example"}


def rows(clinic: Clinic, table: Any, *where: Any) -> int:
    with clinic.sync.store.read() as conn:
        return conn.execute(select(func.count()).select_from(table).where(*where)).scalar_one()


@pytest.mark.parametrize(
    "remote_id",
    ["9" * 19, "9" * 30, "0", "007", "-5", "1e5", "٣٣", "x", "2027-01-19_", f"2027-01-19_{9**30}"],
)
def test_an_id_that_no_remote_gives_out_is_refused(clinic: Clinic, remote_id: str) -> None:
    for event in ("APPOINTMENT_MODIFY", "APPOINTMENT_DELETE", "PATIENT_MODIFY"):
        assert forged.drchrono(clinic, event, {"id": remote_id}) == 422
    assert forged.oncall(clinic, remote_id) == 422
    assert rows(clinic, told, told.c.kind == "appointment") == 0


@on_both
@pytest.mark.parametrize("number", [99_999_999, 9_999_999_999, 999_999_999_999_999_999])
def test_an_invented_high_id_makes_no_visit_twice(clinic: Clinic, number: int) -> None:
    prove_the_list(clinic)
    forged.oncall(clinic, number)
    forged.drchrono(clinic, "APPOINTMENT_MODIFY", forged.appointment(number))
    lost = {"match": {"method": "POST", "path": "^/appointments/$"}, "do": "drop_after"}
    clinic.sandbox.faults("oncall", lost, webhooks={"mode": "drop", "times": 1})
    clinic.book(patient=clinic.patient)
    clinic.settle()
    agree(clinic)
    assert len(clinic.visits()) == 2
    assert clinic.mails() == [("invitation", "app")]


@on_both
def test_a_deletion_of_an_id_not_yet_given_out_silences_nothing(clinic: Clinic) -> None:
    first, _ = clinic.linked()
    for number in range(int(first) + 1, int(first) + 8):
        assert forged.drchrono(clinic, "APPOINTMENT_DELETE", {"id": number}) == 204
        none_of_ours = forged.appointment(number, doctor=1)
        assert forged.drchrono(clinic, "APPOINTMENT_MODIFY", none_of_ours) == 204
    clinic.pump()
    assert clinic.calls("drchrono") == []
    clinic.book(patient=clinic.patient, scheduled_time=wall(days=6))
    clinic.settle()
    agree(clinic)
    assert len(clinic.visits()) == 2
    clinic.advance(3700)
    clinic.beat("prune")
    assert rows(clinic, told) == 0


def test_a_denied_id_costs_two_reads_at_most_and_leaves_no_row(clinic: Clinic) -> None:
    before = rows(clinic, visit)
    forged.drchrono(clinic, "APPOINTMENT_CREATE", forged.appointment(777_777))
    forged.oncall(clinic, 777_777)
    clinic.settle()
    assert clinic.calls("drchrono").count(GET_HERE) <= 2
    assert clinic.calls("oncall").count("GET /appointments/ID/") <= 2
    assert clinic.attention() == []
    clinic.advance(3700)
    clinic.beat("prune")
    assert (rows(clinic, object_, object_.c.told), rows(clinic, visit)) == (0, before)


def test_a_forged_deletion_of_what_is_there_ends_nothing(clinic: Clinic) -> None:
    """Not even when the read by id is answered by a copy that lacks what was just made."""
    appointment, seen = clinic.linked()
    clinic.sandbox.faults("drchrono", {"match": SINGLE, "do": "status", "status": 404, "times": 2})
    forged.drchrono(clinic, "APPOINTMENT_DELETE", {"id": appointment})
    clinic.settle()
    agree(clinic)
    assert not clinic.visit(seen)["cancelled"]
    assert clinic.writes() == []


def test_a_forged_deletion_and_one_false_404_end_nothing(clinic: Clinic) -> None:
    """Of something old too: one copy that is far behind, and whoever knows the secret."""
    appointment, seen = clinic.linked()
    clinic.advance(3600)
    clinic.sandbox.faults("drchrono", {"match": SINGLE, "do": "status", "status": 404})
    forged.drchrono(clinic, "APPOINTMENT_DELETE", {"id": appointment})
    clinic.settle()
    agree(clinic)
    assert not clinic.visit(seen)["cancelled"]
    assert clinic.writes() == []
    assert clinic.mails() == []


def gone_by_mistake(clinic: Clinic) -> str:
    """An appointment that two reads have denied after its deletion was told, and that is there."""
    appointment, seen = clinic.linked()
    clinic.advance(120)
    clinic.sandbox.faults("drchrono", {"match": SINGLE, "do": "status", "status": 404, "times": 2})
    forged.drchrono(clinic, "APPOINTMENT_DELETE", {"id": appointment})
    clinic.settle()
    assert clinic.visit(seen)["cancelled"]
    clinic.forget()
    return appointment


@pytest.mark.parametrize("by", ["webhook", "list", "resync"])
def test_what_is_gone_and_shown_again_is_read_by_id(clinic: Clinic, by: str) -> None:
    appointment = gone_by_mistake(clinic)
    if by == "webhook":
        clinic.edit(appointment, duration=45)
    elif by == "list":
        clinic.sandbox.faults("drchrono", webhooks={"mode": "drop", "times": 1})
        clinic.edit(appointment, duration=45)
        clinic.beat("drchrono_appointments")
    else:
        attention.resync(clinic.sync, "appointment", appointment)
    clinic.settle()
    agree(clinic)
    with clinic.sync.store.read() as conn:
        row = conn.execute(select(object_).where(object_.c.remote_id == appointment)).one()
    assert row.state == "live"
    assert len([one for one in clinic.visits() if not one["cancelled"]]) == 1


def test_hints_about_what_is_gone_are_bounded(clinic: Clinic) -> None:
    appointment, _ = clinic.linked()
    clinic.advance(120)
    clinic.delete(appointment)
    clinic.settle()
    clinic.advance(60)
    clinic.forget()
    for number in range(40):
        body = forged.appointment(appointment, duration=number + 5)
        assert forged.drchrono(clinic, "APPOINTMENT_MODIFY", body) == 204
        clinic.pump()
    assert clinic.calls("drchrono") == [GET_HERE]
    assert clinic.writes() == []


def test_a_forged_address_leads_into_nobody_s_chart(clinic: Clinic) -> None:
    clinic.linked()
    other = clinic.new_patient(first_name="Olga", last_name="Other", email="olga@mail.example")
    clinic.settle()
    for _ in range(2):
        body = {"id": other, **STRANGER, "updated_at": "9999-01-01T00:00:00"}
        forged.drchrono(clinic, "PATIENT_MODIFY", body)
    with clinic.sync.store.read() as conn:
        known = conn.execute(select(func.count(person_key.c.person.distinct()))).scalar_one()
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    clinic.invite(participants=[STRANGER])
    clinic.settle()
    agree(clinic)
    charts = [one for one in clinic.of("drchrono", "patients") if one["email"] == STRANGER["email"]]
    assert len(charts) == 1
    assert str(charts[0]["id"]) != str(other)
    booked = [str(one["patient"]) for one in clinic.appointments()]
    assert str(other) not in booked
    assert known == 1  # who was read


def test_whom_a_webhook_tells_of_costs_one_read(clinic: Clinic) -> None:
    clinic.linked()
    who = {"first_name": "Olga", "last_name": "Other", "email": "olga@mail.example"}
    clinic.new_patient(**who)
    clinic.pump()
    clinic.forget()
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    clinic.invite(participants=[who])
    clinic.pump()
    assert clinic.calls("drchrono")[:2] == [GET_PATIENT, "POST /api/appointments"]
    assert "GET /api/patients" not in clinic.calls("drchrono")


def test_a_revision_of_the_year_9999_shuts_nobody_out(clinic: Clinic) -> None:
    appointment, seen = clinic.linked()
    body = forged.appointment(appointment, duration=55, updated_at="9999-12-31T23:59:59")
    forged.drchrono(clinic, "APPOINTMENT_MODIFY", body)
    clinic.pump()
    assert clinic.calls("drchrono") == [GET_HERE]
    forged.drchrono(clinic, "APPOINTMENT_MODIFY", body)
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=17))
    clinic.pump()
    assert clinic.visit(seen)["datetime"] == f"{utc(days=3, hour=17):%Y-%m-%dT%H:%M:%SZ}"
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop", "times": 1})
    forged.drchrono(clinic, "APPOINTMENT_MODIFY", body)
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=18))
    clinic.catch_up()
    agree(clinic)
    assert clinic.visit(seen)["datetime"] == f"{utc(days=3, hour=18):%Y-%m-%dT%H:%M:%SZ}"


def test_a_body_renames_no_occurrence(clinic: Clinic) -> None:
    ids, _visits = followed(clinic)
    series = ids[1].partition("_")[2]
    body = forged.appointment(
        888_888,
        scheduled_time=f"{ids[1][:10]}T15:00:00",
        base_recurring_appointment=series,
        recurrence_instance_key=f"{series}_{ids[1][:10].replace('-', '')}",
    )
    forged.drchrono(clinic, "APPOINTMENT_CREATE", body)
    clinic.settle()
    with clinic.sync.store.read() as conn:
        known = set(conn.execute(select(object_.c.remote_id)).scalars())
    assert set(ids) <= known
    assert clinic.writes() == []


def test_a_body_that_equals_the_baseline_explains_no_look_of_our_own(clinic: Clinic) -> None:
    """A list that lacks an appointment asks for it by id; a forged echo must not answer that."""
    appointment, seen = clinic.linked()
    clinic.advance(120)
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop"})
    clinic.sandbox.behaviours("drchrono", bulk_polls=0)
    echo = dict(clinic.appointment(appointment))
    clinic.delete(appointment)
    clinic.beat("drchrono_window")
    assert forged.drchrono(clinic, "APPOINTMENT_MODIFY", echo) == 204
    clinic.settle()
    assert clinic.visit(seen)["cancelled"]
    agree(clinic)
