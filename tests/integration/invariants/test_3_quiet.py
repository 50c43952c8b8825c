"""Invariant 3, quiet: no change, no write; no second mail for the same change of the same visit."""

from sync.tasks import worker
from tests.support.agreement import agree
from tests.support.clinic import Clinic, utc, wall
from tests.support.flows import here, slot


def test_there_and_back_within_one_run_writes_nothing(clinic: Clinic) -> None:
    """10:00 → 11:00 → 10:00: what is read in the end is what was there before."""
    appointment, _ = clinic.linked(scheduled_time=here(slot(0)))
    clinic.edit(appointment, scheduled_time=here(slot(1)))
    clinic.edit(appointment, scheduled_time=here(slot(0)))
    clinic.settle()
    agree(clinic)
    assert clinic.writes() == []
    assert clinic.mails() == []


def test_there_and_back_while_we_carry_it(clinic: Clinic) -> None:
    """10:00 → 11:00, and back to 10:00 while our PATCH is under way: it ends at 10:00."""
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    sent = clinic.sync.wire.send

    def between(request):  # type: ignore[no-untyped-def]
        answer = sent(request)
        if request.method == "PATCH":
            clinic.sync.wire.send = sent  # type: ignore[method-assign]
            clinic.edit(appointment, scheduled_time=here(slot(0)))
            clinic.sandbox.wait_idle()
        return answer

    clinic.sync.wire.send = between  # type: ignore[method-assign]
    clinic.edit(appointment, scheduled_time=here(slot(1)))
    clinic.settle()
    agree(clinic)
    assert clinic.visit(visit)["datetime"] == f"{slot(0):%Y-%m-%dT%H:%M:%SZ}"
    assert clinic.mails() == [("change", "app"), ("change", "app")]


def test_an_irrelevant_change_of_a_chart_costs_nothing(clinic: Clinic) -> None:
    clinic.linked()
    clinic.edit_patient(clinic.patient, address="1 River Street", city="Albany")
    clinic.settle()
    assert clinic.calls("drchrono") + clinic.calls("oncall") == []


def test_a_patch_whose_answer_is_lost_mails_once(clinic: Clinic) -> None:
    appointment, _ = clinic.linked()
    match = {"method": "PATCH", "path": "^/appointments/"}
    clinic.sandbox.faults("oncall", {"match": match, "do": "drop_after"})
    clinic.edit(appointment, duration=50)
    clinic.settle()
    agree(clinic)
    assert clinic.calls("oncall").count("PATCH /appointments/ID/") == 1
    assert clinic.mails() == [("change", "app")]


def test_a_patch_that_hangs_until_our_deadline_mails_once(clinic: Clinic) -> None:
    """The line is held beyond the total deadline; the write lands all the same."""
    appointment, _ = clinic.linked()
    clinic.sync.wire._deadline_seconds = 1.0
    match = {"method": "PATCH", "path": "^/appointments/"}
    clinic.sandbox.faults("oncall", {"match": match, "do": "late", "seconds": 1.3, "then": "hang"})
    clinic.edit(appointment, duration=50)
    clinic.settle()
    agree(clinic)
    assert clinic.mails() == [("change", "app")]


def test_what_may_still_land_is_waited_for(clinic: Clinic) -> None:
    """A PATCH is on its way without an answer when the next edit comes: nothing is sent over it."""
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    match = {"method": "PATCH", "path": "^/appointments/"}
    clinic.sandbox.faults("oncall", {"match": match, "do": "late", "seconds": 1.5})
    clinic.edit(appointment, scheduled_time=here(slot(1)))
    _work_now(clinic)
    clinic.edit(appointment, duration=50)
    _work_now(clinic)
    assert clinic.calls("oncall").count("PATCH /appointments/ID/") == 1
    assert clinic.visit(visit)["duration"] == 30
    clinic.settle()
    agree(clinic)
    assert clinic.mails() == [("change", "app"), ("change", "app")]


def _work_now(clinic: Clinic) -> None:
    """Work on what DrChrono told of, without waiting for what is on its way to OnCall."""
    assert clinic.sandbox.read("drchrono", "wait", webhooks_idle=1, timeout=10)["idle"]
    for aggregate in clinic.due():
        worker.run(clinic.sync, aggregate)


def test_the_same_edit_on_both_sides_is_adopted(clinic: Clinic) -> None:
    appointment, visit = clinic.linked()
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=18))
    clinic.change_visit(visit, datetime=f"{utc(days=3, hour=18):%Y-%m-%dT%H:%M:%SZ}")
    clinic.settle()
    agree(clinic)
    assert clinic.writes() == []
    assert clinic.conflicts() == []
    assert clinic.mails() == [("change", "staff")]


def test_a_week_without_a_change(clinic: Clinic) -> None:
    clinic.linked(scheduled_time=wall(days=30))
    for _ in range(7):
        clinic.whole_cycle()
    agree(clinic)
    assert clinic.writes() == []
    assert clinic.mails() == []
    assert clinic.attention() == []


def test_a_title_or_fee_changed_in_oncall_writes_nothing(clinic: Clinic) -> None:
    _, visit = clinic.linked()
    clinic.change_visit(visit, title="Follow-up")
    clinic.settle()
    assert clinic.calls("drchrono") == []
    assert clinic.writes() == []
