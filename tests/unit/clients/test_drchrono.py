"""Make the right calls by the methods of the DrChrono client, and read their answers."""

import pytest

from sync.core.errors import Gone, Refused, Transient
from sync.drchrono.bulk import BulkPage, InvalidUuid
from sync.drchrono.client import DrChrono

BASE = "https://app.drchrono.com"
TICKET = object()


@pytest.fixture
def client(script):
    return DrChrono(script, BASE)


@pytest.mark.parametrize(
    ("method", "arguments", "line", "query"),
    [
        ("get_appointment", ("12",), "GET appointment /api/appointments/12", {}),
        (
            "get_appointment",
            ("2026-11-22_12", True),
            "GET appointment /api/appointments/2026-11-22_12",
            {"verbose": "true"},
        ),
        ("get_appointment", ("1/../x?y",), "GET appointment /api/appointments/1%2F..%2Fx%3Fy", {}),
        ("get_patient", ("5",), "GET patient /api/patients/5", {}),
        ("get_patient", ("5", True), "GET patient /api/patients/5", {"verbose": "true"}),
    ],
)
def test_reading_one(script, client, method, arguments, line, query):
    script.then({"id": "12"})
    options = {"verbose": True} if arguments[1:] else {}
    assert getattr(client, method)(TICKET, *arguments[:1], **options) == {"id": "12"}
    assert script.lines() == [(line, query)]
    assert script.tickets == [TICKET]


AUDIT = {
    "object_id": 3,
    "fields": ("starts",),
    "effect": "move",
    "pending": {(3, "starts"): "d"},
    "doctor": "9",
}


@pytest.mark.parametrize(
    ("method", "arguments", "line", "answer"),
    [
        ("patch_appointment", ("12",), "PATCH appointment /api/appointments/12", None),
        ("patch_patient", ("5",), "PATCH patient /api/patients/5", None),
        ("create_appointment", (), "POST appointments /api/appointments", {"id": "1"}),
        ("create_patient", (), "POST patients /api/patients", {"id": "1"}),
    ],
)
def test_writing(script, client, method, arguments, line, answer):
    script.then(answer)
    body = {"duration": 30}
    assert getattr(client, method)(TICKET, *arguments, body, **AUDIT) == answer
    [call] = script.calls
    assert script.lines() == [(line, {})]
    assert (call.system, call.json, call.form) == ("drchrono", body, None)
    assert {name: getattr(call, name) for name in AUDIT} == AUDIT


def test_pages_follow_next_as_it_is(script, client):
    first = {"next": BASE + "/api/appointments?cursor=cD0%3D&doctor=1", "results": [{"id": "1"}]}
    script.then(first, {"next": None, "data": [{"id": "2"}]})
    pages = list(client.list_appointments(TICKET, since="2026-11-21", doctor="1", verbose=True))
    assert [page.results for page in pages] == [({"id": "1"},), ({"id": "2"},)]
    assert pages[0].next == "/api/appointments?cursor=cD0%3D&doctor=1"
    assert script.lines() == [
        (
            "GET appointments /api/appointments",
            {"since": "2026-11-21", "doctor": "1", "verbose": "true"},
        ),
        ("GET appointments /api/appointments?cursor=cD0%3D&doctor=1", {}),
    ]


def test_a_page_is_asked_for_only_when_it_is_wanted(script, client):
    script.then({"next": BASE + "/api/patients?page=2", "results": []})
    pages = client.list_patients(TICKET)
    assert script.calls == []
    next(pages)
    assert len(script.calls) == 1


def test_a_scan_goes_on_from_an_earlier_page(script, client):
    script.then({"next": None, "results": []})
    list(client.list_appointments(TICKET, resume="/api/appointments?cursor=x"))
    assert script.lines() == [("GET appointments /api/appointments?cursor=x", {})]


def test_a_list_of_appointments_must_be_bounded(client):
    with pytest.raises(ValueError, match="date_range"):
        client.list_appointments(TICKET, doctor="1")


@pytest.mark.parametrize(
    ("page", "error", "code"),
    [
        ({"next": "https://evil.example/api/x", "results": []}, Refused, "foreign_link"),
        ({"next": "https://app.drchrono.com/api/x", "results": []}, Refused, "foreign_link"),
        ({"next": 3, "results": []}, Refused, "foreign_link"),
        ({"next": None}, Transient, "garbled"),
        ({"next": None, "results": ["x"]}, Transient, "garbled"),
        ([], Transient, "garbled"),
    ],
)
def test_a_page_that_is_none(script, client, page, error, code):
    script.then(page)
    with pytest.raises(error) as caught:
        list(client.list_patients(TICKET))
    assert (caught.value.code, caught.value.call_id) == (code, 7)


def test_pages_that_go_in_a_circle_end(script, client):
    def page(number):
        return {"next": f"{BASE}/api/patients?page={number}", "results": []}

    script.then(page(2), page(3), page(2))
    with pytest.raises(Transient) as caught:
        list(client.list_patients(TICKET))
    assert caught.value.code == "page_loop"
    assert len(script.calls) == 3


def test_finding_patients_gathers_all_pages(script, client):
    script.then(
        {"next": BASE + "/api/patients?page=2", "results": [{"id": 1}]}, {"results": [{"id": 2}]}
    )
    assert client.find_patients(TICKET, email="a@example.org") == [{"id": 1}, {"id": 2}]
    assert script.lines()[0] == ("GET patients /api/patients", {"email": "a@example.org"})


@pytest.mark.parametrize(
    ("method", "arguments", "line", "query"),
    [
        ("doctors", (), "GET doctors /api/doctors", {}),
        ("offices", (), "GET offices /api/offices", {}),
        ("profiles", (), "GET appointment_profiles /api/appointment_profiles", {}),
        ("profiles", ("9",), "GET appointment_profiles /api/appointment_profiles", {"doctor": "9"}),
        (
            "custom_appointment_fields",
            ("9",),
            "GET custom_appointment_fields /api/custom_appointment_fields",
            {"doctor": "9"},
        ),
        (
            "custom_demographics",
            ("9",),
            "GET custom_demographics /api/custom_demographics",
            {"doctor": "9"},
        ),
    ],
)
def test_the_practice(script, client, method, arguments, line, query):
    script.then({"results": [{"id": 1}]})
    assert getattr(client, method)(TICKET, *arguments) == [{"id": 1}]
    assert script.lines() == [(line, query)]


def test_our_own_fields_are_made_for_a_doctor(script, client):
    script.then({"id": 1}, {"id": 2})
    client.create_custom_appointment_field(TICKET, "9", "Visit", "Do not edit")
    client.create_custom_demographic(TICKET, "9", "Visit")
    assert [call.json for call in script.calls] == [
        {"doctor": 9, "field_name": "Visit", "field_desc": "Do not edit"},
        {"doctor": 9, "name": "Visit", "description": ""},
    ]
    assert [call.path for call in script.calls] == [
        "/api/custom_appointment_fields",
        "/api/custom_demographics",
    ]
    assert {call.doctor for call in script.calls} == {"9"}


STARTED = {"uuid": "u-1", "status": "In progress"}


class TestBulk:
    """DrChrono's bulk lists in the forms in which they were seen (docs/api-facts.md, D53)."""

    def test_asked_for_waited_for_and_read_page_by_page(self, script, client):
        waits = []
        script.then(
            STARTED,
            {"uuid": "u-1", "status": "In progress"},
            {
                "status": "Complete",
                "pagination": {"count": 3, "pages": 2, "page_size": 2, "page": 1},
                "results": [{"id": "1"}, {"id": "2"}],
            },
            {"status": "In progress"},
            {"status": "Complete", "pagination": {"pages": 2}, "results": [{"id": "3"}]},
        )
        pages = list(
            client.bulk_appointments(TICKET, waits.append, page_size=2, since="2026-11-21")
        )
        assert pages == [
            BulkPage("u-1", 1, 2, ({"id": "1"}, {"id": "2"})),
            BulkPage("u-1", 2, 2, ({"id": "3"},)),
        ]
        assert waits == [1, 1]
        polled = "GET bulk /api/appointments_list"
        one = {"uuid": "u-1", "page": "1", "page_size": "2"}
        assert script.lines() == [
            (
                "POST bulk /api/appointments_list",
                {"order_by": "updated_at", "page_size": "2", "since": "2026-11-21"},
            ),
            (polled, one),
            (polled, one),
            (polled, one | {"page": "2"}),
            (polled, one | {"page": "2"}),
        ]

    def test_patients_in_one_page_without_pagination(self, script, client):
        script.then(STARTED, {"status": "Complete", "results": [{"id": 1}], "uuid": "u-1"})
        [page] = client.bulk_patients(TICKET, lambda _: None, verbose=True)
        assert page == BulkPage("u-1", 1, 1, ({"id": 1},))
        assert script.lines()[0] == (
            "POST bulk /api/patients_list",
            {"order_by": "updated_at", "page_size": "1000", "verbose": "true"},
        )

    def test_pages_by_next_and_under_the_schemas_name(self, script, client):
        script.then(
            STARTED,
            {"next": BASE + "/api/appointments_list?uuid=u-1&page=2", "data": [{"id": "1"}]},
            {"next": None, "data": [{"id": "2"}]},
        )
        pages = list(client.bulk_appointments(TICKET, lambda _: None))
        assert [page.results for page in pages] == [({"id": "1"},), ({"id": "2"},)]

    def test_a_kept_list_is_gone_on_with(self, script, client):
        script.then(
            {"status": "Complete", "pagination": {"pages": 3}, "results": []}, {"results": []}
        )
        done = BulkPage("u-9", 2, 3, ())
        [page] = client.bulk_patients(TICKET, lambda _: None, resume=done)
        assert (page.uuid, page.page) == ("u-9", 3)
        assert script.calls[0].method == "GET"
        last = BulkPage("u-9", 3, 3, ())
        assert list(client.bulk_patients(TICKET, lambda _: None, resume=last)) == []

    def test_a_forgotten_list(self, script, client):
        script.then(STARTED, Gone("invalid_uuid", 8))
        with pytest.raises(InvalidUuid) as caught:
            list(client.bulk_appointments(TICKET, lambda _: None))
        assert caught.value.call_id == 8

    @pytest.mark.parametrize(
        ("answers", "code"),
        [
            ([{"status": "In progress"}], "garbled"),
            ([STARTED, {"status": "Error"}], "bulk_failed"),
            ([STARTED, {"status": "Complete"}], "garbled"),
            ([STARTED] + [{"status": "In progress"}] * 60, "bulk_slow"),
        ],
    )
    def test_a_list_that_does_not_get_done(self, script, client, answers, code):
        script.then(*answers)
        with pytest.raises(Transient) as caught:
            list(client.bulk_appointments(TICKET, lambda _: None))
        assert caught.value.code == code
