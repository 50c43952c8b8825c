"""The webhooks' doors: who comes in, in which order that is asked, what is stored and rung."""

import base64
import io
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from service.app import create_app
from service.doors import Doors
from sync import assemble
from sync.config import Settings
from sync.runtime import Sync
from sync.store.database import Store
from sync.store.schema import delivery, object_
from sync.store.tables import journal
from tests.support.servers.one_port import client
from workers.bell import Bell

DRCHRONO = "/webhooks/drchrono"
ONCALL = "/webhooks/oncall"
SECRETS = "first-secret,second-secret"
TOKENS = "token-one,token-two"
HINT = {"event": "appointment_updated", "url": "https://api.oncallhealth.com/appointments/1"}


def settings(database_url: str, **changed: Any) -> Settings:
    values = {
        "database_url": database_url,
        "drchrono_webhook_secrets": SECRETS,
        "oncall_webhook_tokens": TOKENS,
        "encryption_keys": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "digest_keys": "k" * 43,
        "settle_seconds": 0.0,
    }
    return Settings(_env_file=None, **(values | changed))


@pytest.fixture
def sync(store: Store) -> Iterator[Sync]:
    made = assemble.build(settings(store.url), owner="web@test:1")
    yield made
    made.close()


@pytest.fixture
def bell(redis_url: str) -> Iterator[Bell]:
    made = Bell(redis_url)
    yield made
    made.close()


@pytest.fixture
def web(sync: Sync, bell: Bell) -> FlaskClient:
    return create_app(Doors.of(sync, bell)).test_client()


def drchrono(
    web: FlaskClient, event: str, body: Any, *, secret: str | None = "first-secret"
) -> TestResponse:
    headers = {"X-drchrono-event": event, "X-drchrono-delivery": "d-1"}
    if secret is not None:
        headers["X-drchrono-signature"] = secret
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return web.post(DRCHRONO, data=data, headers=headers)


def stored(store: Store) -> int:
    with store.read() as conn:
        return sum(
            conn.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (delivery, object_)
        )


def counters(store: Store) -> dict[str, float]:
    with store.read() as conn:
        return {labels: value for _name, labels, value in journal.read_counters(conn)}


def rung(redis_url: str) -> list[Any]:
    with redis.Redis.from_url(redis_url) as client:
        return Queue("told", connection=client, serializer=JSONSerializer).jobs


def error(answer: TestResponse) -> str:
    told = answer.get_json()
    assert set(told) == {"error", "detail"}
    return str(told["error"])


# --- the handshake (docs/api-facts.md, D56); digests by openssl dgst -hmac


@pytest.mark.parametrize(
    ("msg", "expected"),
    [
        ("challenge", "d7de96365d71857540fdc142ef658247ebc267ca03afbd41ef403c7e8a7c7dba"),
        ("cl%C3%A9", "0bf4b30d7c537fb76ea2c8d56d6818aa3113b7c0524964d63923937830d989a8"),
    ],
)
def test_the_handshake_is_signed_with_the_first_secret(
    web: FlaskClient, msg: str, expected: str
) -> None:
    answer = web.get(f"{DRCHRONO}?msg={msg}")
    assert answer.status_code == 200
    assert answer.get_json() == {"secret_token": expected}


@pytest.mark.parametrize("query", ["", "?msg="])
def test_a_handshake_without_msg_is_refused(web: FlaskClient, query: str) -> None:
    assert web.get(DRCHRONO + query).status_code == 400


def test_a_handshake_without_a_secret_here_proves_nothing(store: Store, bell: Bell) -> None:
    sync = assemble.build(settings(store.url, drchrono_webhook_secrets=""), owner="web@test:1")
    answer = create_app(Doors.of(sync, bell)).test_client().get(f"{DRCHRONO}?msg=a")
    assert (answer.status_code, error(answer)) == (503, "not_configured")
    sync.close()


# --- DrChrono's order of questions ----------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"not json", b"x" * (1024 * 1024 + 1)])
@pytest.mark.parametrize("secret", [None, "wrong", "first-secret"])
def test_a_ping_is_204_whatever_it_brings_and_does_nothing(
    web: FlaskClient, store: Store, secret: str | None, body: bytes
) -> None:
    answer = drchrono(web, "PING", body, secret=secret)
    assert (answer.status_code, answer.data) == (204, b"")
    assert stored(store) == 0
    assert counters(store) == {}


@pytest.mark.parametrize(
    "secret", [None, "", "wrong", "first-secret ,", "clé", "\xff\xfe", SECRETS]
)
def test_a_wrong_secret_is_401_before_anything_else_is_asked(
    web: FlaskClient, store: Store, secret: str | None
) -> None:
    for body in (b"", b"not json", b"x" * (1024 * 1024 + 1), {"object": {"id": "1"}}):
        answer = drchrono(web, "APPOINTMENT_MODIFY", body, secret=secret)
        assert (answer.status_code, error(answer)) == (401, "secret")
    assert stored(store) == 0


@pytest.mark.parametrize("secret", ["first-secret", "second-secret"])
def test_each_active_secret_is_taken(web: FlaskClient, secret: str) -> None:
    answer = drchrono(web, "APPOINTMENT_DELETE", {"object": {"id": "1"}}, secret=secret)
    assert answer.status_code == 204


def test_a_secret_that_is_not_ascii_is_compared_as_bytes(store: Store, bell: Bell) -> None:
    sync = assemble.build(settings(store.url, drchrono_webhook_secrets="schlüssel"), owner="w")
    web = create_app(Doors.of(sync, bell)).test_client()
    # A header's bytes reach WSGI decoded as Latin-1.
    sent = "schlüssel".encode().decode("latin-1")
    answer = drchrono(web, "APPOINTMENT_DELETE", {"object": {"id": "1"}}, secret=sent)
    assert answer.status_code == 204
    sync.close()


def test_without_any_secret_here_nobody_comes_in(store: Store, bell: Bell) -> None:
    sync = assemble.build(settings(store.url, drchrono_webhook_secrets=""), owner="web@test:1")
    web = create_app(Doors.of(sync, bell)).test_client()
    for secret in (None, ""):
        answer = drchrono(web, "APPOINTMENT_MODIFY", {"object": {"id": "1"}}, secret=secret)
        assert answer.status_code == 401
    sync.close()


@pytest.mark.parametrize(
    ("size", "status"), [(1024 * 1024, 204), (1024 * 1024 + 1, 413), (3 * 1024 * 1024, 413)]
)
def test_a_body_may_have_one_mebibyte(web: FlaskClient, size: int, status: int) -> None:
    frame = len(json.dumps({"object": {"id": "1", "notes": ""}}))
    body = {"object": {"id": "1", "notes": "x" * (size - frame)}}
    answer = drchrono(web, "APPOINTMENT_DELETE", body)
    assert answer.status_code == status


def test_size_is_asked_before_json(web: FlaskClient, store: Store) -> None:
    answer = drchrono(web, "APPOINTMENT_MODIFY", b"{" * (1024 * 1024 + 1))
    assert (answer.status_code, error(answer)) == (413, "too_large")
    assert stored(store) == 0


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"]
)
@pytest.mark.parametrize("event", ["APPOINTMENT_MODIFY", "TASK_CREATE"])
def test_what_is_not_json_is_400_before_the_event_is_looked_at(
    web: FlaskClient, store: Store, event: str, body: bytes
) -> None:
    answer = drchrono(web, event, body)
    assert (answer.status_code, error(answer)) == (400, "not_json")
    assert stored(store) == 0


@pytest.mark.parametrize("event", ["TASK_CREATE", "PATIENT_FLAG_CREATE", "", "x" * 3000])
@pytest.mark.parametrize("body", [{}, [], 1, None, {"object": {"id": "1"}}])
def test_an_unknown_event_is_acknowledged_and_counted(
    web: FlaskClient, store: Store, event: str, body: Any
) -> None:
    assert drchrono(web, event, body).status_code == 204
    assert stored(store) == 0
    assert counters(store) == {"source=drchrono,outcome=ignored": 1.0}


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        "1",
        {"object": {}},
        {"object": []},
        {"object": {"id": ""}},
        {"object": {"id": None}},
        {"object": {"id": {"a": 1}}},
        {"object": {"id": "x" * 1000}},
        {"object": {"id": "1\u0000"}},
        {"object": {"id": "\ud800"}},
    ],
)
def test_a_known_event_without_a_usable_id_is_422(
    web: FlaskClient, store: Store, body: Any
) -> None:
    for event in ("APPOINTMENT_MODIFY", "PATIENT_MODIFY", "CLINICAL_NOTE_LOCK"):
        answer = drchrono(web, event, body)
        assert (answer.status_code, error(answer)) == (422, "no_id")
    assert stored(store) == 0


def test_an_accepted_delivery_is_stored_without_the_receiver(
    web: FlaskClient, store: Store
) -> None:
    body = {
        "receiver": {"secret_token": "first-secret", "callback_url": "x"},
        "object": {"id": "77", "reason": "cough"},
    }
    assert drchrono(web, "APPOINTMENT_MODIFY", body).status_code == 204
    with store.read() as conn:
        row = conn.execute(select(delivery)).mappings().one()
    assert (row["source"], row["event"], row["delivery_id"]) == (
        "drchrono",
        "APPOINTMENT_MODIFY",
        "d-1",
    )
    for told in ("cough", "first-secret"):
        assert told not in str(dict(row))


def test_a_redelivery_with_the_same_id_is_heard(web: FlaskClient, store: Store) -> None:
    for _ in range(2):
        assert drchrono(web, "APPOINTMENT_MODIFY", {"object": {"id": "77"}}).status_code == 204
    with store.read() as conn:
        assert conn.execute(select(func.count()).select_from(delivery)).scalar_one() == 2


# --- OnCall ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [f"{ONCALL}/token-one", f"{ONCALL}/token-two/"])
def test_oncall_s_token_may_be_in_the_path(web: FlaskClient, redis_url: str, address: str) -> None:
    assert web.post(address, json=HINT).status_code == 204
    assert len(rung(redis_url)) == 1


@pytest.mark.parametrize("user", ["", "oncall", "jo@example.org"])
def test_oncall_s_token_may_be_a_password_of_any_user(
    web: FlaskClient, redis_url: str, user: str
) -> None:
    assert web.post(ONCALL, json=HINT, auth=(user, "token-two")).status_code == 204
    assert len(rung(redis_url)) == 1


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Basic",
        "Basic !!!",
        "Bearer token-one",
        "Basic " + base64.b64encode(b"token-one").decode(),
        "Basic " + base64.b64encode(b"a:wrong").decode(),
        "Basic " + base64.b64encode(b"token-one:").decode(),
        "Basic " + base64.b64encode(b"a:\xff\xfe").decode(),
    ],
)
def test_other_credentials_are_401(web: FlaskClient, store: Store, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    answer = web.post(ONCALL, json=HINT, headers=headers)
    assert (answer.status_code, error(answer)) == (401, "secret")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert stored(store) == 0


@pytest.mark.parametrize("token", ["wrong", "token-one,token-two", "%C3%A9", "%FF", "token-on"])
def test_a_wrong_token_in_the_path_is_401(web: FlaskClient, store: Store, token: str) -> None:
    answer = web.post(f"{ONCALL}/{token}", data=b"not json")
    assert (answer.status_code, error(answer)) == (401, "secret")
    assert stored(store) == 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"x" * (1024 * 1024 + 1), 413, "too_large"),
        (b"{", 400, "not_json"),
        (b'{"event": "appointment_updated"}', 422, "no_id"),
        (b'{"event": "appointment_created", "url": 5}', 422, "no_id"),
        (b'{"event": "appointment_created", "url": "https://api.oncallhealth.com/"}', 422, "no_id"),
    ],
)
def test_oncall_s_refusals(
    web: FlaskClient, store: Store, body: bytes, status: int, code: str
) -> None:
    answer = web.post(f"{ONCALL}/token-one", data=body)
    assert (answer.status_code, error(answer)) == (status, code)
    assert stored(store) == 0


@pytest.mark.parametrize("body", [{}, [], {"event": "contact_created"}, {"event": ["x"]}])
def test_an_unknown_event_of_oncall_is_acknowledged(
    web: FlaskClient, store: Store, body: Any
) -> None:
    assert web.post(f"{ONCALL}/token-one", json=body).status_code == 204
    assert counters(store) == {"source=oncall,outcome=ignored": 1.0}


@pytest.mark.parametrize(
    "url",
    [
        "https://api.oncallhealth.com/appointments/12",
        "https://api.oncallhealth.ca/appointments/12/",
        "http://169.254.169.254/appointments/12",
    ],
)
def test_the_id_is_taken_from_the_address_on_any_host(
    web: FlaskClient, store: Store, url: str
) -> None:
    body = {"event": "appointment_created", "url": url}
    assert web.post(f"{ONCALL}/token-one", json=body).status_code == 204
    with store.read() as conn:
        row = conn.execute(select(object_)).mappings().one()
    assert (row["system"], row["kind"], row["remote_id"]) == ("oncall", "appointment", "12")


# --- what fails behind the door -------------------------------------------------------------------


def test_redis_down_is_still_2xx(sync: Sync, store: Store) -> None:
    web = create_app(Doors.of(sync, Bell("redis://127.0.0.1:1"))).test_client()
    assert web.post(f"{ONCALL}/token-one", json=HINT).status_code == 204
    assert stored(store) == 2


def test_the_database_down_is_503(sync: Sync, store: Store, redis_url: str) -> None:
    store.downgrade("base")
    web = create_app(Doors.of(sync, Bell(redis_url))).test_client()
    for answer in (
        web.post(f"{ONCALL}/token-one", json=HINT),
        drchrono(web, "APPOINTMENT_MODIFY", {"object": {"id": "1"}}),
        drchrono(web, "TASK_CREATE", {}),
    ):
        assert (answer.status_code, error(answer)) == (503, "database")
    assert rung(redis_url) == []


def test_a_database_that_refuses_connections_is_503_at_once(bell: Bell) -> None:
    sync = assemble.build(settings("postgresql://postgres@127.0.0.1:1/x"), owner="web@test:1")
    web = client(Doors.of(sync, bell))
    begun = time.monotonic()
    assert web.post(f"{ONCALL}/token-one", json=HINT).status_code == 503
    assert time.monotonic() - begun < 5
    assert web.get("/healthz").get_json()["parts"]["database"]["ok"] is False
    sync.close()


def test_nothing_of_a_request_is_repeated_or_logged(
    web: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    bodies = (b'{"Planted": ', {"object": {"name": "Planted"}}, {"id": "Planted"})
    told = [
        drchrono(web, event, body, secret=secret)
        for event in ("APPOINTMENT_MODIFY", "Planted-event")
        for secret in ("first-secret", "Planted-secret")
        for body in bodies
    ]
    told.append(web.post(f"{ONCALL}/Planted", data=b"Planted"))
    told.append(web.post("/Planted?Planted=1"))
    told.append(web.get(f"{ONCALL}/token-one?Planted=1"))
    for answer in told:
        assert "Planted" not in answer.get_data(as_text=True) + str(answer.headers)
    logged = capsys.readouterr()
    assert "Planted" not in logged.out + logged.err
    assert "token-one" not in logged.out + logged.err


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", ONCALL, 405), ("DELETE", DRCHRONO, 405), ("GET", "/static/x", 404)],
)
def test_other_addresses_answer_in_json_too(
    web: FlaskClient, method: str, path: str, status: int
) -> None:
    answer = web.open(path, method=method)
    assert answer.status_code == status
    error(answer)


def test_a_chunked_body_is_measured_too(web: FlaskClient) -> None:
    answer = web.post(
        DRCHRONO,
        input_stream=io.BytesIO(b"x" * (2 * 1024 * 1024)),
        headers={"X-drchrono-signature": "first-secret", "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert answer.status_code == 413
    assert answer.headers["Connection"] == "close"
