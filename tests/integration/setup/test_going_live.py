"""Going live: what both sides have already is matched before anything is made, whenever that is."""

from pathlib import Path
from typing import Any

import pytest

from sync.config import Mode
from sync.operations.hand import pair
from sync.tasks import worker
from tests.support.clinic import DIVISION, DOCTOR, PROVIDER, Clinic, open_clinic, utc, wall
from tests.support.sandbox_client import Sandbox


def both_by_hand(clinic: Clinic) -> None:
    """The same visit, entered on both sides by people."""
    clinic.book(scheduled_time=wall(days=4))
    clinic.invite()


def test_the_same_visits_by_hand_before_the_start(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        clinic.new_patient()
        both_by_hand(clinic)
        clinic.pump()
        assert (len(clinic.appointments()), len(clinic.visits())) == (1, 1)
        clinic.go_live()
        assert (len(clinic.appointments()), len(clinic.visits())) == (1, 1)
        assert clinic.attention() == []
        clinic.edit(clinic.appointments()[0]["id"], scheduled_time=wall(days=4, hour=16))
        clinic.pump()
        assert clinic.visits()[0]["datetime"] == f"{utc(days=4, hour=16):%Y-%m-%dT%H:%M:%SZ}"
        assert clinic.mails() == [("change", "app")]


@pytest.mark.parametrize("differs", ["length", "type", "case of the e-mail", "third party"])
def test_the_same_visit_by_hand_need_not_be_typed_alike(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path, differs: str
) -> None:
    """One visit stays one; what differs is asked about, and nobody is mailed."""
    vera = {"first_name": "Vera", "last_name": "Lindqvist", "email": "vera@mail.example"}
    host = {"first_name": "Co", "last_name": "Host", "email": "host@mail.example"}
    typed: dict[str, tuple[dict[str, Any], list[str]]] = {
        "length": ({"duration": 45}, ["minutes_differs"]),
        "type": ({"type": "phone"}, ["type_differs"]),
        "case of the e-mail": ({"participants": [{**vera, "email": "Vera@Mail.Example"}]}, []),
        "third party": ({"participants": [vera, host]}, ["participant_unmatched"]),
    }
    changes, asked = typed[differs]
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        clinic.new_patient()
        clinic.book(scheduled_time=wall(days=4))
        clinic.invite(**changes)
        clinic.forget()
        clinic.go_live()
        clinic.settle()
        clinic.whole_cycle()
        assert (len(clinic.appointments()), len(clinic.visits())) == (1, 1)
        assert clinic.mails() == []
        assert clinic.attention() == asked


def test_another_address_of_the_same_name_at_the_same_time_is_a_question(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    """A slip of the pen in one system must not invite the patient a second time."""
    typo = {"first_name": "Vera", "last_name": "Lindqvist", "email": "vera@mial.example"}
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        clinic.new_patient()
        appointment = clinic.book(scheduled_time=wall(days=4))
        visit = clinic.invite(participants=[typo])
        clinic.forget()
        clinic.go_live()
        clinic.whole_cycle()
        assert clinic.attention() == ["visit_unsure", "visit_unsure"]
        assert (len(clinic.appointments()), len(clinic.visits())) == (1, 1)
        assert clinic.mails() == []
        # A person says that they are the same.
        pair.pair(clinic.sync, "visit", appointment, visit)
        clinic.settle()
        clinic.edit(appointment, scheduled_time=wall(days=4, hour=17))
        clinic.settle()
        (now,) = clinic.visits()
        assert now["datetime"] == f"{utc(days=4, hour=17):%Y-%m-%dT%H:%M:%SZ}"


def test_nothing_is_made_before_the_matching(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        clinic.new_patient()
        clinic.book()
        clinic.pump()
        assert clinic.visits() == []
        clinic.go_live()
        assert len(clinic.visits()) == 1


def test_entered_by_hand_on_both_sides_afterwards(clinic: Clinic) -> None:
    """Staff book the visit on both sides at once; the person has no visit yet."""
    both_by_hand(clinic)
    clinic.settle()
    assert (len(clinic.appointments()), len(clinic.visits())) == (1, 1)
    assert clinic.mails() == [("invitation", "staff")]
    assert clinic.attention() == []


def test_entered_in_oncall_first_then_in_drchrono(clinic: Clinic) -> None:
    """Who is invited is nobody we know: it waits; then staff make the chart and book it too."""
    who = {"first_name": "Ines", "last_name": "Okoro", "email": "ines@mail.example"}
    clinic.invite(participants=[who])
    clinic.settle()
    assert clinic.attention() == ["provider_unknown"]
    clinic.new_patient(**who)
    clinic.book(scheduled_time=wall(days=4))
    clinic.settle()
    assert (len(clinic.appointments()), len(clinic.visits())) == (1, 1)
    assert clinic.mails() == [("invitation", "staff")]


def test_entered_by_hand_on_both_sides_person_known(clinic: Clinic) -> None:
    clinic.book(scheduled_time=wall(days=2))
    clinic.pump()
    clinic.forget()
    both_by_hand(clinic)
    clinic.settle()
    assert (len(clinic.appointments()), len(clinic.visits())) == (2, 2)
    assert clinic.mails() == [("invitation", "staff")]


def test_a_doctor_mapped_later_is_matched_then(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        path = clinic.settings.mapping_file
        whole = path.read_text()
        path.write_text(whole.replace(f"drchrono = {DOCTOR}\n", "drchrono = 999\n"))
        clinic.new_patient()
        both_by_hand(clinic)
        clinic.go_live()
        clinic.settle()
        assert (len(clinic.appointments()), len(clinic.visits())) == (1, 1)
        path.write_text(whole)
        for name in ("mapping", "matching"):
            clinic.beat(name)
        clinic.settle()
        assert (len(clinic.appointments()), len(clinic.visits())) == (1, 1)
        clinic.book(scheduled_time=wall(days=6), patient=clinic.patient)
        clinic.settle()
        assert len(clinic.visits()) == 2


def test_shadow_plans_and_writes_nothing_and_swallows_nothing(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    with open_clinic(sandbox, sqlite_url, tmp_path, sync_mode="shadow") as clinic:
        clinic.new_patient()
        clinic.go_live()
        clinic.book()
        clinic.pump()
        made = [call for call in clinic.calls("oncall") if not call.startswith("GET")]
        assert (made, clinic.visits(), clinic.mails()) == ([], [], [])
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        assert clinic.sync.settings.sync_mode is Mode.LIVE
        clinic.beat("mode")
        clinic.settle()
        assert len(clinic.visits()) == 1


def test_one_direction_holds_the_other_until_it_is_allowed(clinic: Clinic) -> None:
    appointment = clinic.book()
    clinic.pump()
    (visit,) = clinic.visits()
    clinic.forget()
    path = clinic.settings.mapping_file
    whole = path.read_text()
    path.write_text(whole + '\n[policy]\ndirection = "to_drchrono"\n')
    clinic.beat("mapping")
    assert not clinic.sync.mapping.may_write_oncall
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=17))
    clinic.edit_patient(clinic.patient, email="vera.new@mail.example")
    clinic.settle()
    assert [c for c in clinic.calls("oncall") if not c.startswith("GET")] == []
    path.write_text(whole + "\n")
    clinic.beat("mapping")
    clinic.settle()
    (now,) = clinic.visits()
    assert now["id"] == visit["id"]
    assert now["datetime"] == f"{utc(days=3, hour=17):%Y-%m-%dT%H:%M:%SZ}"
    assert now["participants"][0]["email"] == "vera.new@mail.example"


def test_a_broken_mapping_parks_and_its_old_content_wakes(clinic: Clinic) -> None:
    path = clinic.settings.mapping_file
    whole = path.read_text()
    path.write_text(whole + "\nnonsense = [")
    clinic.book()
    clinic.settle()
    clinic.beat("mapping")
    assert clinic.attention() == ["mapping_unusable"]
    path.write_text(whole + "\n")
    clinic.beat("mapping")
    clinic.settle()
    assert clinic.attention() == []
    assert len(clinic.visits()) == 1


def test_one_of_several_providers_is_no_proof(clinic: Clinic) -> None:
    """OnCall tells no provider, two work in the division, one is mapped: nobody is booked."""
    path = clinic.settings.mapping_file
    blocks = path.read_text().split("[[doctors]]")
    only = [b for b in blocks[1:] if f"oncall_provider = {PROVIDER}" in b]
    assert f"oncall_division = {DIVISION}" in only[0]
    path.write_text(blocks[0] + "[[doctors]]" + only[0])
    clinic.invite(participants=[{"first_name": "A", "last_name": "B", "email": "ab@mail.example"}])
    clinic.settle()
    assert clinic.appointments() == []
    assert clinic.attention() == ["provider_unknown"]


def test_a_second_run_finds_nothing_to_do(clinic: Clinic) -> None:
    both_by_hand(clinic)
    clinic.settle()
    clinic.catch_up()
    clinic.forget()
    for aggregate in range(1, 10):
        worker.run(clinic.sync, aggregate)
    assert (clinic.calls("drchrono"), clinic.calls("oncall")) == ([], [])


def test_a_practice_that_was_learned_is_learned_anew_under_another_mapping_or_mode(
    clinic: Clinic,
) -> None:
    """Connecting has learned it: the beat's first look costs no call."""
    clinic.beat("mapping")
    clinic.beat("mode")
    assert clinic.calls("drchrono") == clinic.calls("oncall") == []
    path = clinic.settings.mapping_file
    path.write_text(path.read_text() + '\n[policy]\ndirection = "to_oncall"\n')
    clinic.beat("mapping")
    assert "GET /api/doctors" in clinic.calls("drchrono")
    clinic.forget()
    shadow = clinic.settings.model_copy(update={"sync_mode": Mode.SHADOW})
    clinic.sync.settings = shadow
    clinic.beat("mode")
    assert clinic.calls("drchrono") == []  # nothing is written in it, so nothing need be there
    clinic.beat("practice")
    clinic.forget()
    clinic.sync.settings = clinic.settings
    clinic.beat("mode")
    assert "GET /api/doctors" in clinic.calls("drchrono")
