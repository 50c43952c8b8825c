"""`diff` says what is known of a difference: on its way, asked, waiting, paused, meant so."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sync.operations import pausing
from sync.operations.diff.model import DIFFERENT, SAME, Found, Report, Standing
from sync.operations.diff.run import Asked, compare
from sync.operations.hand import by_hand
from tests.integration.visits.test_syncs_recurring import followed
from tests.support.clinic import Clinic, utc, wall
from tests.support.group_clinic import HOST, a_clinic_with_groups, group_of, patients
from tests.support.templates import Templates, gone_live


def told(clinic: Clinic, **asked: Any) -> Report:
    return compare(clinic.sync, Asked(again_after=0, **asked))


def only(report: Report) -> Found:
    (one,) = [one for one in report.found if one.why != "not_wanted"]
    return one


def _deaf(clinic: Clinic) -> None:
    for remote in ("drchrono", "oncall"):
        clinic.sandbox.faults(remote, webhooks={"mode": "drop"})


@pytest.fixture
def groups(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    with a_clinic_with_groups(templates, tmp_path) as opened:
        yield opened


def test_what_waits_for_a_worker_is_on_its_way(clinic: Clinic) -> None:
    appointment, _visit = clinic.linked()
    clinic.edit(appointment, scheduled_time=wall(days=5))
    clinic.sandbox.wait_idle()
    report = told(clinic)
    one = only(report)
    assert (one.standing, one.why, one.fields) == (Standing.ON_ITS_WAY, "queued", ("starts",))
    assert one.since is not None
    assert report.status == SAME
    clinic.settle()
    assert told(clinic).found == ()


def test_what_a_worker_carried_meanwhile_is_no_difference(clinic: Clinic) -> None:
    """Lists show what was before: what differs is looked at once more."""
    appointment, _visit = clinic.linked()
    clinic.edit(appointment, scheduled_time=wall(days=5))
    clinic.sandbox.wait_idle()

    def work(_seconds: float) -> None:
        clinic.settle()

    clinic.sync.pause = work
    assert told(clinic).found == ()


def test_a_change_that_nobody_told_of_is_taken_over_by_the_next_catch_up(clinic: Clinic) -> None:
    appointment, _visit = clinic.linked()
    _deaf(clinic)
    clinic.edit(appointment, scheduled_time=wall(days=5))
    report = told(clinic)
    assert (only(report).why, report.status) == ("not_seen_yet", DIFFERENT)
    clinic.sandbox.faults("drchrono", webhooks={"mode": "deliver"})
    clinic.catch_up()
    assert told(clinic).found == ()


def test_what_somebody_was_asked_names_the_item(clinic: Clinic) -> None:
    patient = clinic.new_patient(first_name="Nils", last_name="Berg", email="")
    appointment = clinic.book(patient=patient)
    clinic.settle()
    one = only(told(clinic))
    assert (one.cause, one.drchrono) == ("missing_in_oncall", appointment)
    assert (one.standing, one.why) == (Standing.EXPLAINED, "asked:patient_without_email")
    assert one.item > 0


def test_an_excluded_patient_is_meant_so(clinic: Clinic) -> None:
    by_hand.exclude(clinic.sync, str(clinic.patient))
    clinic.book()
    clinic.settle()
    report = told(clinic)
    one = only(report)
    assert (one.cause, one.standing, one.why) == ("missing_in_oncall", Standing.MEANT, "excluded")
    assert report.status == SAME


def test_what_is_paused_waits_for_it(clinic: Clinic) -> None:
    appointment, _visit = clinic.linked()
    pausing.pause(clinic.sync, "oncall")
    clinic.edit(appointment, duration=50)
    clinic.settle()
    report = told(clinic)
    assert (only(report).why, report.status) == ("paused", DIFFERENT)


def test_one_direction(templates: Templates, tmp_path: Path) -> None:
    with templates.copied("clinic", tmp_path, gone_live) as clinic:
        _appointment, visit = clinic.linked()
        path = clinic.settings.mapping_file
        whole = path.read_text()
        path.write_text(whole + '\n[policy]\ndirection = "to_oncall"\n')
        clinic.change_visit(visit, datetime=f"{utc(days=6):%Y-%m-%dT%H:%M:%SZ}")
        clinic.settle()
        report = told(clinic)
        one = only(report)
        assert (one.standing, one.why) == (Standing.EXPLAINED, "one_way")
        assert report.status == DIFFERENT


def test_an_end_that_costs_a_fee_is_not_written(clinic: Clinic) -> None:
    appointment, _visit = clinic.linked()
    clinic.edit(appointment, status="Complete")
    clinic.settle()
    report = told(clinic)
    one = only(report)
    assert (one.cause, one.standing, one.why) == (*("state_differs", Standing.MEANT, "noted_only"),)
    assert report.status == SAME


def test_a_group_is_the_same_and_a_member_who_moves_is_told(groups: Clinic) -> None:
    booked = group_of(groups, patients(groups))
    groups.settle()
    report = told(groups)
    assert (report.different, report.compared["visits"]) == ((), 3)
    _deaf(groups)
    groups.edit(booked[0], scheduled_time=wall(days=6))
    report = told(groups)
    one = only(report)
    assert (one.cause, one.drchrono, one.fields) == ("fields_differ", booked[0], ("starts",))
    assert report.status == DIFFERENT


def test_a_participant_too_many_is_told(groups: Clinic) -> None:
    group_of(groups, patients(groups))
    groups.settle()
    (visit,) = groups.visits()
    _deaf(groups)
    base = groups.sandbox.oncall_url
    standing = [{"url": f"{base}/participants/{one['id']}/"} for one in visit["participants"]]
    groups.change_visit(visit["id"], participants=[*standing, HOST])
    report = told(groups)
    one = only(report)
    assert (one.cause, one.oncall, report.status) == ("participant_extra", visit["id"], DIFFERENT)
    assert one.participant
    groups.sandbox.faults("oncall", webhooks={"mode": "deliver"})
    groups.whole_cycle()
    assert only(told(groups)).why == "asked:participant_unmatched"


def test_a_series_is_the_same_and_its_far_occurrences_are_meant_so(clinic: Clinic) -> None:
    followed(clinic)
    report = told(clinic)
    assert report.different == ()
    assert report.status == SAME
    assert report.compared["visits"] == 3


def test_what_oncall_has_no_word_for_is_the_same(clinic: Clinic) -> None:
    clinic.new_patient(first_name="Robin", email="robin@mail.example", gender="Other")
    clinic.linked()
    report = told(clinic)
    assert (report.different, report.status) == ((), SAME)


def test_a_contact_that_is_gone_is_told(clinic: Clinic) -> None:
    clinic.linked()
    (contact,) = clinic.of("oncall", "contacts")
    gone = {"match": {"path": f"^/contacts/{contact['id']}/$"}, "times": None, "do": "status"}
    empty = {"match": {"path": "^/contacts/$"}, "times": None, "do": "status", "status": 200}
    body = {"count": 0, "next": None, "previous": None, "results": []}
    clinic.sandbox.faults(
        "oncall",
        {**gone, "status": 404, "body": {"detail": "Not found."}},
        {**empty, "body": body},
    )
    report = told(clinic)
    assert [one.cause for one in report.different] == ["contact_gone"]
