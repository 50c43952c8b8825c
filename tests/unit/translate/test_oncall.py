"""Translate every shape of OnCall's JSON in its guides, and others (docs/api-facts.md, O11)."""

from datetime import UTC, date, datetime

import pytest

from sync.core.records import ABSENT, Life, Marker, VisitType
from sync.core.wire import MalformedError
from sync.core.wording import Json
from sync.mapping import parse
from sync.oncall.translate import id_from_url, to_attendee, to_person, to_visit, wire

MAPPING = parse("[[doctors]]\ndrchrono = 5\noncall_provider = 196157\noncall_division = 123\n")
MARKER = Marker("0123456789abcdef", 12, 1, 1, "4001")
MARKER_TEXT = "m=drchrono-oncall.1&i=0123456789abcdef&a=12&g=1&l=1&o=4001"
HOST = "https://api.oncallhealth.ca"

PARTICIPANT: dict[str, Json] = {
    "url": f"{HOST}/participants/12345/",
    "appointment": f"{HOST}/appointments/12345/",
    "name": "Test Patient",
    "first_name": "Test",
    "last_name": "Patient",
    "email": "Test@X.org",
    "fee": 10.0,
    "cancelled": False,
    "user_id": 2,
}
# The guide's answer to GET /appointments/1/ (O11).
FULL: dict[str, Json] = {
    "url": f"{HOST}/appointments/1/",
    "title": "My sample appointment",
    "datetime": "2019-01-16T18:00:00Z",
    "duration": 60,
    "type": "online",
    "status": "Incomplete",
    "cancelled": False,
    "division": f"{HOST}/divisions/123/",
    "participants": [PARTICIPANT],
    "metadata": None,
}


def without(*keys: str, **more: Json) -> dict[str, Json]:
    return {key: value for key, value in FULL.items() if key not in keys} | more


@pytest.mark.parametrize(
    "url",
    [
        "https://api.oncallhealth.ca/appointments/1234/",
        "https://api.oncallhealth.com/appointments/1234",
        "http://127.0.0.1:9000/appointments/1234?x=1",
        "/appointments/1234/",
    ],
)
def test_ids_come_from_any_host(url: str) -> None:
    assert id_from_url(url) == "1234"
    assert id_from_url(url, "appointments") == "1234"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "1234",
        "https://api.oncallhealth.ca/",
        "https://api.oncallhealth.ca/appointments/",
        "https://api.oncallhealth.ca/v1/appointments/",
        "https://api.oncallhealth.ca/appointments/..",
        "https://api.oncallhealth.ca/appointments/1%2F2",
        "https://[broken/appointments/1",
    ],
)
def test_what_names_no_object(url: str) -> None:
    with pytest.raises(MalformedError):
        id_from_url(url)


def test_another_kind_of_object_is_not_taken_for_a_visit() -> None:
    with pytest.raises(MalformedError):
        id_from_url(f"{HOST}/contacts/1/", "appointments")


def test_wire() -> None:
    assert wire("appointment", FULL) == {
        "starts": "2019-01-16T18:00:00Z",
        "minutes": 60,
        "type": "online",
        "state": ["incomplete", False],
    }
    assert wire("participant", PARTICIPANT) == {
        "first_name": "Test",
        "last_name": "Patient",
        "email": "test@x.org",
        "state": False,
    }


def test_wire_is_the_same_for_one_instant_and_one_status_in_other_spelling() -> None:
    other = without(datetime="2019-01-16T13:00:00.000-05:00", status="INCOMPLETE", title="x")
    assert wire("appointment", other) == wire("appointment", FULL)
    assert wire("appointment", without(datetime="2026-01-15T0:00:00Z"))["starts"] == (
        "2026-01-15T00:00:00Z"
    )


@pytest.mark.parametrize(
    "provider", [f"{HOST}/providers/196157/", 196157, "196157", {"url": f"{HOST}/providers/196157"}]
)
def test_the_provider_where_it_is_returned(provider: Json) -> None:
    json = without(provider=provider)
    assert wire("appointment", json)["provider"] == "196157"
    visit = to_visit(json, MAPPING)
    assert (visit.provider, visit.provider_wire, visit.division) == ("5", "196157", "123")


def test_a_provider_who_is_not_returned_or_not_mapped() -> None:
    silent, stranger = to_visit(FULL, MAPPING), to_visit(without(provider="9"), MAPPING)
    assert (silent.provider, silent.provider_wire) == (ABSENT, None)
    assert (stranger.provider, stranger.provider_wire) == (ABSENT, "9")
    assert wire("appointment", without(provider=None)) == wire("appointment", FULL)


def test_a_visit_in_our_terms() -> None:
    visit = to_visit(FULL, MAPPING)
    assert (visit.remote_id, visit.minutes, visit.type) == ("1", 60, VisitType.ONLINE)
    assert visit.starts == datetime(2019, 1, 16, 18, tzinfo=UTC)
    assert visit.state
    assert visit.state.life is Life.OPEN
    (attendee,) = visit.attendees
    assert (attendee.remote_id, attendee.first_name, attendee.last_name) == (
        "12345",
        "Test",
        "Patient",
    )
    assert (attendee.email, attendee.cancelled) == ("test@x.org", False)


def test_the_create_answer_lacks_a_status() -> None:
    created = without("status")
    assert "state" not in wire("appointment", created)
    assert to_visit(created, MAPPING).state is ABSENT
    cancelled = without("status", cancelled=True)
    assert wire("appointment", cancelled)["state"] == [None, True]
    state = to_visit(cancelled, MAPPING).state
    assert state
    assert state.life is Life.CANCELLED


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("online", VisitType.ONLINE),
        ("inperson", VisitType.INPERSON),
        ("In-Person", VisitType.INPERSON),
        ("phone", VisitType.PHONE),
        ("message", None),
        ("hologram", ABSENT),
    ],
)
def test_types(word: str | None, kind: object) -> None:
    assert to_visit(without(type=word), MAPPING).type is kind


def test_who_cancelled() -> None:
    state = to_visit(without(status="Patient cancelled", cancelled=True), MAPPING).state
    assert state
    assert (state.life, state.by) == (Life.CANCELLED, "patient")


@pytest.mark.parametrize(
    ("metadata", "marker"),
    [
        (None, None),
        ({}, None),
        ({"patient_emr_id": "12345"}, None),
        ({"patient_emr_id": "12345", "drchrono_oncall": MARKER_TEXT}, MARKER),
        ({"drchrono_oncall": "torn"}, None),
        ("text", None),
    ],
)
def test_markers(metadata: Json, marker: Marker | None) -> None:
    assert to_visit(without(metadata=metadata), MAPPING).marker == marker
    assert to_visit(without("metadata"), MAPPING).marker is ABSENT


@pytest.mark.parametrize(
    ("names", "first", "last"),
    [
        ({"name": "Jane Doe"}, "Jane", "Doe"),
        ({"name": "Jane Doe", "first_name": "", "last_name": None}, "Jane", "Doe"),
        ({"name": "X Y", "first_name": "Jane", "last_name": ""}, "Jane", ""),
        ({"first_name": " Jane ", "last_name": "Doe"}, "Jane", "Doe"),
        ({}, ABSENT, ABSENT),
    ],
)
def test_names(names: dict[str, Json], first: object, last: object) -> None:
    attendee = to_attendee({"url": f"{HOST}/participants/5/", **names})
    assert (attendee.first_name, attendee.last_name) == (first, last)
    assert (attendee.email, attendee.cancelled) == (ABSENT, ABSENT)


# The guide's sample: its id differs from the id in its url (O30).
CONTACT: dict[str, Json] = {
    "id": 12345,
    "division": f"{HOST}/divisions/123/",
    "provider": f"{HOST}/providers/196157/",
    "url": f"{HOST}/contacts/313751/",
    "name": "Jane Doe",
    "first_name": "Jane",
    "last_name": "Doe",
    "email": "Jane@X.org",
    "phone": "2125551542",
    "notes": "Secret",
    "sex": "female",
    "date_of_birth": "1980-01-02",
    "appointments": f"{HOST}/contacts/12345/appointments/",
    "custom_field_names": {"2": "EMR id", "6": "Has submitted forms?"},
    "custom_field_values": {"2": MARKER_TEXT, "6": True},
}


def test_a_contact() -> None:
    person = to_person(CONTACT)
    assert (person.remote_id, person.kind) == ("313751", "contact")
    assert (person.first_name, person.last_name, person.email) == ("Jane", "Doe", "jane@x.org")
    assert (person.phone, person.birth_date, person.sex) == (
        "2125551542",
        date(1980, 1, 2),
        "female",
    )
    assert (person.provider, person.division, person.marker) == ("196157", "123", MARKER)
    assert wire("contact", CONTACT) == {
        "first_name": "Jane",
        "last_name": "Doe",
        "email": "jane@x.org",
        "phone": "2125551542",
        "birth_date": "1980-01-02",
        "sex": "female",
    }


def test_a_contact_of_a_list() -> None:
    item: dict[str, Json] = {
        "url": f"{HOST}/contacts/1234/",
        "name": "Jane Doe",
        "email": "jane@x.org",
        "phone": None,
        "sex": "Unknown",
        "date_of_birth": None,
        "custom_field_values": {"2": "Ax1A2", "6": True},
    }
    assert wire("contact", item) == {
        "email": "jane@x.org",
        "phone": "",
        "birth_date": "",
        "sex": "Unknown",
    }
    person = to_person(item)
    assert (person.first_name, person.last_name, person.sex) == ("Jane", "Doe", "")
    assert (person.birth_date, person.provider, person.marker) == (None, ABSENT, None)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"url": "Jane"}, "url"),
        ({"datetime": "Jane"}, "datetime"),
        ({"datetime": "2026-01-15T10:00:00"}, "datetime"),
        ({"cancelled": "Jane"}, "cancelled"),
        ({"participants": {"Jane": 1}}, "participants"),
        ({"participants": ["Jane"]}, "participants"),
        ({"provider": ["Jane"]}, "provider"),
    ],
)
def test_malformed_values_are_named_and_not_repeated(given: dict[str, Json], field: str) -> None:
    with pytest.raises(MalformedError) as error:
        to_visit(without(**given), MAPPING)
    assert (error.value.field, "Jane" in str(error.value)) == (field, False)


@pytest.mark.parametrize("junk", [None, [], "Jane", 7])
def test_junk_is_no_object(junk: Json) -> None:
    for kind in ("appointment", "participant", "contact"):
        with pytest.raises(MalformedError):
            wire(kind, junk)
    with pytest.raises(MalformedError):
        to_visit(junk, MAPPING)
