"""Each setting that must be there: named when it is missing or unusable, its value never."""

from typing import Any

import pytest

from sync.config import Settings
from sync.settings_read import given
from sync.setup.check import Finding, settings_findings

FERNET = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
PLANTED = "Pl4nted-x7Qb9Zr2"
COMPLETE: dict[str, Any] = {
    "public_url": "https://sync.clinic.example",
    "database_url": "postgresql://sync:pw@db/sync",
    "drchrono_client_id": "id",
    "drchrono_client_secret": f"{PLANTED}-client",
    "drchrono_webhook_secrets": f"{PLANTED}-hook",
    "oncall_key": f"{PLANTED}-key",
    "oncall_webhook_tokens": f"{PLANTED}-door",
    "encryption_keys": FERNET,
    "digest_keys": PLANTED * 3,
}


def settings(**changed: Any) -> Settings:
    return given({**COMPLETE, **changed})


def bad(findings: list[Finding]) -> dict[str, str]:
    return {one.name: one.detail for one in findings if not one.ok}


def test_complete_settings_are_right() -> None:
    findings = settings_findings(settings(), {})
    assert bad(findings) == {}
    assert PLANTED not in str(findings)


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
    findings = settings_findings(settings(**{name.lower(): value}), {})
    assert bad(findings) == {name: "not set"}
    assert name in next(one.fix for one in findings if one.name == name)


def test_all_mistakes_are_told_at_once_and_no_value_with_them() -> None:
    findings = settings_findings(
        settings(
            public_url=f"http://{PLANTED}.example",
            oncall_base_url=f"https://api.oncallhealth.ca/{PLANTED}",
            encryption_keys=f"{FERNET},{PLANTED}",
            oncall_webhook_tokens=f"{PLANTED}-door,",
            log_level=PLANTED,
        ),
        {"DYNO": "web.1"},
    )
    assert bad(findings).keys() == {
        *("PUBLIC_URL", "ONCALL_BASE_URL", "ENCRYPTION_KEYS", "ONCALL_WEBHOOK_TOKENS"),
        *("LOG_LEVEL", "REDIS_URL"),
    }
    assert PLANTED not in str(findings)


def test_a_dollar_is_pointed_out_where_compose_would_take_it_away() -> None:
    findings = settings_findings(settings(digest_keys=f"{PLANTED}$HOME{PLANTED}"), {})
    (told,) = [one for one in findings if one.name == "DIGEST_KEYS"]
    assert (told.ok, "single quotes" in told.detail) == (True, True)
