"""Each setting that must be there: named when it is missing or unusable, its value never."""

from typing import Any

import pytest

from sync.config import Settings
from sync.engine.check import Finding, settings_findings

FERNET = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
COMPLETE: dict[str, Any] = {
    "public_url": "https://sync.clinic.example",
    "drchrono_client_id": "id",
    "drchrono_client_secret": "s3cret-client",
    "drchrono_webhook_secrets": "s3cret-hook",
    "oncall_key": "s3cret-key",
    "oncall_webhook_tokens": "s3cret-token",
    "encryption_keys": FERNET,
    "digest_keys": "s3cret" * 6,
}


def settings(**changed: Any) -> Settings:
    return Settings(_env_file=None, **{**COMPLETE, **changed})


def bad(findings: list[Finding]) -> dict[str, str]:
    return {one.name: one.detail for one in findings if not one.ok}


def test_complete_settings_are_right() -> None:
    findings = settings_findings(settings())
    assert bad(findings) == {}
    assert "s3cret" not in str(findings)


@pytest.mark.parametrize(
    "name",
    [
        "DRCHRONO_CLIENT_ID",
        "DRCHRONO_CLIENT_SECRET",
        "DRCHRONO_WEBHOOK_SECRETS",
        "ONCALL_KEY",
        "ONCALL_WEBHOOK_TOKENS",
        "ENCRYPTION_KEYS",
        "DIGEST_KEYS",
    ],
)
@pytest.mark.parametrize("empty", ["", " , "])
def test_a_missing_setting_is_named(name: str, empty: str) -> None:
    value = empty if "," not in empty or name.endswith("S") else ""
    findings = settings_findings(settings(**{name.lower(): value}))
    assert bad(findings) == {name: "not set"}
    assert name in next(one.fix for one in findings if one.name == name)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"public_url": "http://sync.clinic.example"}, "secrets would travel unencrypted"),
        ({"public_url": "sync.clinic.example"}, "not an address"),
        ({"public_url": "ftp://sync.clinic.example"}, "not an address"),
        ({"public_url": "http://[s3cret"}, "not an address"),
        ({"public_url": "http://127.0.0.1:8000"}, None),
        ({"public_url": "http://localhost:8000"}, None),
        ({"drchrono_base_url": "http://app.drchrono.com"}, "secrets would travel unencrypted"),
        ({"oncall_base_url": "http://10.0.0.7"}, "secrets would travel unencrypted"),
        ({"encryption_keys": f"{FERNET},s3cret"}, "key 2 is not a Fernet key"),
        ({"encryption_keys": f"{FERNET},{FERNET}"}, None),
        ({"digest_keys": "s3cret"}, "key 1 has fewer than 32 bytes"),
        ({"digest_keys": "é" * 16}, None),
    ],
)
def test_unusable_settings_are_named_without_their_value(
    changed: dict[str, str], expected: str | None
) -> None:
    findings = settings_findings(settings(**changed))
    (name,) = changed
    assert bad(findings) == ({} if expected is None else {name.upper(): expected})
    assert "s3cret" not in str(findings)
