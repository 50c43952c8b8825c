"""Translate every shape that DrChrono's JSON is known to have (docs/api-facts.md)."""

from datetime import UTC, date, datetime

import pytest

from sync.core.records import ABSENT, Life, Marker, VisitType
from sync.core.wire import MalformedError
from sync.core.wording import Json
from sync.drchrono.translate import read_marker, to_person, to_visit, wire
from sync.mapping import parse

MAPPING = parse(
    """
[[doctors]]
drchrono = 5
oncall_provider = 50
oncall_division = 7
timezone = "America/New_York"
[types]
telehealth = "online"
group_profiles = [300]
[types.profiles]
100 = "online"
300 = "online"
"""
)
MARKER = Marker("0123456789abcdef", 12, 1, 1, "77")
MARKER_TEXT = "m=drchrono-oncall.1&i=0123456789abcdef&a=12&g=1&l=1&o=77"

# The non-verbose shape of a delivery.
FULL: dict[str, Json] = {
    "id": "4001",
    "doctor": 5,
    "office": 3,
    "patient": 900,
    "exam_room": 1,
    "profile": 100,
    "duration": 30,
    "scheduled_time": "2026-01-15T09:30:00",
    "status": "Confirmed",
    "deleted_flag": False,
    "reason": "Secret reason",
    "notes": "Secret note",
    "updated_at": "2026-01-10T08:00:00",
    "appt_is_break": False,
    "cloned_from": None,
    "recurring_appointment": False,
    "base_recurring_appointment": None,
}


def without(*keys: str, **more: Json) -> dict[str, Json]:
    return {key: value for key, value in FULL.items() if key not in keys} | more


def test_wire_is_drchronos_own_form() -> None:
    assert wire("appointment", FULL) == {
        "starts": ["2026-01-15T09:30:00", "5"],
        "minutes": 30,
        "type": ["100", "1", None],
        "provider": ["5", "3"],
        "state": ["Confirmed", None, False],
        "patient": "900",
    }


def test_wire_is_the_same_whether_ids_are_numbers_or_text() -> None:
    as_text = without(doctor="5", office="3", patient="900", exam_room="1", profile="100")
    assert wire("appointment", as_text) == wire("appointment", FULL)
    assert wire("appointment", without(custom_status="")) == wire("appointment", FULL)


def test_wire_needs_no_mapping_and_sees_every_change() -> None:
    base = wire("appointment", FULL)
    for field, change in {
        "starts": {"scheduled_time": "2026-01-15T10:30:00"},
        "minutes": {"duration": 45},
        "type": {"is_telehealth": True},
        "provider": {"office": 4},
        "state": {"custom_status": "Left early"},
        "patient": {"patient": None},
    }.items():
        changed = wire("appointment", without(**change))  # type: ignore[arg-type]
        assert {name for name in base if base[name] != changed[name]} == {field}
    billing = without(color="#fff", billing_status="Paid", notes="x", updated_at="2027-01-01")
    assert wire("appointment", billing) == base


def test_a_delete_event_lacks_doctor_office_and_patient() -> None:
    body = without("doctor", "office", "patient", deleted_flag=True)
    assert wire("appointment", body) == {
        "minutes": 30,
        "type": ["100", "1", None],
        "state": ["Confirmed", None, True],
    }
    visit = to_visit(body, MAPPING)
    assert (visit.starts, visit.provider, visit.office, visit.patient) == (ABSENT,) * 4
    assert visit.state
    assert visit.state.life is Life.DELETED


def test_a_deletion_counts_without_a_status_and_a_bare_flag_does_not() -> None:
    assert wire("appointment", {"id": 1, "deleted_flag": True}) == {"state": [None, None, True]}
    assert wire("appointment", {"id": 1, "deleted_flag": False}) == {}
    state = to_visit({"id": 1, "deleted_flag": True}, MAPPING).state
    assert state
    assert state.life is Life.DELETED


def test_the_clinics_own_status_words_count() -> None:
    mapping = parse('[status.drchrono]\n"Left early" = "complete"')
    state = to_visit(without(custom_status="Left Early"), mapping).state
    assert state
    assert (state.life, state.word) == (Life.COMPLETE, "Left Early")


def test_nothing_but_an_id() -> None:
    assert wire("appointment", {"id": 4001}) == {}
    visit = to_visit({"id": 4001}, MAPPING)
    assert visit.remote_id == "4001"
    assert {visit.starts, visit.minutes, visit.type, visit.state, visit.marker} == {ABSENT}


def test_a_visit_in_our_terms() -> None:
    visit = to_visit(FULL, MAPPING)
    assert visit.starts == datetime(2026, 1, 15, 14, 30, tzinfo=UTC)
    assert (visit.minutes, visit.type, visit.provider) == (30, VisitType.ONLINE, "5")
    assert (visit.office, visit.patient, visit.zone) == ("3", "900", "America/New_York")
    assert visit.state
    assert (visit.state.life, visit.state.word) == (Life.OPEN, "Confirmed")
    assert (visit.revision, visit.marker) == ("2026-01-10T08:00:00", ABSENT)
    flags = {visit.is_break, visit.virtual, visit.virtual_base, visit.group}
    assert flags == {False}
    assert "Secret" not in repr(visit)


def test_types_groups_and_zones_come_from_the_mapping() -> None:
    assert to_visit(without(profile=None, is_telehealth=True), MAPPING).type is VisitType.ONLINE
    assert to_visit(without(profile=999), MAPPING).type is None
    assert to_visit(without("exam_room"), MAPPING).type is ABSENT
    assert to_visit(without(profile=300), MAPPING).group
    stranger = to_visit(without(doctor=6), MAPPING)
    assert (stranger.starts, stranger.zone, stranger.provider) == (ABSENT, None, "6")
    assert to_visit(without(scheduled_time="2026-03-08T02:30:00"), MAPPING).starts_note == "gap"
    assert to_visit(without(scheduled_time="2026-11-01T01:30:00"), MAPPING).starts_note == "fold"


def test_a_locked_clinical_note_completes() -> None:
    locked = to_visit(without(clinical_note={"locked": True}), MAPPING).state
    open_ = to_visit(without(clinical_note={"locked": False}), MAPPING).state
    assert locked
    assert open_
    assert (locked.life, open_.life) == (Life.COMPLETE, Life.OPEN)


def test_breaks() -> None:
    assert to_visit(without(appt_is_break=True, patient=None), MAPPING).is_break
    assert to_visit(without("appt_is_break", patient=None, exam_room=0), MAPPING).is_break
    assert not to_visit(without("appt_is_break", patient=None), MAPPING).is_break
    assert not to_visit(without("appt_is_break"), MAPPING).is_break


@pytest.mark.parametrize(
    ("given", "key", "virtual"),
    [
        ({"recurrence_instance_key": "77_20260115", "base_recurring_appointment": 80},
         "77_20260115", False),
        ({"id": "2026-01-15_77"}, "77_20260115", True),
        ({"id": "20260115_77"}, "77_20260115", True),
        ({"base_recurring_appointment": 77}, "77_20260115", False),
        ({"base_recurring_appointment": "77"}, "77_20260115", False),
        ({"base_recurring_appointment": 77, "is_virtual_base": True}, None, False),
        ({}, None, False),
    ],
)  # fmt: skip
def test_occurrences(given: dict[str, Json], key: str | None, virtual: bool) -> None:
    visit = to_visit(without(**given), MAPPING)
    assert (visit.occurrence_key, visit.virtual) == (key, virtual)
    assert visit.virtual_base is bool(given.get("is_virtual_base"))


def test_clones_name_their_original() -> None:
    assert to_visit(without(cloned_from=3999), MAPPING).cloned_from == "3999"


def test_markers_are_read_only_where_the_list_was_sent() -> None:
    foreign: Json = {"field_type": 1, "field_value": "the clinic's own"}
    ours: Json = {"field_type": 2, "field_value": f"https://a.example/#{MARKER_TEXT}"}
    assert to_visit(without(custom_fields=[foreign, ours]), MAPPING).marker == MARKER
    assert to_visit(without(custom_fields=[foreign]), MAPPING).marker is None
    assert to_visit(without(custom_fields=[]), MAPPING).marker is None
    assert to_visit(FULL, MAPPING).marker is ABSENT
    copied: dict[str, Json] = {"custom_fields": [ours]}
    assert read_marker("appointment", copied, "2") == MARKER
    assert read_marker("appointment", copied, "3") is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"id": None}, "id"),
        ({"scheduled_time": "Jane"}, "scheduled_time"),
        ({"scheduled_time": "2026-01-15T09:30:00Z"}, "scheduled_time"),
        ({"status": ["Jane"]}, "status"),
        ({"doctor": {"Jane": 1}}, "doctor"),
        ({"custom_fields": "Jane"}, "custom_fields"),
        ({"deleted_flag": "Jane"}, "deleted_flag"),
    ],
)
def test_malformed_values_are_named_and_not_repeated(given: dict[str, Json], field: str) -> None:
    with pytest.raises(MalformedError) as error:
        to_visit(without(**given), MAPPING)
    assert (error.value.field, "Jane" in str(error.value)) == (field, False)


@pytest.mark.parametrize("junk", [None, [], "Jane", 7])
def test_junk_is_no_object(junk: Json) -> None:
    for kind in ("appointment", "patient"):
        with pytest.raises(MalformedError):
            wire(kind, junk)
    with pytest.raises(MalformedError):
        to_visit(junk, MAPPING)
    with pytest.raises(MalformedError):
        to_person(junk)


PATIENT: dict[str, Json] = {
    "id": 900,
    "first_name": "Jane ",
    "last_name": "Doe",
    "email": "Jane@X.org",
    "cell_phone": "(212) 555-1542",
    "home_phone": "",
    "date_of_birth": "1980-01-02",
    "gender": "Female",
    "doctor": 5,
    "patient_status": "A",
    "social_security_number": "Secret",
    "updated_at": "2026-01-10T08:00:00",
}


def test_a_patient() -> None:
    assert wire("patient", PATIENT) == {
        "first_name": "Jane",
        "last_name": "Doe",
        "email": "jane@x.org",
        "phone": ["(212) 555-1542", ""],
        "birth_date": "1980-01-02",
        "sex": "Female",
        "active": "A",
    }
    person = to_person(PATIENT)
    assert (person.remote_id, person.first_name, person.email) == ("900", "Jane", "jane@x.org")
    assert (person.phone, person.birth_date, person.sex) == (
        "2125551542",
        date(1980, 1, 2),
        "female",
    )
    assert (person.doctor, person.active, person.marker) == ("5", True, ABSENT)


@pytest.mark.parametrize(
    ("gender", "sex"),
    [("Male", "male"), ("Other", "other"), ("UNK", ""), ("ASKU", ""), ("", ""), (None, "")],
)
def test_genders(gender: str | None, sex: str) -> None:
    assert to_person(PATIENT | {"gender": gender}).sex == sex


def test_patients_of_other_shapes() -> None:
    assert wire("patient", {"id": 900}) == {}
    bare = to_person({"id": "900"})
    assert {bare.first_name, bare.email, bare.phone, bare.birth_date, bare.active} == {ABSENT}
    assert to_person(PATIENT | {"cell_phone": "", "home_phone": "212 555 0000"}).phone == (
        "2125550000"
    )
    assert to_person(PATIENT | {"date_of_birth": ""}).birth_date is None
    assert to_person(PATIENT | {"patient_status": "I"}).active is False
    fields: Json = [{"field_type": 2, "value": MARKER_TEXT}]
    assert to_person(PATIENT | {"custom_demographics": fields}).marker == MARKER
    assert to_person(PATIENT | {"date_of_birth": "Jane"}).birth_date is ABSENT
