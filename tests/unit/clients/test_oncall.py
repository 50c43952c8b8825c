"""Make the right calls by the methods of the OnCall client, and read their answers."""

import pytest

from sync.core.errors import Gone, Refused, Transient
from sync.oncall.client import OnCall, last_page

BASE = "https://api.oncallhealth.ca/"
TICKET = object()
APPOINTMENT = {"url": BASE + "appointments/12/"}


@pytest.fixture
def client(script):
    return OnCall(script, BASE)


@pytest.mark.parametrize(
    ("method", "line"),
    [
        ("get_appointment", "GET appointment /appointments/12/"),
        ("get_participant", "GET participant /participants/12/"),
        ("get_contact", "GET contact /contacts/12/"),
    ],
)
def test_reading_one(script, client, method, line):
    script.then(APPOINTMENT)
    assert getattr(client, method)(TICKET, "12") == APPOINTMENT
    assert script.lines() == [(line, {})]
    assert script.tickets == [TICKET]


def test_an_id_cannot_lead_elsewhere(script, client):
    script.then(APPOINTMENT)
    client.get_appointment(TICKET, "../contacts/1?x")
    assert script.calls[0].path == "/appointments/..%2Fcontacts%2F1%3Fx/"


AUDIT = {
    "object_id": 3,
    "fields": ("starts",),
    "effect": "move",
    "pending": {(3, "starts"): "d"},
    "doctor": "9",
}


@pytest.mark.parametrize(
    ("method", "arguments", "line"),
    [
        ("create_appointment", (), "POST appointments /appointments/"),
        ("create_contact", (), "POST contacts /contacts/"),
        ("patch_appointment", ("12",), "PATCH appointment /appointments/12/"),
        ("patch_participant", ("12",), "PATCH participant /participants/12/"),
        ("patch_contact", ("12",), "PATCH contact /contacts/12/"),
    ],
)
def test_writing(script, client, method, arguments, line):
    script.then(APPOINTMENT)
    body = {"duration": 30}
    assert getattr(client, method)(TICKET, *arguments, body, **AUDIT) == APPOINTMENT
    [call] = script.calls
    assert script.lines() == [(line, {})]
    assert (call.system, call.json, call.form) == ("oncall", body, None)
    assert {name: getattr(call, name) for name in AUDIT} == AUDIT


def test_a_patch_may_answer_nothing(script, client):
    script.then(None)
    assert client.patch_participant(TICKET, "12", {"cancelled": True}) is None


@pytest.mark.parametrize(
    ("method", "arguments", "line", "query"),
    [
        ("list_appointments", {}, "GET appointments /appointments/", {}),
        ("list_appointments", {"page": 3}, "GET appointments /appointments/", {"page": "3"}),
        (
            "list_appointments",
            {"page": "/appointments/?page=4&x=%2B"},
            "GET appointments /appointments/?page=4&x=%2B",
            {},
        ),
        ("contacts", {"email": "a@b.c"}, "GET contacts /contacts/", {"email": "a@b.c"}),
        ("contacts", {"page": 2}, "GET contacts /contacts/", {"page": "2"}),
    ],
)
def test_one_page(script, client, method, arguments, line, query):
    path = line.split()[-1].partition("?")[0]
    next_page = f"{BASE}{path.removeprefix('/')}?page=3"
    script.then({"count": 41, "next": next_page, "previous": None, "results": [APPOINTMENT]})
    page = getattr(client, method)(TICKET, **arguments)
    assert (page.count, page.next, page.previous) == (41, f"{path}?page=3", None)
    assert page.results == (APPOINTMENT,)
    assert script.lines() == [(line, query)]


def test_links_lead_nowhere_but_to_the_configured_host(script, client):
    script.then(
        {"count": 1, "next": "https://api.oncallhealth.example/contacts/?page=2", "results": []}
    )
    with pytest.raises(Refused) as caught:
        client.contacts(TICKET)
    assert caught.value.code == "foreign_link"


def test_a_page_beyond_the_end_is_gone(script, client):
    script.then(
        Refused("no_such_endpoint", 8), Refused("no_such_endpoint", 9), Refused("forbidden")
    )
    with pytest.raises(Gone) as caught:
        client.list_appointments(TICKET, page=99)
    assert (caught.value.code, caught.value.call_id) == ("no_such_page", 8)
    for page in (None, 2):
        with pytest.raises(Refused):
            client.list_appointments(TICKET, page=page)


def test_all_providers(script, client):
    script.then(
        {"count": 2, "next": BASE + "providers/?page=2", "results": [{"url": "1"}]},
        {"count": 2, "next": None, "results": [{"url": "2"}]},
    )
    assert list(client.providers(TICKET)) == [{"url": "1"}, {"url": "2"}]
    assert [line for line, _ in script.lines()] == [
        "GET providers /providers/",
        "GET providers /providers/?page=2",
    ]


def test_providers_that_go_in_a_circle_end(script, client):
    page = {"count": 2, "next": BASE + "providers/?page=2", "results": []}
    script.then(page, page)
    with pytest.raises(Transient):
        list(client.providers(TICKET))


@pytest.mark.parametrize(
    ("count", "size", "page"), [(0, 20, 1), (1, 20, 1), (20, 20, 1), (21, 20, 2), (41, 20, 3)]
)
def test_last_page(count, size, page):
    assert last_page(count, size) == page


def test_a_page_size_is_positive():
    with pytest.raises(ValueError, match="positive"):
        last_page(1, 0)
