"""Judge each setting by where it is used, and repeat no value in a sentence."""

from pathlib import Path
from typing import Any

import pytest

from sync.config import RULES, Settings
from sync.hosting import platform
from sync.settings_read import given, judge
from sync.settings_stores import database_problem, redis_address, redis_problem, with_driver

FERNET = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
GOOD = "Kq8-2mVx0pLw7dTz"
POSTGRES = "postgresql://sync:pw@db/sync"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("https://app.drchrono.com", None),
        ("https://app.drchrono.com/", None),
        ("https://app.drchrono.com:8443", None),
        ("http://127.0.0.1:9000", None),
        ("http://localhost:9000", None),
        ("http://[::1]:9000", None),
        ("http://app.drchrono.com", "unencrypted"),
        ("http://10.0.0.7", "unencrypted"),
        ("http://localhost.example", "unencrypted"),
        ("app.drchrono.com", "not an address"),
        ("https//app.drchrono.com", "not an address"),
        ("https:///app.drchrono.com", "not an address"),
        ("ftp://app.drchrono.com", "not an address"),
        ("https://", "not an address"),
        ("https://-x.example", "not an address"),
        ("https://a..example", "not an address"),
        ("https://999.1.1.1", "not an address"),
        ("https://app.drchrono.com:0", "not an address"),
        ("https://app.drchrono.com:99999", "not an address"),
        ("https://app.drchrono.com:x", "not an address"),
        ("https://[::1", "not an address"),
        ("https://app.drchrono.com/api", "path or a query"),
        ("https://app.drchrono.com/?a=b", "path or a query"),
        ("https://app.drchrono.com?", "path or a query"),
        ("https://app.drchrono.com#x", "path or a query"),
        ("https://user:pw@app.drchrono.com", "user or password"),
        ("https://app.drchrono.com,https://b.example", "not an address"),
    ],
)
@pytest.mark.parametrize("name", ["public_url", "drchrono_base_url", "oncall_base_url"])
def test_addresses(name: str, value: str, said: str | None) -> None:
    told = RULES[name](value)
    assert told is None if said is None else said in str(told)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("oncall_key", "Zk3#x 9", None),
        ("oncall_key", "schlüssel-des-hauses", "can't be sent in a header"),
        ("oncall_key", "changeme", "example"),
        ("oncall_key", "<your key>", "only a name"),
        ("oncall_key", "${ONCALL_KEY}", "only a name"),
        ("oncall_key", "your-oncall-key", "example"),
        ("drchrono_client_id", "two words", "holds a blank"),
        ("drchrono_client_secret", "Change_Me!", "example"),
        ("drchrono_webhook_secrets", GOOD, None),
        ("drchrono_webhook_secrets", f"{GOOD}, {GOOD[::-1]}", None),
        ("drchrono_webhook_secrets", f"{GOOD},,{GOOD[::-1]}", "empty entry"),
        ("drchrono_webhook_secrets", f"{GOOD},", "empty entry"),
        ("drchrono_webhook_secrets", f"{GOOD},short", "entry 2 has fewer than 16"),
        ("drchrono_webhook_secrets", "a" * 40, "can be guessed"),
        ("drchrono_webhook_secrets", "clé-de-la-maison-entière", "sign that has no place"),
        ("oncall_webhook_tokens", GOOD + "._~-", None),
        ("oncall_webhook_tokens", GOOD + "/", "sign that has no place"),
        ("oncall_webhook_tokens", GOOD + "%2F", "sign that has no place"),
        ("oncall_webhook_tokens", "changeme-changeme-changeme", "example"),
        ("encryption_keys", FERNET, None),
        ("encryption_keys", FERNET[:-1], "not a Fernet key"),
        ("encryption_keys", f"{FERNET},x", "entry 2 is not a Fernet key"),
        ("encryption_keys", "A" * 43 + "=", "can be guessed"),
        ("digest_keys", GOOD * 2, None),
        ("digest_keys", GOOD, "fewer than 32"),
        ("digest_keys", "k" * 43, "can be guessed"),
        ("digest_keys", f"{GOOD * 2},{'k' * 43}", None),
        ("digest_keys", f"{GOOD * 2},{GOOD}", "entry 2 has fewer than 32"),
        ("digest_keys", f"{GOOD} {GOOD}", "holds a blank"),
        ("drchrono_scopes", "user:read calendar:write", None),
        ("drchrono_scopes", "user:read;calendar:write", "not a list of words"),
        ("oncall_key", "********", "no sign of it"),
        ("oncall_key", "Zk3#x9" * 2000, "longer than"),
        ("drchrono_webhook_secrets", f"{GOOD},{GOOD}", "entry 2 stands there twice"),
        ("drchrono_webhook_secrets", "qwertyuiopasdfgh", "can be guessed"),
        ("drchrono_webhook_secrets", "passwordpassword1", "can be guessed"),
        ("oncall_webhook_tokens", "drchrono-oncall-webhook-2026", "can be guessed"),
        ("digest_keys", "clinic-digest-secret-key-2026-production", "can be guessed"),
        ("encryption_keys", f"{FERNET},{FERNET}", "entry 2 stands there twice"),
        ("mapping_file", "~/mapping.toml", "begins with ~"),
        ("log_level", "debug", None),
        ("log_level", "LOUD", "write one of DEBUG"),
    ],
)
def test_alphabets_lists_lengths_and_examples(name: str, value: str, said: str | None) -> None:
    told = RULES[name](value)
    assert told is None if said is None else said in str(told)
    assert value not in str(told) or said is None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("postgresql://sync:pw@db/sync", None),
        ("postgres://sync:pw@db:5432/sync?sslmode=require", None),
        ("postgresql+psycopg://postgres@/sync?host=/tmp/pg", None),
        ("postgresql://u:p%40ss@db/sync?channel_binding=require&options=endpoint%3Dx", None),
        ("sqlite:///var/sync.db", None),
        ("sqlite:////srv/sync.db", None),
        ("postgresql://u:Pl4n@ss:w0rd@db/sync", "percent code"),
        ("postgresql://u:Pl4n/ted@db/sync", "percent code"),
        ("postgresql://u:Pl4n?ted@db/sync", "percent code"),
        ("postgresql://u:Pl4n#ted@db/sync", "percent code"),
        ("postgresql://u:Pl4n%ted@db/sync", "percent code"),
        ("postgresql://u:Pl4n:ted@db:port/sync", "percent code"),
        ("postgresql://u:Pl4nted@db/s?pgbouncer=true&connection_limit=1", "connection_limit, pgb"),
        ("postgresql://u:Pl4nted@db/s?Pl4nted=1", "does not know"),
        ("postgresql://u:Pl4nted@db/s?sslmode=no-verify", "sslmode that is none"),
        ("postgresql://u:Pl4nted@one:5432,two:5432/s", "more than one host"),
        ("mysql://u:Pl4nted@db/s", "no database that is known"),
        ("postgresql://u:Pl4nted@db:99999/s", "no port that there is"),
        ("postgresql://u:Pl4nted@db:0/s", "no port that there is"),
        ("postgresql://u:Pl4nted@%2Fvar%2Frun/s", "socket in place of a host"),
        ("postgresql://u:Pl4nted@db/s/public", "/ in the name of the database"),
        ("postgresql://u:Pl4n%00ted@db/s", "percent code"),
        ("postgresql://u:[YOUR-PASSWORD]@db/s", "only a name for its password"),
        ("postgresql://u:<password>@db/s", "only a name for its password"),
        ("postgresql://u:Pl4nted@db/s?connect_timeout=soon", "connect_timeout that is no number"),
        ("postgresql://u:Pl4nted@db/s?sslrootcert=/nowhere/ca.pem", "a file by sslrootcert"),
        ("Pl4nted", "no database that is known"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_addresses_of_databases(value: str, said: str | None) -> None:
    told = database_problem(value)
    assert told is None if said is None else said in str(told)
    assert "Pl4n" not in str(told)
    assert "ted" not in str(told).replace("connected", "")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "POSTGRES"])
def test_a_providers_scheme_becomes_our_drivers(scheme: str) -> None:
    assert with_driver(f"{scheme}://u:p@db/s") == "postgresql+psycopg://u:p@db/s"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("redis://redis:6379/0", None),
        ("redis://:p%40ss@redis:6379", None),
        ("rediss://:pw@ec2.example:12345?ssl_cert_reqs=none", None),
        ("rediss://:pw@ec2.example:12345?ssl_cert_reqs=None", None),
        ("unix:///run/redis.sock?db=1", None),
        ("redis:6379", "not an address of a Redis"),
        ("http://redis:6379", "not an address of a Redis"),
        ("redis://", "names no host"),
        ("redis://:Pl4n@ss@redis", "percent code"),
        ("redis://:Pl4n/ted@redis", "percent code"),
        ("redis://:Pl4n#ted@redis", "percent code"),
        ("redis://redis:port/0", "percent code"),
        ("redis://redis/zero", "something else than a number"),
        ("rediss://redis?ssl_cert_reqs=Pl4nted", "ssl_cert_reqs that is none"),
        ("redis://redis?Pl4nted=1", "not known"),
        ("redis://redis?socket_timeout=Pl4nted", "can't be used"),
        ("redis://redis?socket_timeout=-1", "below zero"),
        ("redis://one,two:6379", "more than one host"),
        ("redis://redis/99999999", "something else than a number"),
        ("redis://redis?ssl_cert_reqs=none", "does not speak TLS"),
        ("redis://:${PW}@redis", "only a name for its password"),
        ("rediss://redis?ssl_ca_certs=/nowhere/ca.pem", "a file by ssl_ca_certs"),
        ("REDIS://redis:6379", None),
    ],
)
def test_addresses_of_redis(value: str, said: str | None) -> None:
    told = redis_problem(value)
    assert told is None if said is None else said in str(told)
    assert "Pl4n" not in str(told)


@pytest.mark.parametrize(
    ("value", "verify", "becomes"),
    [
        ("redis://r:1/0", "no", "redis://r:1/0"),
        ("REDIS://R:1/0", "yes", "redis://R:1/0"),
        ("Rediss://r:1", "no", "rediss://r:1?ssl_cert_reqs=none"),
        ("rediss://:p%40@r:1", "yes", "rediss://:p%40@r:1"),
        ("rediss://:p%40@r:1", "no", "rediss://:p%40@r:1?ssl_cert_reqs=none"),
        ("rediss://r:1?ssl_cert_reqs=None", "yes", "rediss://r:1?ssl_cert_reqs=none"),
        ("rediss://r:1?ssl_cert_reqs=CERT_NONE", "yes", "rediss://r:1?ssl_cert_reqs=none"),
        ("rediss://r:1?ssl_cert_reqs=required", "no", "rediss://r:1?ssl_cert_reqs=none"),
    ],
)
def test_an_unverified_chain_is_allowed_in_one_way_for_all(
    value: str, verify: str, becomes: str
) -> None:
    assert given({"redis_url": value, "redis_tls_verify": verify}).redis_url == becomes
    assert redis_address(value, verify=verify == "yes") == becomes


@pytest.mark.parametrize(
    ("field", "typed", "meant"),
    [
        ("sync_mode", "LIVE", "live"),
        ("go_live", "Auto", "auto"),
        ("log_level", "warn", "WARNING"),
        ("public_url", "HTTPS://Sync.Example.ORG:", "https://sync.example.org"),
        ("drchrono_base_url", "https://APP.drchrono.com/", "https://app.drchrono.com"),
    ],
)
def test_capitals_say_nothing(field: str, typed: str, meant: str) -> None:
    assert getattr(given({field: typed}), field) == meant


def judged(environ: dict[str, str] | None = None, **values: str) -> dict[str, str]:
    return judge(
        given({"database_url": POSTGRES, "redis_url": "redis://r", **values}), environ or {}
    )


def test_one_secret_for_two_settings_is_refused() -> None:
    told = judged(
        drchrono_webhook_secrets=f"{GOOD},{GOOD * 2}",
        oncall_webhook_tokens=GOOD,
        digest_keys=GOOD * 2,
    )
    assert told.keys() == {"ONCALL_WEBHOOK_TOKENS", "DIGEST_KEYS"}
    assert all("same secret as DRCHRONO_WEBHOOK_SECRETS" in what for what in told.values())
    assert GOOD not in str(told)


@pytest.mark.parametrize(
    "variable",
    ["DYNO", "RENDER", "FLY_APP_NAME", "K_SERVICE", "RAILWAY_PROJECT_ID", "RAILWAY_ENVIRONMENT",
     "WEBSITE_INSTANCE_ID", "KUBERNETES_SERVICE_HOST", "ECS_CONTAINER_METADATA_URI_V4"],
)  # fmt: skip
def test_a_platforms_own_disk_is_no_place(variable: str, tmp_path: Path) -> None:
    environ = {variable: "x"}
    files = {"database_url": f"sqlite:///{tmp_path / 'sync.db'}", "redis_url": ""}
    assert judged(environ, **files).keys() == {"DATABASE_URL", "REDIS_URL"}
    assert judged(environ, **files | {"persistent_disk": "yes"}) == {}
    assert judged(environ) == {}
    assert judged({}, **files) == {}
    assert platform(environ) is not None


def test_a_place_that_can_not_be_written_is_told_before_anything_begins(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place, said in (
        (tmp_path / "file" / "sync.db", "can't make or write"),
        (tmp_path, "names a directory"),
    ):
        told = judged(database_url=f"sqlite:///{place}")
        assert said in told["DATABASE_URL"]
    assert not (tmp_path / "new").exists()
    assert judged(database_url=f"sqlite:///{tmp_path / 'new' / 'sync.db'}") == {}
    assert not (tmp_path / "new").exists()


def test_every_number_has_a_range_and_every_text_a_rule() -> None:
    for name, field in Settings.model_fields.items():
        if field.annotation in {int, float}:
            assert len(field.metadata) == 2, name
        elif field.annotation is str or "Secret" in str(field.annotation):
            assert name in RULES, name


def test_the_operations_port_gives_way_to_a_port_that_the_platform_chose() -> None:
    assert Settings(port=8001).ops_port == 8002
    assert Settings(port=8000).ops_port == 8001
    assert judge(Settings(port=8001, ops_port=8001), {}).keys() == {"OPS_PORT"}


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({}, "http://127.0.0.1:8001"),
        ({"ops_host": "0.0.0.0"}, "http://127.0.0.1:8001"),  # noqa: S104
        ({"ops_host": "::1", "ops_port": 9}, "http://[::1]:9"),
        ({"ops_on_web": True, "public_url": "https://a.example"}, "https://a.example"),
        ({"ops_on_web": True, "ops_url": "https://b.example/"}, "https://b.example"),
    ],
)
def test_where_people_open_the_operations_pages(values: dict[str, Any], address: str) -> None:
    assert Settings(**values).ops_address == address


def test_a_provider_needs_our_name_there() -> None:
    known = {"oidc_issuer": "https://id.example.org/realms/clinic"}
    assert judge(Settings(**known), {}).keys() == {"OIDC_CLIENT_ID"}
    assert judge(Settings(**known, oidc_client_id="ops"), {}) == {}
    assert judge(Settings(oidc_issuer="http://id.example.org", oidc_client_id="ops"), {})
