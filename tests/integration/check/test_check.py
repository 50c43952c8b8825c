"""`check`: what is missing or wrong is named with what to do, and lists are tried by effect."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from sync.assemble import build
from sync.config import Settings
from sync.core.tokens import StoredToken
from sync.setup.check import Finding, check
from sync.store.database import Store
from sync.store.schema import installation, probe
from sync.store.tables import facts
from sync.store.tokens import SealedTokens
from tests.support.clinic import SECRET, Clinic, open_clinic, wall
from tests.support.sandbox_client import Sandbox
from tests.support.servers.peer import Say, serving

FERNET = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
COMPLETE: dict[str, Any] = {
    "public_url": "https://sync.clinic.example",
    "drchrono_client_id": "id",
    "drchrono_client_secret": "s3cret-client-x7Qb9Zr2Lk",
    "drchrono_webhook_secrets": "s3cret-hook-Wm4Tn8Vd1Hs",
    "oncall_key": "s3cret-key-Pf6Gj3Rc5By",
    "oncall_webhook_tokens": "s3cret-token-Ke2Xq9Nz7Du",
    "encryption_keys": FERNET,
    "digest_keys": "s3cret-digest-Ao5Iw8Cl0Mt3Vb6Yh1Sg",
}


def settings(**changed: Any) -> Settings:
    return Settings(_env_file=None, **{**COMPLETE, **changed})


def bad(findings: list[Finding]) -> dict[str, str]:
    """What is not right: name and what was found."""
    for one in findings:
        assert bool(one.fix) is not one.ok, one
    return {one.name: one.detail for one in findings if not one.ok}


def named(findings: list[Finding], name: str) -> Finding:
    (found,) = [one for one in findings if one.name == name]
    return found


def learned(clinic: Clinic) -> dict[str, str]:
    """What `check` remembered of the lists."""
    ours = ("bulk_", "oncall_", "contacts_", "drchrono_")
    with clinic.sync.store.read() as conn:
        rows = conn.execute(select(probe.c.name, probe.c.value)).all()
    return {row.name: row.value for row in rows if row.name.startswith(ours)}


@pytest.fixture
def world(sandbox: Sandbox, sqlite_url: str, tmp_path: Path) -> Iterator[Clinic]:
    """The seeded clinic of both systems, connected; PUBLIC_URL leads to its doors."""
    sandbox.reset("clinic")
    sandbox.behaviours("drchrono", burst_limit=None, bulk_polls=0)
    with open_clinic(sandbox, sqlite_url, tmp_path) as opened:
        opened.settings.public_url = opened.url
        opened.forget()
        yield opened


# --- all of it ------------------------------------------------------------------------------------


def test_a_whole_installation_is_right_and_costs_few_calls(world: Clinic) -> None:
    findings = check(world.sync)
    assert bad(findings) == {}
    assert named(findings, "drchrono").detail == "3 doctors, 2 offices, 9 profiles"
    assert named(findings, "oncall").detail == "3 providers"
    assert named(findings, "mapping").detail == "3 doctors, all there in both systems"
    assert world.calls("drchrono") == [
        "GET /api/doctors",
        "GET /api/offices",
        "GET /api/appointment_profiles",
        "GET /api/appointments",
        "POST /api/appointments_list",
        "GET /api/appointments_list",
        "POST /api/patients_list",
        "GET /api/patients_list",
    ]
    assert world.calls("oncall") == [
        "GET /providers/",
        "GET /appointments/",
        "GET /contacts/",
        "GET /contacts/",
    ]
    assert world.mails() == []
    # 8 visits are known to OnCall and fit one page; DrChrono's pages hold 20 of 60 appointments.
    assert named(findings, "drchrono list").detail == "pages of 20 appointments"
    assert learned(world) == {
        "bulk_appointments": "yes",
        "bulk_patients": "yes",
        "contacts_email_filter": "yes",
    }


def test_nothing_personal_is_found_or_remembered(world: Clinic) -> None:
    patients = world.of("drchrono", "patients")
    told = json.dumps([[one.name, one.detail, one.fix] for one in check(world.sync)])
    told += json.dumps(learned(world))
    for patient in patients:
        assert not patient["email"] or patient["email"] not in told
        assert patient["last_name"] not in told


def test_nothing_is_there_yet(empty_sqlite_url: str, tmp_path: Path) -> None:
    """A fresh installation: each finding says what to do, and no remote is asked."""
    changed = {
        "public_url": "http://127.0.0.1:1",
        "database_url": empty_sqlite_url,
        "mapping_file": tmp_path / "none.toml",
        "oncall_base_url": "http://127.0.0.1:1",
        "redis_url": "redis://127.0.0.1:1",
    }
    made = build(settings(**changed), owner="cli")
    try:
        found = bad(check(made))
        assert list(found) == ["database", "redis", "handshake"]
        assert found["database"].startswith("the tables are at nothing, this version needs 0")
        made.store.migrate()
        found = bad(check(made))
        assert found == {
            "redis": "it does not answer",
            "handshake": "PUBLIC_URL does not answer (connect)",
            "drchrono token": "none",
            "oncall": "it does not do what is asked (connect)",
            "mapping": "MAPPING_FILE is missing or maps no doctor",
        }
    finally:
        made.close()


def test_a_database_that_is_away() -> None:
    away = "postgresql://user:s3cret@127.0.0.1:1/clinic"
    made = build(settings(database_url=away, public_url="http://127.0.0.1:1"), owner="cli")
    try:
        findings = check(made)
        found = named(findings, "database")
        assert found.detail == "it can't be used"
        assert found.fix.startswith("The database does not answer: look at DATABASE_URL")
        assert "s3cret" not in str(findings)
    finally:
        made.close()


def test_tables_of_an_older_version_are_told(store: Store) -> None:
    made = build(settings(database_url=store.url, public_url="http://127.0.0.1:1"), owner="cli")
    try:
        name = made.store.engine.dialect.name
        assert named(check(made), "database").detail.startswith(f"{name}, tables at 0")
        store.downgrade("0001")
        found = named(check(made), "database")
        assert found.detail.startswith("the tables are at 0001, this version needs 0")
        assert "drchrono-oncall migrate" in found.fix
    finally:
        made.close()


def test_redis_that_answers(world: Clinic, redis_url: str) -> None:
    world.settings.redis_url = redis_url
    assert named(check(world.sync), "redis").detail == "it answers and takes writes"


# --- credentials and the handshake ----------------------------------------------------------------


def test_a_refused_key_and_a_dead_token(world: Clinic) -> None:
    world.sandbox.behaviours("oncall", key_prefix="Token ")
    world.sandbox.control("drchrono", "expire", {"what": "all"})
    findings = check(world.sync)
    assert bad(findings) == {
        "drchrono": "the credentials are not taken (unauthorised)",
        "oncall": "the credentials are not taken (unauthorised)",
    }
    assert "drchrono-oncall connect" in named(findings, "drchrono").fix
    assert "ONCALL_KEY_PREFIX" in named(findings, "oncall").fix
    assert learned(world) == {}


def test_an_account_that_was_never_attached(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    with Clinic(sandbox, sqlite_url, tmp_path) as fresh:
        fresh.settings.public_url = fresh.url
        findings = check(fresh.sync)
        assert fresh.calls("drchrono") == []
    assert bad(findings) == {
        "drchrono token": "none",
        "mapping": "MAPPING_FILE is missing or maps no doctor",
    }
    assert "drchrono-oncall connect" in named(findings, "drchrono token").fix


def test_accounts_that_are_not_tied_to_this_installation(world: Clinic) -> None:
    with world.sync.store.write() as conn:
        conn.execute(installation.delete())
    assert bad(check(world.sync)) == {
        "accounts": "the two accounts are not tied to this installation"
    }


def test_a_missing_scope_shows_as_no_doctors(world: Clinic) -> None:
    world.sandbox.behaviours("drchrono", missing_scope="empty")
    pair = world.sandbox.app_token(["patients:read"])
    _replace_token(world, pair)
    assert bad(check(world.sync))["drchrono"] == "it shows no doctors"


def _replace_token(world: Clinic, pair: dict[str, Any]) -> None:
    now = world.now()
    tokens = SealedTokens(world.sync.store, world.settings.fernet_keys, world.now)
    known = tokens.load("drchrono")
    assert known is not None
    new = StoredToken(pair["access_token"], pair["refresh_token"], now + timedelta(hours=48), now)
    assert tokens.save("drchrono", new, known.version)


def test_a_spent_budget_is_told_with_its_end(world: Clinic) -> None:
    world.sandbox.faults("drchrono", {"do": "status", "status": 429, "times": 1})
    findings = check(world.sync)
    assert bad(findings)["drchrono"].startswith("closed until ")
    assert "Try again after" in named(findings, "drchrono").fix


def test_a_door_with_another_secret_is_told(world: Clinic) -> None:
    theirs = world.settings.model_copy(
        update={"drchrono_webhook_secrets": SecretStr(f"the-new-one-of-two,{SECRET}")}
    )
    made = build(theirs, owner="cli", clock=world.now)
    try:
        findings = check(made)
    finally:
        made.close()
    assert bad(findings) == {"handshake": "PUBLIC_URL answers with another secret"}
    assert "the-new-one" not in str(findings)


def test_an_address_that_leads_elsewhere_is_told(world: Clinic) -> None:
    with serving() as elsewhere:
        elsewhere.says(Say(404, {}))
        world.settings.public_url = elsewhere.url
        assert bad(check(world.sync)) == {"handshake": "PUBLIC_URL answers 404"}
    assert [one.path.partition("?")[0] for one in elsewhere.seen] == ["/webhooks/drchrono"]


def test_the_handshake_at_our_own_door_spends_no_budget(world: Clinic) -> None:
    used = world.sync.budget("drchrono").used
    check(world.sync)
    assert world.sync.budget("drchrono").used - used == len(world.calls("drchrono"))


# --- the mapping ----------------------------------------------------------------------------------


def rewrite(world: Clinic, change: Callable[[str], str]) -> None:
    """Change the mapping file; its stamp must differ for it to be read anew."""
    path = world.settings.mapping_file
    text = path.read_text()
    assert change(text) != text
    path.write_text(change(text))
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 10))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("drchrono = 201", "drchrono = 209", "doctor 209 is not in DrChrono"),
        ("booking_office = 302", "booking_office = 309", "doctor 203: office 309 is not in"),
        ("online = 401", "online = 404", "doctor 201: profile 404 is not one of theirs"),
        ("oncall_provider = 196157", "oncall_provider = 9", "provider 9 is not in OnCall"),
        (
            "oncall_provider = 196157\noncall_division = 2404",
            "oncall_provider = 196157\noncall_division = 2405",
            "doctor 201: provider 196157 is not in division 2405 of OnCall",
        ),
        ("[types.profiles]\n", '[types.profiles]\n"Lab draw" = "skip"\n', "profile Lab draw is"),
        ("[types.profiles]\n", '[types.profiles]\n499 = "skip"\n', "types: profile 499 is not"),
    ],
)
def test_what_the_mapping_names_and_is_not_there(
    world: Clinic, old: str, new: str, expected: str
) -> None:
    rewrite(world, lambda text: text.replace(old, new, 1))
    details = [one.detail for one in check(world.sync) if one.name == "mapping" and not one.ok]
    assert any(expected in detail for detail in details), details


def test_a_mapping_that_can_not_be_read_is_told_by_line(world: Clinic) -> None:
    rewrite(world, lambda text: text + "\n[policy]\ndirection = 'sideways'\n")
    findings = check(world.sync)
    assert "policy.direction" in named(findings, "mapping").detail
    assert "line " in named(findings, "mapping").detail


# --- what lists support, each unknown switched ----------------------------------------------------


def test_bulk_lists_that_are_not_there(world: Clinic) -> None:
    world.sandbox.behaviours("drchrono", bulk_lists=False)
    assert bad(check(world.sync)) == {}
    assert learned(world)["bulk_appointments"] == "no"
    assert learned(world)["bulk_patients"] == "no"


@pytest.mark.parametrize(
    ("heeded", "expected"), [(True, "by their last change"), (False, "not by their last change")]
)
def test_whether_the_bulk_list_is_in_the_order_asked_for(
    world: Clinic, heeded: bool, expected: str
) -> None:
    world.sandbox.behaviours("drchrono", bulk_order_by=heeded)
    (first, *_) = sorted(
        world.of("drchrono", "appointments"), key=lambda one: one["scheduled_time"]
    )
    # The first by its day is the last by its change from now on.
    world.edit(first["id"], notes="x")
    found = named(check(world.sync), "drchrono bulk appointments")
    assert found.detail.endswith(f"order: {expected}")


def test_the_page_size_of_a_bulk_list_is_seen_when_it_has_several(world: Clinic) -> None:
    world.sandbox.behaviours("drchrono", bulk_page_limit=50)
    found = named(check(world.sync), "drchrono bulk appointments")
    assert found.detail.startswith("there; 50 on a page")


@pytest.mark.parametrize("order", ["oldest_first", "newest_first"])
def test_the_order_and_the_page_size_of_oncalls_list(world: Clinic, order: str) -> None:
    world.sandbox.behaviours("oncall", order=order, page_size=3)
    findings = check(world.sync)
    assert bad(findings) == {}
    assert named(findings, "oncall list").detail.startswith(order.replace("_", " "))
    assert learned(world)["oncall_page_size"] == "3"


@pytest.mark.parametrize(
    ("mode", "listed", "expected"),
    [
        ("honoured", True, "yes"),
        ("honoured", False, "yes"),
        ("ignored", True, "no"),
        ("ignored", False, "no"),
        ("400", True, "no"),
    ],
)
def test_whether_contacts_can_be_asked_for_by_email(
    world: Clinic, mode: str, listed: bool, expected: str
) -> None:
    world.sandbox.behaviours("oncall", contact_email_filter=mode, contacts_list_email=listed)
    assert bad(check(world.sync)) == {}
    assert learned(world)["contacts_email_filter"] == expected


def test_too_little_to_tell_teaches_nothing(clinic: Clinic) -> None:
    clinic.settings.public_url = clinic.url
    clinic.sandbox.behaviours("drchrono", bulk_polls=0)
    clinic.book(scheduled_time=wall(days=2))
    clinic.pump()
    findings = check(clinic.sync)
    assert bad(findings) == {}
    assert named(findings, "drchrono bulk appointments").detail.endswith("as yet unknown")
    assert named(findings, "oncall list").detail == "too few appointments to tell their order"
    assert "contacts_email_filter" not in learned(clinic)


def test_a_fact_is_replaced_when_an_account_changes(world: Clinic) -> None:
    world.sandbox.behaviours("drchrono", bulk_lists=False)
    check(world.sync)
    world.sandbox.behaviours("drchrono", bulk_lists=True)
    check(world.sync)
    with world.sync.store.read() as conn:
        assert facts.get(conn, "bulk_appointments") == "yes"


def test_a_probe_that_meets_trouble_teaches_nothing(world: Clinic) -> None:
    match = {"method": "POST", "path": "/api/appointments_list"}
    world.sandbox.faults("drchrono", {"do": "status", "status": 500, "times": 1, "match": match})
    findings = check(world.sync)
    assert list(bad(findings)) == ["drchrono bulk appointments"]
    assert "bulk_appointments" not in learned(world)
    assert learned(world)["bulk_patients"] == "yes"


def test_a_bulk_list_that_never_gets_done_is_not_waited_for(world: Clinic) -> None:
    waits: list[float] = []
    world.sync.pause = waits.append
    world.sandbox.behaviours("drchrono", bulk_polls=100)
    findings = check(world.sync)
    assert bad(findings)["drchrono bulk appointments"] == (
        "it does not do what is asked (bulk_slow)"
    )
    assert len(waits) == 16  # 8 looks for each list
