"""Classify answers, row by row (docs/rules.md, R19): documented, observed, and neither."""

from datetime import UTC, datetime, timedelta

import pytest

from sync.core.answers.endpoints import is_write
from sync.core.answers.table import Asked, Received, classify
from sync.core.answers.verdict import Kind, Verdict, error_for
from sync.core.errors import AuthFailed, Conflict, Gone, Refused, Throttled, Transient, Unresolved

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
JSON = "application/json"
OK, PERMANENT, TRANSIENT = Kind.OK, Kind.PERMANENT, Kind.TRANSIENT
THROTTLED, AUTH, GONE = Kind.THROTTLED, Kind.AUTH, Kind.GONE
CONFLICT, AMBIGUOUS = Kind.CONFLICT, Kind.AMBIGUOUS

DUPLICATE = {"detail": "Potential duplicate patient(s) found."}
NOT_FOUND = {"detail": "Not found."}
OVERLAP = {"detail": "Appointment overlaps with 987654"}
D, C = "drchrono", "oncall"


def verdict(system, method, endpoint, status, json=None, content_type=JSON, headers=None):
    received = Received(status, content_type, json, headers or {})
    return classify(Asked(system, endpoint, method), received, NOW)


SUCCESS = [
    # An object shows its identity; a list its items under either name.
    (D, "GET", "appointment", 200, {"id": "1"}, OK, "ok"),
    (D, "GET", "patient", 200, {"id": 1}, OK, "ok"),
    (D, "GET", "appointments", 200, {"results": []}, OK, "ok"),
    (D, "GET", "appointments", 200, {"data": []}, OK, "ok"),
    (D, "POST", "appointments", 201, {"id": "1"}, OK, "ok"),
    (D, "PATCH", "appointment", 204, None, OK, "ok"),
    (D, "DELETE", "appointment", 204, None, OK, "ok"),
    (D, "POST", "bulk", 201, {"uuid": "u", "status": "In progress"}, OK, "ok"),
    (D, "POST", "bulk", 202, {"uuid": "u"}, OK, "ok"),
    (D, "GET", "bulk", 200, {"status": "Complete", "results": []}, OK, "ok"),
    (D, "GET", "bulk", 200, {"results": [{"notes": "invalid uuid"}]}, OK, "ok"),
    (D, "POST", "token", 200, {"access_token": "a", "refresh_token": "r"}, OK, "ok"),
    (D, "POST", "revoke_token", 200, None, OK, "ok"),
    (C, "GET", "appointment", 200, {"url": "https://x/appointments/1/"}, OK, "ok"),
    (C, "GET", "contacts", 200, {"count": 0, "results": []}, OK, "ok"),
    (C, "POST", "appointments", 201, {"url": "https://x/appointments/1/"}, OK, "ok"),
    (C, "PATCH", "participant", 200, {"url": "https://x/participants/1/"}, OK, "ok"),
    (C, "PATCH", "participant", 204, None, OK, "ok"),
    # What came is not what was due: a read is made again, a write has happened unread.
    (D, "GET", "appointment", 200, None, TRANSIENT, "garbled"),
    (D, "GET", "appointment", 200, {"detail": "ok"}, TRANSIENT, "garbled"),
    (D, "GET", "appointment", 204, None, TRANSIENT, "garbled"),
    (D, "GET", "appointments", 200, [], TRANSIENT, "garbled"),
    (D, "GET", "appointments", 200, {"results": None}, TRANSIENT, "garbled"),
    (D, "GET", "appointments", 202, {"results": []}, TRANSIENT, "garbled"),
    (D, "POST", "appointments", 201, None, AMBIGUOUS, "garbled"),
    (D, "POST", "appointments", 200, {}, AMBIGUOUS, "garbled"),
    (D, "POST", "appointments", 204, None, AMBIGUOUS, "garbled"),
    (D, "PATCH", "appointment", 200, None, AMBIGUOUS, "garbled"),
    (D, "POST", "bulk", 200, None, TRANSIENT, "garbled"),
    (D, "POST", "token", 200, {"access_token": "a"}, AMBIGUOUS, "garbled"),
    (C, "POST", "contacts", 201, {"id": 1}, AMBIGUOUS, "garbled"),
    (C, "POST", "contacts", 202, {"url": "https://x/contacts/1/"}, AMBIGUOUS, "garbled"),
    (C, "PATCH", "contact", 200, None, AMBIGUOUS, "garbled"),
]

REFUSALS = [
    (D, "PATCH", "appointment", 400, {"status": ["bad"]}, PERMANENT, "invalid"),
    (D, "POST", "appointments", 403, {"detail": "No permission."}, PERMANENT, "forbidden"),
    (D, "GET", "appointment", 403, {"detail": "No permission."}, PERMANENT, "forbidden"),
    (D, "GET", "appointments", 404, {"detail": "Not found."}, PERMANENT, "no_such_endpoint"),
    (D, "POST", "appointments", 404, NOT_FOUND, PERMANENT, "no_such_endpoint"),
    (D, "POST", "bulk", 404, NOT_FOUND, PERMANENT, "no_such_endpoint"),
    (D, "PUT", "patient", 405, {"detail": "Not allowed."}, PERMANENT, "method_not_allowed"),
    (C, "PATCH", "contact", 400, ["no"], PERMANENT, "invalid"),
    (C, "POST", "appointments", 400, {"error": "no"}, PERMANENT, "invalid"),
    (C, "GET", "contact", 403, {"detail": "Not yours."}, PERMANENT, "forbidden"),
    (C, "POST", "appointments", 418, {"detail": "?"}, PERMANENT, "refused"),
    (C, "GET", "appointments", 451, ["?"], PERMANENT, "refused"),
    # By id only, and never a 403.
    (D, "GET", "appointment", 404, {"detail": "Not found."}, GONE, "not_found"),
    (D, "PATCH", "appointment", 404, NOT_FOUND, GONE, "not_found"),
    (D, "DELETE", "appointment", 410, NOT_FOUND, GONE, "not_found"),
    (D, "GET", "patient", 404, {"detail": "Not found."}, GONE, "not_found"),
    (C, "GET", "appointment", 404, {"error": "Not found"}, GONE, "not_found"),
    (C, "PATCH", "participant", 404, {"detail": "Not found."}, GONE, "not_found"),
    (C, "GET", "contact", 404, ["Not found."], GONE, "not_found"),
    (D, "GET", "bulk", 200, {"detail": "Invalid uuid specified"}, GONE, "invalid_uuid"),
    (D, "GET", "bulk", 400, {"detail": "Invalid uuid specified"}, GONE, "invalid_uuid"),
    (D, "GET", "bulk", 404, NOT_FOUND, GONE, "invalid_uuid"),
    (D, "POST", "appointments", 409, OVERLAP, CONFLICT, "overlap"),
    (D, "PATCH", "appointment", 409, None, CONFLICT, "overlap"),
    (D, "POST", "patients", 409, DUPLICATE, CONFLICT, "duplicate_patient"),
    (D, "POST", "patients", 400, DUPLICATE, CONFLICT, "duplicate_patient"),
    (D, "POST", "patients", 400, {"gender": ["required"]}, PERMANENT, "invalid"),
    (D, "PATCH", "patient", 409, {"detail": "?"}, CONFLICT, "conflict"),
    (C, "POST", "contacts", 409, None, CONFLICT, "conflict"),
]

CREDENTIALS = [
    (D, "GET", "appointment", 401, {"detail": "expired"}, AUTH, "unauthorised"),
    (D, "POST", "appointments", 401, {"detail": "expired"}, AUTH, "unauthorised"),
    (C, "PATCH", "participant", 401, {"error": "no"}, AUTH, "unauthorised"),
    (
        C,
        "GET",
        "appointments",
        403,
        {"detail": "Authentication credentials were not provided."},
        AUTH,
        "unauthorised",
    ),
    (C, "POST", "contacts", 403, {"detail": "Invalid token."}, AUTH, "unauthorised"),
    (D, "POST", "token", 401, {"error": "invalid_grant"}, AUTH, "invalid_grant"),
    (D, "POST", "token", 400, {"error": "invalid_grant"}, AUTH, "invalid_grant"),
    (D, "POST", "token", 401, {"error": "invalid_client"}, AUTH, "invalid_client"),
    (D, "POST", "token", 401, {"error": "Jane Doe"}, AUTH, "token_refused"),
    (D, "POST", "token", 400, {"error": "invalid_scope"}, PERMANENT, "invalid_scope"),
    (D, "POST", "token", 400, {"error": "?"}, PERMANENT, "token_refused"),
]

UNKNOWN = [
    (D, "GET", "appointment", 500, None, TRANSIENT, "server_error"),
    (D, "GET", "appointments", 502, None, TRANSIENT, "server_error"),
    (D, "GET", "appointment", 408, None, TRANSIENT, "server_error"),
    (D, "GET", "appointment", 599, None, TRANSIENT, "server_error"),
    (D, "GET", "appointment", 199, None, TRANSIENT, "server_error"),
    (D, "POST", "bulk", 500, None, TRANSIENT, "server_error"),
    (D, "POST", "revoke_token", 500, None, TRANSIENT, "server_error"),
    (D, "POST", "appointments", 500, None, AMBIGUOUS, "server_error"),
    (D, "PATCH", "appointment", 503, None, AMBIGUOUS, "server_error"),
    (D, "POST", "token", 500, None, AMBIGUOUS, "server_error"),
    (C, "POST", "appointments", 504, None, AMBIGUOUS, "server_error"),
    (C, "PATCH", "contact", 408, None, AMBIGUOUS, "server_error"),
    # A redirect that may not be followed: 302 means "resend", so nothing was done.
    (D, "PATCH", "appointment", 302, None, TRANSIENT, "redirect_refused"),
    (D, "GET", "appointment", 301, None, TRANSIENT, "redirect_refused"),
    (D, "POST", "appointments", 303, None, AMBIGUOUS, "redirect_refused"),
]


@pytest.mark.parametrize(
    ("system", "method", "endpoint", "status", "json", "kind", "code"),
    SUCCESS + REFUSALS + CREDENTIALS + UNKNOWN,
)
def test_row(system, method, endpoint, status, json, kind, code):
    found = verdict(system, method, endpoint, status, json)
    assert (found.kind, found.detail_code) == (kind, code)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Appointment overlaps with 987654", "987654"),
        ("Appointment overlaps with 20261122_987654.", "20261122_987654"),
        ("Appointment overlaps with Jane Doe", None),
        ("Overlapping", None),
    ],
)
def test_the_other_appointment_of_an_overlap(text, other):
    for body in ({"detail": text}, {"non_field_errors": [text]}, [text]):
        assert verdict(D, "POST", "appointments", 409, body).other_id == other


@pytest.mark.parametrize(
    ("json", "fields"),
    [
        ({"reason": ["Too long: Jane Doe"], "status": ["?"]}, ("reason", "status")),
        ({"participants": ["bad"]}, ("participants",)),
        ({"metadata": {"x": ["bad"]}}, ("metadata.x",)),
        ({"metadata": {"Jane Doe": ["bad"]}}, ("metadata",)),
        ({"errors": {"phone": ["bad"], "email": ["bad"]}}, ("email", "phone")),
        ({"errors": {"phone": "bad"}}, ("phone",)),
        ({"phone": "bad"}, ("phone",)),
        ({"detail": "Jane"}, ()),
        ({"non_field_errors": ["x"], "detail": ["x"]}, ()),
        ({"Jane Doe": ["x"], "jane@example.org": ["x"], "email": ["x"]}, ("email",)),
        (["email"], ()),
        # Other services' forms: OnCall's errors have no standard shape.
        ({"error": {"phone": ["bad"]}}, ("phone",)),
        ({"detail": {"dateOfBirth": ["bad"]}}, ("date_of_birth",)),
        ({"title": ["bad"]}, ("title",)),
        ({"custom_field_values": {"452": ["bad"]}}, ("custom_field_values",)),
        # No field is named, and the sentence says which one it is.
        ({"detail": "Enter a valid phone number."}, ("phone",)),
        (["Invalid date of birth"], ("birth_date",)),
        ({"error": "No such custom field"}, ("marker",)),
    ],
)
def test_only_field_names_are_taken_over(json, fields):
    found = verdict(C, "PATCH", "contact", 400, json)
    assert found == Verdict(PERMANENT, "invalid", fields=fields)


AT_1 = (("participants", 1),)


@pytest.mark.parametrize(
    ("json", "fields", "places"),
    [
        (
            {"participants": [{}, {"email": ["bad"]}, {"email": ["bad"], "name": ["bad"]}]},
            ("participants.email", "participants.name"),
            (("participants", 1), ("participants", 2)),
        ),
        (
            {"errors": {"participants": [{"email": ["bad"]}], "title": ["bad"]}},
            ("participants.email", "title"),
            (("participants", 0),),
        ),
        ({"participants": {"1": {"email": ["bad"]}}}, ("participants.email",), AT_1),
        ({"participants[1].email": ["bad"]}, ("participants.email",), AT_1),
        ({"participants.1.email": ["bad"]}, ("participants.email",), AT_1),
        ({"participants": [{}, {"user": {"email": ["bad"]}}]}, ("participants.user.email",), AT_1),
        ({"participants": [{}, {"non_field_errors": ["bad"]}]}, ("participants",), AT_1),
    ],
)
def test_which_object_of_a_list_is_complained_about(json, fields, places):
    found = verdict(C, "POST", "appointments", 400, json)
    assert (found.fields, found.places) == (fields, places)


@pytest.mark.parametrize(
    ("status", "json", "headers", "seconds"),
    [
        (429, {"detail": "Request was throttled. Expected available in 2295.0 seconds."}, {}, 2295),
        (429, {"detail": "Expected available in 1 second."}, {}, 1),
        (429, {"detail": "available in 9 seconds"}, {"retry-after": "120"}, 120),
        (429, None, {"retry-after": "Sun, 22 Nov 2026 12:05:00 GMT"}, 300),
        (429, None, {"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT"}, 1),
        (429, None, {"retry-after": "0"}, 1),
        (429, None, {"retry-after": "-5"}, 60),
        (429, None, {"retry-after": "soon"}, 60),
        (429, None, {}, 60),
        (429, None, {"retry-after": "999999999"}, 86400),
        (403, {"detail": "Request was throttled."}, {}, 60),
        (503, {"detail": "Rate limit exceeded"}, {"retry-after": "7"}, 7),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_throttled_until(method, status, json, headers, seconds):
    for system, endpoint in ((D, "appointments"), (C, "contacts"), (D, "token")):
        found = verdict(system, method, endpoint, status, json, headers=headers)
        assert (found.kind, found.retry_at) == (THROTTLED, NOW + timedelta(seconds=seconds))


def test_a_server_error_may_say_when_to_come_back():
    found = verdict(C, "GET", "contact", 503, headers={"retry-after": "30"})
    assert (found.kind, found.retry_at) == (TRANSIENT, NOW + timedelta(seconds=30))


def test_methods_are_known_in_any_case():
    assert verdict(D, "patch", "appointment", 500).kind is AMBIGUOUS
    assert verdict(D, "get", "appointment", 500).kind is TRANSIENT
    assert verdict(D, "get", "appointments", 200, {"results": []}).kind is OK


@pytest.mark.parametrize(
    ("endpoint", "method", "writes"),
    [
        ("appointment", "GET", False),
        ("appointment", "PATCH", True),
        ("token", "POST", True),
        ("bulk", "POST", False),
        ("revoke_token", "POST", False),
        ("never_heard_of", "POST", True),
    ],
)
def test_what_could_do_something_twice(endpoint, method, writes):
    assert is_write(endpoint, method) is writes


@pytest.mark.parametrize(
    ("found", "error", "attributes"),
    [
        (Verdict(PERMANENT, "invalid", fields=("email",)), Refused, {"fields": ("email",)}),
        (Verdict(GONE, "not_found"), Gone, {}),
        (Verdict(CONFLICT, "overlap", other_id="7"), Conflict, {"other_id": "7"}),
        (Verdict(AUTH, "unauthorised"), AuthFailed, {}),
        (Verdict(THROTTLED, "throttled", NOW), Throttled, {"until": NOW}),
        (Verdict(TRANSIENT, "server_error", NOW), Transient, {"until": NOW}),
        (Verdict(AMBIGUOUS, "garbled"), Unresolved, {}),
    ],
)
def test_each_verdict_has_its_exception(found, error, attributes):
    failure = error_for(found, 42)
    assert type(failure) is error
    assert (failure.code, failure.call_id) == (found.detail_code, 42)
    for name, value in attributes.items():
        assert getattr(failure, name) == value


def test_ok_is_no_exception():
    assert error_for(Verdict(OK, "ok"), 42) is None
