"""A refused optional field keeps nothing out; a refused needed one waits for what can mend it."""

import pytest

from tests.support.agreement import agree
from tests.support.clinic import DIVISION, PROVIDER, Clinic
from tests.support.flows import here, name_of, slot, there
from tests.support.group_clinic import book, make_groups

JANE = {"first_name": "Jane", "last_name": "Doe", "email": "jane@mail.example"}


def refuse(clinic: Clinic, remote: str, what: str) -> None:
    clinic.sandbox.behaviours(remote, refuses=what)


def contact(clinic: Clinic) -> dict[str, object]:
    (found,) = clinic.of("oncall", "contacts")
    return found


def there_already(clinic: Clinic, **more: str) -> None:
    """Jane's contact in OnCall, whose words are taken for the chart."""
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    base = clinic.sandbox.oncall_url
    body = {
        **JANE,
        "provider": f"{base}/providers/{PROVIDER}/",
        "division": f"{base}/divisions/{DIVISION}/",
        "date_of_birth": "1990-01-02",
        "phone": "2125550163",
        "sex": "female",
        **more,
    }
    assert clinic.sandbox.staff_oncall("POST", "/contacts/", body).status_code == 201


def made(clinic: Clinic) -> dict[str, object]:
    (found,) = [one for one in clinic.of("drchrono", "patients") if one["last_name"] == "Doe"]
    return found


# --- optional ones --------------------------------------------------------------------------------


def test_a_contact_is_made_without_what_is_refused(clinic: Clinic) -> None:
    """Told once; not sent again; and told no more when a good value went through."""
    refuse(clinic, "oncall", "phone=0147 date_of_birth")
    clinic.book(patient=clinic.patient)
    clinic.settle()
    assert contact(clinic)["phone"] is None
    assert clinic.attention() == ["field_refused"]
    clinic.forget()
    clinic.edit_patient(clinic.patient, home_phone="(212) 555-0100")
    clinic.whole_cycle()
    assert [call for call in clinic.writes() if "contacts" in call] == []
    assert clinic.attention() == ["field_refused"]
    refuse(clinic, "oncall", "")
    clinic.edit_patient(clinic.patient, cell_phone="(212) 555-0188", date_of_birth="1985-05-06")
    clinic.settle()
    assert contact(clinic)["phone"] == "2125550188"
    assert contact(clinic)["date_of_birth"] == "1985-05-06"
    assert clinic.attention() == []


@pytest.mark.parametrize("shape", ["detail", "error", "list"])
def test_what_is_refused_in_a_sentence_is_left_out_too(clinic: Clinic, shape: str) -> None:
    """OnCall's errors have no standard shape: the field is named in words only."""
    clinic.sandbox.behaviours("oncall", error_shape=shape)
    refuse(clinic, "oncall", "phone")
    clinic.book(patient=clinic.patient)
    clinic.settle()
    assert contact(clinic)["phone"] is None
    assert clinic.attention() == ["field_refused"]


def test_of_two_changed_fields_the_other_one_goes(clinic: Clinic) -> None:
    clinic.linked()
    refuse(clinic, "oncall", "phone")
    clinic.edit_patient(clinic.patient, cell_phone="(212) 555-0188", last_name="Berg")
    clinic.settle()
    assert (contact(clinic)["last_name"], contact(clinic)["phone"]) == ("Berg", "2125550147")
    assert clinic.attention() == ["field_refused"]


@pytest.mark.parametrize(
    "field", ["cell_phone", "date_of_birth", "custom_demographics", "gender=F"]
)
def test_a_patient_is_made_without_what_is_refused(clinic: Clinic, field: str) -> None:
    there_already(clinic)
    refuse(clinic, "drchrono", field)
    clinic.invite(participants=[JANE])
    clinic.settle()
    assert len(clinic.appointments()) == 1
    assert not made(clinic)[field.partition("=")[0]] or made(clinic)["gender"] == "UNK"
    assert "field_refused" in clinic.attention()


@pytest.mark.parametrize(
    ("remote", "field"), [("oncall", "metadata"), ("drchrono", "custom_fields")]
)
def test_a_refused_marker_keeps_no_visit_out(clinic: Clinic, remote: str, field: str) -> None:
    refuse(clinic, remote, field)
    clinic.book(patient=clinic.patient)
    clinic.settle()
    agree(clinic)
    assert set(clinic.attention()) == {"field_refused"}
    clinic.forget()
    clinic.whole_cycle()
    assert clinic.writes() == []


def test_a_cancellation_goes_without_its_note(clinic: Clinic) -> None:
    appointment, visit = clinic.linked()
    refuse(clinic, "drchrono", "notes")
    clinic.change_visit(visit, cancelled=True)
    clinic.settle()
    assert clinic.appointment(appointment)["status"] == "Cancelled"
    assert clinic.attention() == ["field_refused"]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("cell 212-555-0163, after 5", "(212) 555-0163"), ("ask her mother", "")],
)
def test_a_phone_is_read_as_a_person_would_or_left_out(
    clinic: Clinic, typed: str, kept: str
) -> None:
    there_already(clinic, phone=typed)
    clinic.invite(participants=[JANE])
    clinic.settle()
    assert made(clinic)["cell_phone"] == kept
    assert clinic.attention() == []


# --- needed ones ----------------------------------------------------------------------------------


def test_a_refused_address_waits_for_the_chart_and_is_woken_by_it(clinic: Clinic) -> None:
    refuse(clinic, "oncall", "email=vera@")
    clinic.book(patient=clinic.patient)
    clinic.settle()
    assert "refused" in clinic.attention()
    assert clinic.visits() == []
    clinic.edit_patient(clinic.patient, email="right@mail.example")
    clinic.settle()
    agree(clinic)
    assert clinic.attention() == []
    assert clinic.mails() == [("invitation", "app")]


def test_of_a_group_only_whose_address_is_refused_waits(clinic: Clinic) -> None:
    make_groups(clinic)
    first = clinic.new_patient(**name_of(1))
    second = clinic.new_patient(**name_of(2))
    refuse(clinic, "oncall", "email=vera2@")
    book(clinic, first)
    book(clinic, second)
    clinic.settle()
    (visit,) = clinic.visits()
    assert [who["email"] for who in visit["participants"]] == [name_of(1)["email"]]
    assert "refused" in clinic.attention()
    clinic.edit_patient(second, email="second@mail.example")
    clinic.settle()
    (visit,) = clinic.visits()
    assert len(visit["participants"]) == 2
    assert clinic.attention() == []


def test_somebody_unmatched_is_booked_when_their_chart_comes(clinic: Clinic) -> None:
    """Among several nobody is made; the question ends when staff make the chart."""
    make_groups(clinic)
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    vera = {"first_name": "Vera", "last_name": "Lindqvist", "email": "vera@mail.example"}
    clinic.invite(datetime=there(slot(1)), participants=[vera, JANE])
    clinic.settle()
    assert clinic.attention() == ["participant_unmatched"]
    assert len(clinic.appointments()) == 1
    jane = clinic.new_patient(**JANE)
    clinic.settle()
    assert clinic.attention() == []
    assert [one for one in clinic.appointments() if one["patient"] == jane]


def test_a_new_patient_that_is_asked_about_goes_on_when_staff_make_the_chart(
    clinic: Clinic,
) -> None:
    path = clinic.settings.mapping_file
    path.write_text(path.read_text() + '\n[policy]\nnew_patients = "ask"\n')
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    clinic.invite(participants=[JANE])
    clinic.settle()
    assert clinic.attention() == ["new_patient"]
    clinic.new_patient(**JANE)
    clinic.settle()
    assert clinic.attention() == []
    assert len(clinic.appointments()) == 1


def test_a_full_room_waits_for_who_is_in_it(clinic: Clinic) -> None:
    """What was taken is free again: nobody has to say so."""
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    other = clinic.new_patient(**name_of(1))
    rooms = clinic.sync.mapping.exam_rooms("201")
    at = {"patient": other, "profile": 403, "scheduled_time": here(slot(1))}
    taken = [clinic.book(exam_room=int(room), allow_overlapping=True, **at) for room in rooms]
    clinic.settle()
    clinic.invite(datetime=there(slot(1)))
    clinic.settle()
    assert clinic.attention() == ["overlap"]
    clinic.edit(taken[-1], status="Cancelled")
    clinic.settle()
    assert clinic.attention() == []
