"""Spellings of addresses: many for what others call, one for what a proxy fences, no redirects."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from service.addresses import cleaned
from service.app import create_app
from service.doors import Doors
from service.ops_app import create_ops_app
from sync import assemble
from sync.store.database import Store
from tests.integration.doors.test_webhooks import HINT, settings
from workers.bell import Bell

OF_OPS = ("healthz", "metrics")
FENCED = ("livez", "readyz", *OF_OPS)
VARIANTS = ("/{}/", "//{}", "/{}//", "/./{}", "/x/../{}", "/{}%2f", "/{};x", "/{}%00", "/ {}")


@pytest.fixture
def doors(sqlite_url: str) -> Iterator[Doors]:
    store = Store(sqlite_url)
    store.migrate()
    sync = assemble.build(settings(sqlite_url), owner="web@test:1")
    yield Doors.of(sync, Bell(""))
    sync.close()
    store.close()


@pytest.fixture
def web(doors: Doors) -> FlaskClient:
    return create_app(doors).test_client()


@pytest.fixture
def ops(doors: Doors) -> FlaskClient:
    return create_ops_app(doors).test_client()


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/oncall/token-one",
        "//webhooks/oncall/token-one/",
        "/webhooks//oncall/token-one",
        "///webhooks//oncall//token-one//",
    ],
)
def test_a_slash_too_many_in_a_webhook_s_address_is_none(web: FlaskClient, path: str) -> None:
    # `PUBLIC_URL/` and `/webhooks/…` put together (pallets/flask#3565).
    answer = web.post("/", json=HINT, environ_overrides={"PATH_INFO": path})
    assert answer.status_code == 204


@pytest.mark.parametrize("path", ["//webhooks/drchrono", "/webhooks//drchrono/"])
def test_drchrono_s_calls_are_taken_there_too(web: FlaskClient, path: str) -> None:
    clean = web.get("/webhooks/drchrono?msg=abc")
    answer = web.get("/?msg=abc", environ_overrides={"PATH_INFO": path})
    assert (answer.status_code, answer.get_json()) == (200, clean.get_json())
    headers = {"X-drchrono-signature": "first-secret", "X-drchrono-event": "APPOINTMENT_DELETE"}
    told = web.post("/", json={"object": {"id": "1"}}, headers=headers,
                    environ_overrides={"PATH_INFO": path})  # fmt: skip
    assert told.status_code == 204


@pytest.mark.parametrize("name", FENCED)
def test_what_a_proxy_fences_has_one_spelling(
    web: FlaskClient, ops: FlaskClient, name: str
) -> None:
    for variant in (*VARIANTS, "/" + name.upper(), "/" + name.title()):
        path = variant.format(name).replace("%2f", "/").replace("%00", "\0")
        for door in (web, ops):
            answer = door.get("/", environ_overrides={"PATH_INFO": path})
            assert answer.status_code == 404, path


@pytest.mark.parametrize("name", [*OF_OPS, "ops"])
def test_what_is_for_operators_is_not_at_the_webhooks_port(web: FlaskClient, name: str) -> None:
    assert web.get(f"/{name}").status_code == 404


@pytest.mark.parametrize("path", ["livez", "readyz", "webhooks/drchrono", "oauth/drchrono/start"])
def test_what_others_call_is_not_at_the_operations_port(ops: FlaskClient, path: str) -> None:
    assert ops.get(f"/{path}").status_code == 404


def test_the_example_proxy_fences_each_spelling() -> None:
    conf = (Path(__file__).parents[3] / "deploy/nginx.conf").read_text()
    (fence,) = re.findall(r"location ~\* (\S+)", conf)
    for name in (*FENCED, "ops"):
        for variant in ("/{}", "/{}/", "/{}/x", "/{};x", "/{} "):
            path = variant.format(name)  # as nginx compares it: decoded, slashes merged, dots gone
            assert re.search(fence, path, re.IGNORECASE), path
            assert re.search(fence, path.upper(), re.IGNORECASE), path
    assert not re.search(fence, "/webhooks/oncall/metrics", re.IGNORECASE)


@given(st.text(alphabet="/.webhooksncaltdr%;?metrics", max_size=40))
def test_no_spelling_leads_from_one_fence_to_another(path: str) -> None:
    told = cleaned(path)
    if told.strip("/").split("/")[0] not in {"webhooks", "oauth"}:
        assert told in {path, "/-"}


@pytest.mark.parametrize("door", ["web", "ops"])
def test_no_route_makes_a_redirect(request: pytest.FixtureRequest, door: str) -> None:
    web: FlaskClient = request.getfixturevalue(door)
    for rule in web.application.url_map.iter_rules():
        if rule.rule == "/" or rule.arguments:
            continue  # the top of the pages leads into them; a file's name is anything
        assert not rule.rule.endswith("/")
        for path in (rule.rule + "/", "/" + rule.rule, rule.rule.replace("/", "//")):
            for method in ("GET", "POST", "HEAD", "OPTIONS", "TRACE"):
                told = web.open("/", method=method, environ_overrides={"PATH_INFO": path})
                assert told.status_code // 100 != 3, (method, path)
                assert "Location" not in told.headers


@pytest.mark.parametrize("token", ["token-one", "wrong"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"])
def test_another_method_tells_nothing_of_the_token(
    web: FlaskClient, method: str, token: str
) -> None:
    answer = web.open(f"/webhooks/oncall/{token}", method=method)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert token not in answer.get_data(as_text=True) + str(answer.headers)


def test_calls_outside_the_doors_are_counted_by_few_words(
    web: FlaskClient, ops: FlaskClient
) -> None:
    for path in ("/planted", "/webhooks/planted", "/webhooks/oncall/a/planted", "/PLANTED"):
        web.post(path)
    web.put("/webhooks/drchrono")
    web.get("/webhooks/oncall/planted")
    told = ops.get("/metrics").get_data(as_text=True)
    lines = [line for line in told.splitlines() if line.startswith("sync_refused_requests_total{")]
    assert sorted(lines) == [
        'sync_refused_requests_total{reason="method_not_allowed",source="drchrono"} 1.0',
        'sync_refused_requests_total{reason="method_not_allowed",source="oncall"} 1.0',
        'sync_refused_requests_total{reason="not_found",source="none"} 3.0',
        'sync_refused_requests_total{reason="not_found",source="oncall"} 1.0',
    ]
