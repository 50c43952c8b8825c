"""Carry no impossible value, tell it once, and go on when it is put right."""

from typing import Any

import pytest

from sync.operations.hand import keep
from tests.integration.people.test_whole_identity import charts, rename
from tests.integration.writes.test_refused_fields import JANE, contact, made, refuse, there_already
from tests.support.agreement import agree
from tests.support.clinic import Clinic, utc
from tests.support.group_clinic import group_of, make_groups, patients

ODD = "birth_date_implausible"
LONG = "Anna" * 1250


def leave(clinic: Clinic, patient: int, **values: Any) -> None:
    """An import leaves values in a chart that the API may refuse."""
    told = {"id": str(patient), "values": values, "kind": "patient"}
    clinic.sandbox.control("drchrono", "leave", told)


def bring_back(clinic: Clinic) -> None:
    path = clinic.settings.mapping_file
    path.write_text(path.read_text() + "\n[policy]\ndemographics_back = true\n")


def is_quiet(clinic: Clinic, *told: str) -> None:
    """Nothing is written, nobody mailed, and nothing told twice, when all is looked at again."""
    clinic.forget()
    clinic.catch_up()
    assert (clinic.writes(), clinic.mails(), clinic.attention()) == ([], [], [*told])


# --- birth dates ----------------------------------------------------------------------------------


@pytest.mark.parametrize("born", ["2062-01-02", "1084-05-06", "0001-01-01"])
def test_a_birth_date_that_cannot_be_is_left_out_of_the_contact_and_told(
    clinic: Clinic, born: str
) -> None:
    leave(clinic, clinic.patient, date_of_birth=born)
    clinic.book(patient=clinic.patient)
    clinic.settle()
    assert (len(clinic.visits()), contact(clinic)["date_of_birth"]) == (1, None)
    assert clinic.attention() == [ODD]
    is_quiet(clinic, ODD)
    clinic.edit_patient(clinic.patient, date_of_birth="1984-05-06")
    clinic.settle()
    assert (contact(clinic)["date_of_birth"], clinic.attention()) == ("1984-05-06", [])


@pytest.mark.parametrize("mended", ["1985-05-06", None])
def test_one_that_was_mistyped_later_leaves_the_contact_as_it_is(
    clinic: Clinic, mended: str | None
) -> None:
    clinic.linked()
    leave(clinic, clinic.patient, date_of_birth="2084-05-06")
    clinic.settle()
    assert (contact(clinic)["date_of_birth"], clinic.attention()) == ("1984-05-06", [ODD])
    is_quiet(clinic, ODD)
    clinic.edit_patient(clinic.patient, last_name="Berg")
    clinic.settle()
    assert contact(clinic)["last_name"] == "Berg"
    assert contact(clinic)["date_of_birth"] == "1984-05-06"
    clinic.edit_patient(clinic.patient, date_of_birth=mended)
    clinic.settle()
    assert (contact(clinic)["date_of_birth"], clinic.attention()) == (mended, [])


def test_what_is_brought_back_into_the_chart_takes_no_odd_date_along(clinic: Clinic) -> None:
    bring_back(clinic)
    _, visit = clinic.linked()
    leave(clinic, clinic.patient, date_of_birth="2084-05-06")
    clinic.settle()
    rename(clinic, visit, last_name="Berg")
    clinic.settle()
    clinic.whole_cycle()
    assert contact(clinic)["last_name"] == "Berg"
    assert (contact(clinic)["date_of_birth"], clinic.attention()) == ("1984-05-06", [ODD])


def test_a_chart_is_made_of_a_contact_without_its_odd_birth_date(clinic: Clinic) -> None:
    there_already(clinic, date_of_birth="2062-01-02")
    clinic.invite(participants=[JANE])
    clinic.settle()
    assert (made(clinic)["date_of_birth"], len(clinic.appointments())) == (None, 1)
    assert clinic.attention() == [ODD]
    is_quiet(clinic, ODD)
    leave(clinic, made(clinic)["id"], date_of_birth="1984-02-30")
    clinic.settle()
    assert clinic.attention() == [ODD]
    clinic.edit_patient(made(clinic)["id"], date_of_birth="1990-01-02")
    clinic.settle()
    assert (contact(clinic)["date_of_birth"], clinic.attention()) == ("1990-01-02", [])


# --- names and addresses --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "cause"),
    [
        ({"last_name": LONG}, "patient_without_name"),
        ({"first_name": LONG}, "patient_without_name"),
        ({"email": f"{'v' * 300}@mail.example"}, "patient_email_unclear"),
    ],
)
def test_a_chart_that_names_nobody_waits_and_goes_on(
    clinic: Clinic, left: dict[str, str], cause: str
) -> None:
    leave(clinic, clinic.patient, **left)
    clinic.book(patient=clinic.patient)
    clinic.settle()
    assert (clinic.visits(), clinic.attention()) == ([], [cause])
    is_quiet(clinic, cause)
    right = {"first_name": "Vera", "last_name": "Berg", "email": "vera@mail.example"}
    clinic.edit_patient(clinic.patient, **right)
    clinic.settle()
    agree(clinic)
    assert (len(clinic.visits()), clinic.attention()) == (1, [])


def test_a_name_that_became_none_leaves_what_stands(clinic: Clinic) -> None:
    clinic.linked()
    leave(clinic, clinic.patient, last_name=LONG)
    clinic.settle()
    assert (clinic.writes(), clinic.attention()) == ([], ["patient_without_name"])
    is_quiet(clinic, "patient_without_name")
    clinic.edit_patient(clinic.patient, last_name="Berg")
    clinic.settle()
    agree(clinic)
    assert (contact(clinic)["last_name"], clinic.attention()) == ("Berg", [])


@pytest.mark.parametrize("mended_in", ["oncall", "drchrono"])
def test_what_can_be_no_name_is_not_brought_back_into_the_chart(
    clinic: Clinic, mended_in: str
) -> None:
    bring_back(clinic)
    _, visit = clinic.linked()
    rename(clinic, visit, last_name=LONG, email="vera@mail..example")
    clinic.settle()
    assert (clinic.writes(), clinic.attention()) == ([], ["not_brought_back"])
    is_quiet(clinic, "not_brought_back")
    right = {"last_name": "Berg", "email": "berg@mail.example"}
    if mended_in == "oncall":
        rename(clinic, visit, **right)
    else:
        clinic.edit_patient(clinic.patient, **right)
    clinic.settle()
    agree(clinic)
    (who,) = clinic.visit(visit)["participants"]
    assert (who["last_name"], who["email"]) == ("Berg", "berg@mail.example")
    assert clinic.attention() == []


def test_a_participant_whose_name_can_be_none_becomes_no_chart(clinic: Clinic) -> None:
    """Nor is it looked for: no address has room for it."""
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    before = charts(clinic)
    visit = clinic.invite(participants=[{**JANE, "last_name": LONG}])
    clinic.forget()
    clinic.settle()
    assert (charts(clinic), clinic.attention()) == (before, ["identity_incomplete"])
    searches = [one for one in clinic.calls("drchrono") if one == "GET /api/patients"]
    assert len(searches) == 1
    is_quiet(clinic, "identity_incomplete")
    rename(clinic, visit, last_name="Doe", name="Jane Doe")
    clinic.settle()
    assert (made(clinic)["last_name"], clinic.attention()) == ("Doe", [])


# --- groups ---------------------------------------------------------------------------------------


@pytest.fixture
def groups(clinic: Clinic) -> Clinic:
    make_groups(clinic)
    return clinic


def test_a_slip_of_the_keys_moves_no_member_out_of_a_group(groups: Clinic) -> None:
    booked = group_of(groups, patients(groups, 3))
    (before,) = groups.visits()
    groups.edit(booked[1], scheduled_time="2126-01-15T10:00:00")
    groups.settle()
    assert (groups.writes(), groups.mails()) == ([], [])
    assert groups.attention() == ["time_implausible"]
    is_quiet(groups, "time_implausible")
    groups.edit(booked[1], scheduled_time=groups.appointment(booked[0])["scheduled_time"])
    groups.settle()
    (after,) = groups.visits()
    assert (after["participants"], after["datetime"]) == (
        before["participants"],
        before["datetime"],
    )
    assert (groups.writes(), groups.mails(), groups.attention()) == ([], [], [])


def test_a_slip_of_the_keys_in_oncall_moves_no_group(groups: Clinic) -> None:
    booked = group_of(groups, patients(groups, 3))
    (visit,) = groups.visits()
    groups.change_visit(visit["id"], datetime="2126-01-15T10:00:00Z")
    groups.settle()
    assert (groups.writes(), groups.attention()) == ([], ["time_implausible"])
    is_quiet(groups, "time_implausible")
    at = utc(days=4)
    groups.change_visit(visit["id"], datetime=f"{at:%Y-%m-%dT%H:%M:%SZ}")
    groups.settle()
    assert len({groups.appointment(one)["scheduled_time"] for one in booked}) == 1
    assert groups.appointment(booked[0])["scheduled_time"][:10] == f"{at:%Y-%m-%d}"
    assert groups.attention() == []


# --- a length that OnCall refuses -----------------------------------------------------------------


def test_a_refused_length_waits_is_told_once_and_goes_on_when_it_is_changed(clinic: Clinic) -> None:
    refuse(clinic, "oncall", "duration=55")
    appointment = clinic.book(patient=clinic.patient, duration=55)
    clinic.settle()
    assert (clinic.visits(), clinic.attention()) == ([], ["refused"])
    is_quiet(clinic, "refused")
    assert "POST /appointments/" not in clinic.calls("oncall")
    clinic.edit(appointment, duration=45)
    clinic.settle()
    agree(clinic)
    assert [visit["duration"] for visit in clinic.visits()] == [45]
    assert (clinic.mails(), clinic.attention()) == ([("invitation", "app")], [])


@pytest.mark.parametrize("mended", [45, 30])
def test_a_changed_length_that_is_refused_leaves_the_visit_and_goes_on(
    clinic: Clinic, mended: int
) -> None:
    appointment, visit = clinic.linked()
    refuse(clinic, "oncall", "duration=55")
    clinic.edit(appointment, duration=55)
    clinic.settle()
    assert (clinic.visit(visit)["duration"], clinic.attention()) == (30, ["refused"])
    is_quiet(clinic, "refused")
    clinic.edit(appointment, duration=mended)
    clinic.settle()
    assert (clinic.visit(visit)["duration"], clinic.attention()) == (mended, [])


def test_of_a_group_a_refused_length_is_told_once_and_goes_on(groups: Clinic) -> None:
    booked = group_of(groups, patients(groups, 2))
    refuse(groups, "oncall", "duration=55")
    for one in booked:
        groups.edit(one, duration=55, allow_overlapping=True)
    groups.settle()
    assert groups.attention() == ["refused"]
    is_quiet(groups, "refused")
    for one in booked:
        groups.edit(one, duration=45, allow_overlapping=True)
    groups.settle()
    assert [visit["duration"] for visit in groups.visits()] == [45]
    assert groups.attention() == []


# --- what a chart does not say --------------------------------------------------------------------


def test_an_empty_field_of_a_chart_empties_no_contact_that_knows_more(clinic: Clinic) -> None:
    """Unless it is emptied, or somebody says that the chart is to be kept."""
    there_already(clinic)
    jane = clinic.new_patient(**JANE, date_of_birth="1990-01-02", cell_phone="", home_phone="")
    clinic.book(patient=jane)
    clinic.settle()
    clinic.edit_patient(jane, first_name="Janet")
    clinic.settle()
    clinic.whole_cycle()
    assert (contact(clinic)["first_name"], contact(clinic)["phone"]) == ("Janet", "2125550163")
    keep.keep(clinic.sync, "drchrono", "patient", str(jane), ("phone",))
    clinic.settle()
    assert (contact(clinic)["phone"], clinic.attention()) == ("", [])
    clinic.edit_patient(jane, cell_phone="(212) 555-0188")
    clinic.settle()
    assert contact(clinic)["phone"] == "2125550188"
    clinic.edit_patient(jane, cell_phone="")
    clinic.settle()
    assert contact(clinic)["phone"] == ""
    is_quiet(clinic)
