"""A body of any kind is a hint or a 4xx: never a 5xx, never a reason to read all lists again."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.test import TestResponse

from service.app import create_app
from service.doors import Doors
from sync import assemble, log
from sync.intake.sightings import Receipt
from sync.intake.webhooks import Intake
from sync.store.database import Store
from tests.integration.doors.test_webhooks import DRCHRONO, ONCALL, settings
from tests.support import forged
from tests.support.clinic import Clinic
from tests.support.templates import on_both
from workers.bell import Bell

EVENTS = (
    *("APPOINTMENT_CREATE", "APPOINTMENT_MODIFY", "APPOINTMENT_DELETE"),
    *("PATIENT_CREATE", "PATIENT_MODIFY", "CLINICAL_NOTE_LOCK", "TASK_CREATE", ""),
)
KEYS = (
    *("id", "appointment", "doctor", "patient", "office", "profile", "exam_room", "duration"),
    *("scheduled_time", "status", "custom_status", "updated_at", "cloned_from", "is_telehealth"),
    *("base_recurring_appointment", "recurring_appointment", "recurrence_instance_key"),
    *("deleted_flag", "allow_overlapping", "email", "first_name", "last_name", "cell_phone"),
    *("date_of_birth", "gender", "patient_status", "custom_fields", "status_transitions"),
)
# What stands where another thing belongs.
ODD = (
    "9" * 5000, "-1", "1e999", "\ud800", "a\ud800b", "\x00", "a\x00b", "\u202e", "", " ",
    "2026-13-45T99:99:99", "0000-00-00", "9999-12-31T23:59:59", "10000-01-01T00:00:00",
    "2026-01-19_90010", "9999-99-99_1", 10**30, -(10**400), 1e300, 0, -1, True, None, [], {},
    [[]], {"a": {"b": None}}, [None, 1, "x"], "x" * 10_000,
)  # fmt: skip


@pytest.fixture
def asked() -> list[int]:
    """How often somebody asked for what was missed."""
    return []


@pytest.fixture
def web(sqlite_url: str, asked: list[int]) -> Iterator[FlaskClient]:
    yield from _opened(sqlite_url, asked)


@pytest.fixture
def either(database_url: str, asked: list[int]) -> Iterator[FlaskClient]:
    """The same on both databases."""
    yield from _opened(database_url, asked)


def _opened(url: str, asked: list[int]) -> Iterator[FlaskClient]:
    log.configure("CRITICAL")
    store = Store(url)
    store.migrate()
    sync = assemble.build(settings(url), owner="web@test:1")
    yield create_app(Doors.of(sync, Bell(""), lambda: asked.append(1))).test_client()
    sync.close()
    store.close()


def drchrono(web: FlaskClient, event: str, body: bytes) -> TestResponse:
    headers = {"X-drchrono-event": event, "X-drchrono-signature": "first-secret"}
    return web.post(DRCHRONO, data=body, headers=headers)


def answered(told: TestResponse, asked: list[int]) -> None:
    assert told.status_code == 204 or told.status_code // 100 == 4, told.status_code
    assert asked == []


def appointment(**changed: Any) -> bytes:
    usual = {"id": 7, "doctor": 1, "office": 2, "patient": 3, "duration": 30, "status": ""}
    return json.dumps({"object": usual | changed}).encode()


@pytest.mark.parametrize("event", ["APPOINTMENT_MODIFY", "PATIENT_MODIFY"])
def test_an_odd_value_is_a_hint_or_refused(web: FlaskClient, asked: list[int], event: str) -> None:
    for key in KEYS:
        for value in ODD:
            answered(drchrono(web, event, appointment(**{key: value})), asked)


@pytest.mark.parametrize("value", ["\ud800", "a\x00b", 10**30, "9" * 40])
def test_what_no_column_takes_is_no_failure_of_the_database(
    either: FlaskClient, asked: list[int], value: Any
) -> None:
    for key in KEYS:
        answered(drchrono(either, "APPOINTMENT_CREATE", appointment(**{key: value})), asked)
    answered(drchrono(either, "PATIENT_MODIFY", appointment(email=value, id=value)), asked)


def test_a_duration_of_five_thousand_digits_is_a_hint(web: FlaskClient) -> None:
    body = appointment(duration="9" * 5000)
    assert drchrono(web, "APPOINTMENT_MODIFY", body).status_code == 204


@on_both
def test_a_series_whose_name_no_column_takes_is_a_hint(clinic: Clinic) -> None:
    """Of an appointment of ours: what is said of its series is looked up."""
    body = forged.appointment(4711, base_recurring_appointment="\ud800")
    assert forged.drchrono(clinic, "APPOINTMENT_CREATE", body) in {204, 422}


@pytest.mark.parametrize(
    "body",
    [
        b'{"object": {"id": NaN}}',
        b'{"object": {"id": 1, "duration": Infinity}}',
        b'{"object": {"id": 1, "duration": 1e999}}',
        b'{"object": {"id": 1}, "object": "x"}',
        b'{"object": {"id": 1, "id": [2]}}',
        b"[" * 900 + b"]" * 900,
        b'{"object": {"id": 1, "x": ' + b"[" * 900 + b"]" * 900 + b"}}",
        b'{"object": {"id": 1, "x": ' + b'{"a":' * 100_000,
        b"\xef\xbb\xbf{}",
        b"\xff\xfe\x00",
        b"\x1f\x8b\x08\x00 gzip",
        b'"text"',
        b"null",
        b"12345",
        b"[1, 2]",
        b"\x00" * 100,
    ],
)
def test_odd_json_is_answered(web: FlaskClient, asked: list[int], body: bytes) -> None:
    for event in EVENTS:
        answered(drchrono(web, event, body), asked)
    answered(web.post(f"{ONCALL}/token-one", data=body), asked)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(ODD[:20]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from((*KEYS, "url", "event", "object")), inner, max_size=6)
    ),
    max_leaves=15,
)
OFTEN = hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@OFTEN
@given(
    event=st.sampled_from(EVENTS) | st.text(alphabet=st.characters(max_codepoint=255)),
    body=JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200),
    known=JSON.map(lambda value: json.dumps({"object": {"id": 7, "Planted": value}}).encode()),
)
def test_whatever_comes_is_answered_without_repeating_it(
    web: FlaskClient, asked: list[int], event: str, body: bytes, known: bytes
) -> None:
    header = event.replace("\r", "").replace("\n", "")
    for sent in (body, known):
        told = drchrono(web, header, sent)
        answered(told, asked)
        assert "Planted" not in told.get_data(as_text=True) + str(told.headers)


@OFTEN
@given(body=JSON, url=st.text(max_size=60), token=st.text(max_size=30))
def test_whatever_oncall_sends_is_answered(
    web: FlaskClient, asked: list[int], body: Any, url: str, token: str
) -> None:
    for sent in (body, {"event": "appointment_updated", "url": url, "Planted": body}):
        answered(web.post(f"{ONCALL}/token-one", data=json.dumps(sent)), asked)
    basic = ("user", token.encode("utf-8", "replace").decode())
    assert web.post(ONCALL, data="{}", auth=basic).status_code in {400, 401}


# --- what counts as missed ------------------------------------------------------------------------


def failing(error: Exception, times: int) -> Any:
    """An engine that fails on a body so often, and takes what comes after that."""
    left = [error] * times
    taken: list[Any] = []

    def take(_sync: Any, *, payload: Any, **_told: Any) -> Receipt:
        if left:
            raise left.pop()
        taken.append(payload)
        return Receipt("raised")

    take.taken = taken  # type: ignore[attr-defined]
    return take


@pytest.mark.parametrize(
    "error", [ValueError("Planted"), RecursionError(), DataError("Planted", None, Exception())]
)
def test_a_body_on_which_our_reading_breaks_is_still_a_hint(
    web: FlaskClient,
    asked: list[int],
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.configure()
    take = failing(error, 1)
    monkeypatch.setattr(Intake, "drchrono", take)
    told = drchrono(web, "APPOINTMENT_MODIFY", appointment(notes="Planted"))
    assert (told.status_code, take.taken, asked) == (204, [{"id": 7}], [])
    assert "Planted" not in capsys.readouterr().out


def test_only_the_database_s_own_failure_is_missed(
    web: FlaskClient, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Intake, "drchrono", failing(ValueError("x"), 9))
    assert drchrono(web, "APPOINTMENT_MODIFY", appointment()).status_code == 500
    assert asked == []
    away = OperationalError("x", None, Exception())
    monkeypatch.setattr(Intake, "drchrono", failing(away, 1))
    assert drchrono(web, "APPOINTMENT_MODIFY", appointment()).status_code == 503
    assert asked == [1]
