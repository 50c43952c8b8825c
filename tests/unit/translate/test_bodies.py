"""Write to each side what reads back as it was meant."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.core.records import Life, Marker, State, VisitType
from sync.core.wire import MalformedError
from sync.core.wording import Json
from sync.drchrono import translate as drchrono
from sync.mapping import UnmappedError, parse
from sync.oncall import translate as oncall

MAPPING = parse(
    """
[[doctors]]
drchrono = 5
oncall_provider = 50
oncall_division = 7
timezone = "America/New_York"
booking_office = 3
[[doctors]]
drchrono = 6
oncall_provider = 60
oncall_division = 7
[types]
booking_profiles = { online = 100, phone = 200, inperson = 300 }
[types.profiles]
100 = "online"
200 = "phone"
300 = "inperson"
"""
)
FEES = parse("[policy]\nfee_bearing_writes = true")
BASE = "https://api.oncallhealth.ca"
MARKER = Marker("0123456789abcdef", 12, 1, 1, "4001")
MARKER_TEXT = "m=drchrono-oncall.1&i=0123456789abcdef&a=12&g=1&l=1&o=4001"
NINE = datetime(2026, 7, 15, 13, 0, tzinfo=UTC)


def to_drchrono(**changes: object) -> dict[str, Json]:
    return drchrono.appointment_body(changes, doctor="5", mapping=MAPPING)


def to_oncall(**changes: object) -> dict[str, Json]:
    return oncall.appointment_body(changes, base_url=BASE, mapping=MAPPING)


def test_a_drchrono_appointment() -> None:
    body = to_drchrono(
        starts=NINE,
        minutes=45,
        type=VisitType.PHONE,
        provider="5",
        exam_room="2",
        patient="900",
        overlapping=True,
    )
    assert body == {
        "scheduled_time": "2026-07-15T09:00:00",
        "duration": 45,
        "profile": 200,
        "doctor": 5,
        "office": 3,
        "exam_room": 2,
        "patient": 900,
        "allow_overlapping": True,
    }


def test_only_what_is_given_is_written() -> None:
    assert to_drchrono(minutes=30) == {"duration": 30}
    assert to_drchrono(state=State(Life.NO_SHOW)) == {"status": "No Show"}
    assert to_drchrono(state=Life.DELETED) == {"status": "Cancelled"}
    assert to_drchrono(provider="6", office="4") == {"doctor": 6, "office": 4}
    assert to_oncall(minutes=30) == {"duration": 30}


def test_what_the_mapping_lacks_is_named() -> None:
    with pytest.raises(UnmappedError, match="booking_office of doctor 6"):
        to_drchrono(provider="6")
    with pytest.raises(UnmappedError, match="timezone of doctor 6"):
        drchrono.appointment_body({"starts": NINE}, doctor="6", mapping=MAPPING)
    with pytest.raises(UnmappedError, match="doctors: 8"):
        to_oncall(provider="8")


@pytest.mark.parametrize(
    "changes", [{"reason": "Flu"}, {"notes": "Flu"}, {"state": Life.OPEN}, {"starts": "Flu"}]
)
def test_what_is_never_written_to_drchrono(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"^(?!.*Flu)"):
        to_drchrono(**changes)


def test_an_oncall_appointment() -> None:
    body = to_oncall(
        title="Virtual visit", starts=NINE, minutes=45, type=VisitType.INPERSON, provider="5"
    )
    assert body == {
        "title": "Virtual visit",
        "datetime": "2026-07-15T13:00:00Z",
        "duration": 45,
        "type": "inperson",
        "provider": f"{BASE}/providers/50/",
        "division": f"{BASE}/divisions/7/",
    }
    with pytest.raises(ValueError, match="reason"):
        to_oncall(reason="Flu")


def test_ends_are_written_to_oncall_only_where_they_cost_nothing() -> None:
    assert to_oncall(state=Life.CANCELLED) == {"cancelled": True}
    assert to_oncall(state=Life.COMPLETE) == {}
    assert to_oncall(state=State(Life.NO_SHOW)) == {}
    paid = oncall.appointment_body({"state": Life.COMPLETE}, base_url=BASE, mapping=FEES)
    assert paid == {"status": "Complete"}


def test_participants() -> None:
    assert oncall.participant_body(
        {"first_name": "Jane", "last_name": "Doe", "email": "jane@x.org"}
    ) == {"first_name": "Jane", "last_name": "Doe", "name": "Jane Doe", "email": "jane@x.org"}
    assert oncall.participant_body({"state": Life.CANCELLED}) == {"cancelled": True}
    assert oncall.participant_body({"state": State(Life.OPEN)}) == {"cancelled": False}
    with pytest.raises(ValueError, match="fee"):
        oncall.participant_body({"fee": 10})


def test_the_whole_list_of_participants() -> None:
    old: Json = {
        "url": f"{BASE}/participants/1/",
        "name": "A B",
        "email": "a@x.org",
        "fee": 10.0,
        "user_id": 2,
        "appointment": f"{BASE}/appointments/1/",
    }
    new: dict[str, Json] = {"email": "n@x.org"}
    assert oncall.participants_with({"participants": [old]}, [new]) == [
        {"url": f"{BASE}/participants/1/", "name": "A B", "email": "a@x.org", "fee": 10.0},
        {"email": "n@x.org"},
    ]
    assert oncall.participants_with({"participants": [old]}, [new], urls_only=True) == [
        {"url": f"{BASE}/participants/1/"},
        {"email": "n@x.org"},
    ]
    with pytest.raises(MalformedError):
        oncall.participants_with({}, [new])
    full: Json = [old] * 25
    assert len(oncall.participants_with({"participants": full}, [])) == 25
    with pytest.raises(ValueError, match="25"):
        oncall.participants_with({"participants": full}, [new])


def test_who_is_cancelled_stays_so_and_keeps_no_place() -> None:
    def one(number: int, **more: Json) -> dict[str, Json]:
        return {"url": f"{BASE}/participants/{number}/", **more}

    new: dict[str, Json] = {"email": "n@x.org"}
    # Read as coming, perhaps cancelled since: nothing is said of it.
    listed: Json = [one(1, cancelled=False), one(2, cancelled=True)]
    assert oncall.participants_with({"participants": listed}, [new]) == [
        one(1),
        one(2, cancelled=True),
        new,
    ]
    crowd: Json = [one(1, cancelled=True), *(one(n, cancelled=False) for n in range(2, 26))]
    assert oncall.participants_with({"participants": crowd}, [new]) == [
        *(one(n) for n in range(2, 26)),
        new,
    ]


def test_contacts() -> None:
    changes = {
        "first_name": "Jane",
        "last_name": "Doe",
        "email": "jane@x.org",
        "phone": "2125551542",
        "birth_date": date(1980, 1, 2),
        "sex": "other",
        "provider": "5",
    }
    assert oncall.contact_body(changes, base_url=BASE, mapping=MAPPING) == {
        "first_name": "Jane",
        "last_name": "Doe",
        "name": "Jane Doe",
        "email": "jane@x.org",
        "phone": "2125551542",
        "date_of_birth": "1980-01-02",
        "sex": "Unknown",
        "provider": f"{BASE}/providers/50/",
        "division": f"{BASE}/divisions/7/",
    }


def test_patients() -> None:
    assert drchrono.patient_body(
        {
            "first_name": "Jane",
            "last_name": "Doe",
            "email": "jane@x.org",
            "phone": "2125551542",
            "birth_date": None,
            "sex": "",
            "doctor": "5",
        }
    ) == {
        "first_name": "Jane",
        "last_name": "Doe",
        "email": "jane@x.org",
        "cell_phone": "(212) 555-1542",
        "date_of_birth": None,
        "gender": "UNK",
        "doctor": 5,
    }
    with pytest.raises(ValueError, match="ssn"):
        drchrono.patient_body({"ssn": "1"})


def test_a_drchrono_marker_keeps_the_clinics_own_fields() -> None:
    own: Json = {"field_type": 1, "field_value": "kept", "created_at": "2026-01-01T00:00:00"}
    stale: Json = {"field_type": 2, "field_value": "old"}
    assert drchrono.with_marker("appointment", [own, stale], "2", MARKER, link="https://a/v") == [
        {"field_type": 1, "field_value": "kept"},
        {"field_type": 2, "field_value": f"https://a/v#{MARKER_TEXT}"},
    ]
    assert drchrono.with_marker("patient", [], "3", MARKER) == [
        {"field_type": 3, "value": MARKER_TEXT}
    ]
    with pytest.raises(MalformedError):
        drchrono.with_marker("appointment", None, "2", MARKER)


def test_an_oncall_marker_keeps_foreign_keys() -> None:
    written = oncall.with_marker({"patient_emr_id": "12345"}, MARKER)
    assert written == {"patient_emr_id": "12345", "drchrono_oncall": MARKER_TEXT}
    assert oncall.read_marker({"metadata": written}) == MARKER
    assert oncall.with_marker(None, MARKER) == {"drchrono_oncall": MARKER_TEXT}
    with pytest.raises(MalformedError):
        oncall.with_marker("text", MARKER)
    values = oncall.with_contact_marker({"6": True}, "452", MARKER)
    assert values == {"6": True, "452": MARKER_TEXT}
    assert oncall.read_contact_marker({"custom_field_values": values}, "452") == MARKER
    assert oncall.read_contact_marker({"custom_field_values": values}, "6") is None
    with pytest.raises(MalformedError):
        oncall.with_contact_marker([], "452", MARKER)


def test_notes_are_added_to_and_never_replaced() -> None:
    line = drchrono.cancel_note("patient")
    assert line == "Cancelled by patient in OnCall"
    assert drchrono.cancel_note(None) == "Cancelled in OnCall"
    assert drchrono.with_note({"notes": "Bring forms"}, line) == f"Bring forms\n{line}"
    assert drchrono.with_note({"notes": ""}, line) == line
    assert drchrono.with_note({"notes": f"Bring forms\n{line}"}, line) is None
    assert drchrono.with_note({}, line) is None


starts = st.integers(0, 500_000).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(starts, st.integers(5, 480), st.sampled_from(VisitType))
def test_a_visit_survives_the_way_through_both_systems(
    start: datetime, minutes: int, visit_type: VisitType
) -> None:
    there = to_oncall(starts=start, minutes=minutes, type=visit_type, provider="5")
    visit = oncall.to_visit({"url": f"{BASE}/appointments/1/", **there}, MAPPING)
    assert (visit.starts, visit.minutes, visit.type, visit.provider) == (
        start,
        minutes,
        visit_type,
        "5",
    )
    back = to_drchrono(
        starts=visit.starts, minutes=visit.minutes, type=visit.type, provider=visit.provider
    )
    again = drchrono.to_visit({"id": "1", "exam_room": 1, **back}, MAPPING)
    assert (again.minutes, again.type, again.provider) == (minutes, visit_type, "5")
    # The second of the two hours that a wall clock shows in autumn can't be told to DrChrono.
    assert again.starts == start or again.starts_note == "fold"


@given(
    st.sampled_from(["male", "female", "other", ""]),
    st.dates(date(1900, 1, 1)),
    st.from_regex(r"[2-9][0-9]{9}", fullmatch=True),
)
def test_a_person_survives_the_way_through_both_systems(sex: str, born: date, phone: str) -> None:
    changes = {"first_name": "Jane", "last_name": "Doe", "email": "jane@x.org"}
    changes |= {"sex": sex, "birth_date": born, "phone": phone}  # type: ignore[dict-item]
    chart = drchrono.to_person({"id": 1, "home_phone": "", **drchrono.patient_body(changes)})
    body = oncall.contact_body(changes, base_url=BASE, mapping=MAPPING)
    contact = oncall.to_person({"url": f"{BASE}/contacts/1/", **body})
    for field in ("first_name", "last_name", "email", "phone", "birth_date"):
        assert getattr(chart, field) == getattr(contact, field) == changes[field]
    assert chart.sex == sex
    assert contact.sex == ("" if sex == "other" else sex)
