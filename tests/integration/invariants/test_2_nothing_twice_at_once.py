"""Invariant 2, nothing twice: going live, two engines at once, and both sides at once."""

import threading
from pathlib import Path
from typing import Any

import pytest

from sync.store.tables import links
from tests.support.agreement import agree, open_appointments, open_visits
from tests.support.clinic import Clinic, open_clinic, utc
from tests.support.flows import NO_LIMITS, here, name_of, prove_the_list, slot, there
from tests.support.sandbox_client import Sandbox
from tests.support.servers.two_engines import two_engines, until_idle

# --- going live -----------------------------------------------------------------------------------


def test_what_both_sides_had_is_matched_not_made(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    """The seeded clinic: 60 appointments here, 8 of them known there, 12 contacts."""
    sandbox.reset("clinic")
    sandbox.behaviours("drchrono", burst_limit=None, bulk_polls=0, hourly_limit=100_000)
    with open_clinic(sandbox, sqlite_url, tmp_path, **NO_LIMITS) as clinic:
        known = {v["id"] for v in open_visits(clinic)}
        assert len(known) == 8
        clinic.go_live()
        clinic.settle(hours=12)
        there_now = open_visits(clinic)
        assert known <= {v["id"] for v in there_now}
        slots = [(v["provider"], v["datetime"], v["participants"][0]["email"]) for v in there_now]
        assert len(slots) == len(set(slots))
        contacts = [
            (c["provider"], c["email"], c["first_name"]) for c in clinic.of("oncall", "contacts")
        ]
        assert len(contacts) == len(set(contacts))
        # Only what OnCall did not know was made, and each made one invites once.
        mails = [m for m in clinic.sandbox.mails() if m["caused_by"] == "app"]
        assert sorted({m["kind"] for m in mails}) == ["invitation"]
        assert len(mails) == len(there_now) - len(known)


# --- races ----------------------------------------------------------------------------------------


def test_two_engines_at_once(sandbox: Sandbox, postgres_url: str, tmp_path: Path) -> None:
    """Two workers on PostgreSQL take whatever is due, while staff book and move on both sides."""
    sandbox.behaviours("drchrono", bulk_polls=0, hourly_limit=100_000)
    with open_clinic(sandbox, postgres_url, tmp_path, **NO_LIMITS) as clinic:
        clinic.new_patient()
        clinic.settle()
        clinic.go_live()
        prove_the_list(clinic)
        failures = two_engines(clinic, lambda: _busy_day(clinic))
        clinic.settle(hours=6)
        clinic.whole_cycle()
        agree(clinic)
        assert sorted(clinic.mails()) == sorted(
            [("invitation", "app")] * 6 + [("change", "app")] * 6 + [("invitation", "staff")] * 6
        )
        assert failures == []


def test_our_own_webhook_comes_while_the_answer_is_stored(
    sandbox: Sandbox, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_clinic(sandbox, postgres_url, tmp_path) as clinic:
        clinic.new_patient()
        clinic.settle()
        clinic.go_live()
        sandbox.faults("oncall", webhooks={"mode": "hold"})
        find, here_only = links.find, threading.get_ident()

        def overtaken(conn: Any, system: str, kind: str, remote_id: str) -> Any:
            found = find(conn, system, kind, remote_id)
            fresh = (system, kind, found) == ("oncall", "appointment", None)
            if fresh and threading.get_ident() == here_only:
                sandbox.control("oncall", "release")
                sandbox.wait_idle()
            return found

        monkeypatch.setattr(links, "find", overtaken)
        clinic.book()
        clinic.settle()
        agree(clinic)


def _busy_day(clinic: Clinic) -> None:
    booked = []
    for number in range(6):
        patient = clinic.new_patient(**name_of(number))
        booked.append(clinic.book(patient=patient, scheduled_time=here(slot(number))))
    until_idle(clinic)
    for number, appointment in enumerate(booked):
        clinic.edit(appointment, duration=45)
        clinic.invite(datetime=there(slot(20 + number)), participants=[name_of(number)])
    until_idle(clinic)


def test_two_visits_of_one_new_person_at_once(clinic: Clinic) -> None:
    """One patient, one chart: both visits came before anybody knew them."""
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    base = clinic.sandbox.oncall_url
    where = {
        "provider": f"{base}/providers/196159/",
        "division": f"{base}/divisions/2405/",
        "participants": [name_of(5)],
    }
    clinic.invite(datetime=f"{utc(days=5):%Y-%m-%dT%H:%M:%SZ}", **where)
    clinic.invite(datetime=f"{utc(days=6):%Y-%m-%dT%H:%M:%SZ}", **where)
    clinic.settle()
    agree(clinic)
    assert len(open_appointments(clinic)) == 2
