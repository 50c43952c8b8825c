"""Switch every unknown of both systems, and make one tour through a day under each.

The unknowns are those of docs/api-facts.md. Which are switched together says `unknowns.py`; each
time the tour must end with both sides alike and exactly the mails typed in here.
"""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.agreement import agree
from tests.support.clinic import Clinic, utc, wall

Mails = Counter[tuple[str, str]]


@dataclass(frozen=True)
class Unknown:
    """One behaviour switched away from its default, and what that makes different."""

    remote: str
    switch: str
    value: Any
    settings: Mapping[str, Any] = field(default_factory=dict)
    contacts_agree: bool = True
    attention: tuple[str, ...] = ()
    more_mails: tuple[tuple[str, str], ...] = ()
    fewer_mails: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.remote}.{self.switch}={self.value}"


HERE, THERE = "drchrono", "oncall"
ON, OFF = True, False
UNKNOWNS = (
    Unknown(HERE, "delete_get", "flagged"),
    Unknown(HERE, "custom_fields_patch", "replace"),
    Unknown(HERE, "custom_demographics_patch", "replace"),
    Unknown(HERE, "redelivery_keeps_id", OFF),
    Unknown(HERE, "envelope", "data"),
    Unknown(HERE, "bulk_lists", OFF),
    Unknown(HERE, "bulk_order_by", OFF),
    Unknown(HERE, "bulk_page_limit", 2),
    Unknown(HERE, "bulk_polls", 1),
    Unknown(HERE, "page_size", 2),
    Unknown(HERE, "verbose_page_size", 2),
    Unknown(HERE, "paging", "page"),
    Unknown(HERE, "list_lag_seconds", 1),
    Unknown(HERE, "is_telehealth", ON),
    Unknown(HERE, "duplicate_patient", "400"),
    Unknown(HERE, "duplicate_patient", "409"),
    Unknown(HERE, "practice_group_id", OFF),
    Unknown(HERE, "retry_after_header", ON),
    Unknown(HERE, "echo_delay_seconds", 0.2),
    Unknown(HERE, "email_filter", OFF),
    Unknown(HERE, "patients_show_inactive", OFF),
    Unknown(HERE, "ping_signed", OFF),
    Unknown(HERE, "instance_key", OFF),
    Unknown(HERE, "recurring_instances", OFF),
    Unknown(HERE, "overlap_on_any_patch", ON),
    Unknown(THERE, "key_prefix", "Token ", {"oncall_key_prefix": "Token "}),
    Unknown(THERE, "key_role", "provider"),
    Unknown(THERE, "returns_id", ON),
    Unknown(THERE, "returns_provider", ON),
    Unknown(THERE, "returns_updated", ON),
    Unknown(THERE, "metadata_patch", "replace"),
    Unknown(THERE, "participants_patch", "replace"),
    Unknown(THERE, "contact_email_filter", "ignored"),
    Unknown(THERE, "contact_email_filter", "400"),
    Unknown(
        THERE,
        "contact_email_editable",
        OFF,
        contacts_agree=False,
        attention=("contact_refused",),
    ),
    Unknown(THERE, "custom_field_values_patch", "replace"),
    Unknown(THERE, "contacts_list_email", OFF),
    Unknown(THERE, "order", "newest_first"),
    Unknown(THERE, "page_size", 2),
    Unknown(THERE, "list_lag_seconds", 1),
    Unknown(THERE, "error_shape", "detail"),
    Unknown(THERE, "error_shape", "error"),
    Unknown(THERE, "error_shape", "list"),
    Unknown(THERE, "error_shape", "html"),
    Unknown(THERE, "uncancel", ON),
    Unknown(THERE, "webhooks_for_api", OFF),
    Unknown(THERE, "one_digit_hour", ON),
    Unknown(THERE, "fractional_seconds", ON),
    Unknown(THERE, "status_on_list", OFF),
    # A refused change of provider is a new generation: the old visit ends, a new one is made.
    Unknown(
        THERE,
        "provider_patch",
        OFF,
        fewer_mails=(("change", "app"),),
        more_mails=(("cancellation", "app"), ("invitation", "app")),
    ),
    Unknown(THERE, "cancel_all_participants_cancels_visit", ON),
    Unknown(THERE, "cancelled_sets_status", OFF),
    Unknown(THERE, "no_slash", "404"),
    Unknown(THERE, "memberships", "objects"),
)
# Shown by tests of their own, because a tour can't run under them.
ELSEWHERE = {
    (HERE, "hourly_limit"): "invariants/test_6_rate_budget",
    (HERE, "burst_limit"): "invariants/test_6_rate_budget",
    (THERE, "limit_per_minute"): "invariants/test_6_rate_budget",
    (THERE, "cancelled_count"): "groups/test_groups",
    (THERE, "read_lag_seconds"): "test_stale_after_our_write",
    (HERE, "checks_email"): "test_whole_identity",
    (THERE, "checks_email"): "test_whole_identity",
    (THERE, "splits_name"): "test_whole_identity",
    (HERE, "invisible"): "test_invisible_text",
    (THERE, "invisible"): "test_invisible_text",
    (HERE, "missing_scope"): "invariants/test_9_every_refusal_is_told",
    (HERE, "access_seconds"): "test_drchrono_oauth",
    (HERE, "links"): "test_who_answered",
    (HERE, "refuses"): "test_refused_fields",
    (THERE, "refuses"): "test_refused_fields",
    (HERE, "login"): "test_wrong_account",
    (HERE, "renewal_ends_access"): "test_wrong_account",
    (HERE, "pkce"): "test_connecting",
    (HERE, "share_patients"): "test_wrong_account",
    (HERE, "iframe"): "test_framed",
    (THERE, "key_of"): "test_wrong_account",
    (THERE, "links"): "test_who_answered",
}
PAIRS = 6
SEED = 20261122


def pairs() -> tuple[tuple[Unknown, Unknown], ...]:
    """Seeded pairs of unknowns that are not two values of one switch."""
    chance = random.Random(SEED)  # noqa: S311 - a test's choice, not a secret
    found: list[tuple[Unknown, Unknown]] = []
    while len(found) < PAIRS:
        one, other = chance.sample(UNKNOWNS, 2)
        if one.switch != other.switch:
            found.append((one, other))
    return tuple(found)


# --- the tour -------------------------------------------------------------------------------------

MAILS: Mails = Counter(
    {
        # Three visits booked in DrChrono, and the one whose e-mail changed is invited anew.
        ("invitation", "app"): 4,
        # Moved, made longer, made a phone call, given to another doctor.
        ("change", "app"): 4,
        # One cancelled and one deleted in DrChrono.
        ("cancellation", "app"): 2,
        # Booked in OnCall: for a known person, and for one nobody knew.
        ("invitation", "staff"): 2,
        ("change", "staff"): 1,
        ("cancellation", "patient"): 1,
    }
)


def tour(clinic: Clinic, *unknowns: Unknown) -> None:
    """A day on both sides; after each step both say the same, and at its end nothing is written."""
    contacts = all(unknown.contacts_agree for unknown in unknowns)
    kept = clinic.book(scheduled_time=wall(days=10))
    _settled(clinic, "booking", contacts=contacts)
    _changed(clinic, kept)
    for step in (_renamed, _ended, _over_there, _somebody_new):
        step(clinic)
        _settled(clinic, step.__name__, contacts=contacts)
    clinic.edit(kept, doctor=202, profile=405)
    # No contact with the new doctor is asked for: contacts are made with a patient's first visit.
    _settled(clinic, "another doctor", contacts=False)
    clinic.whole_cycle()
    agree(clinic, contacts=False)
    mails = MAILS.copy()
    for unknown in unknowns:
        mails += Counter(unknown.more_mails)
        mails -= Counter(unknown.fewer_mails)
    assert Counter(clinic.mails()) == mails
    clinic.forget()
    clinic.whole_cycle()
    assert clinic.writes() == []
    assert clinic.mails() == []
    expected = {cause for unknown in unknowns for cause in unknown.attention}
    assert set(clinic.attention()) == expected


def _settled(clinic: Clinic, step: str, *, contacts: bool) -> None:
    clinic.settle()
    try:
        agree(clinic, contacts=contacts)
    except AssertionError as different:
        raise AssertionError(f"after {step}: {different}") from None


def _changed(clinic: Clinic, kept: str) -> None:
    for changes in (
        {"scheduled_time": wall(days=11, hour=17)},
        {"duration": 45},
        {"profile": 402},
    ):
        clinic.edit(kept, **changes)
        _settled(clinic, f"change of {', '.join(changes)}", contacts=False)


def _renamed(clinic: Clinic) -> None:
    clinic.edit_patient(clinic.patient, last_name="Holmgren")
    _settled(clinic, "new name", contacts=True)
    clinic.edit_patient(clinic.patient, email="vera.holm@mail.example")


def _ended(clinic: Clinic) -> None:
    cancelled = clinic.book(scheduled_time=wall(days=12), patient=clinic.patient)
    clinic.settle()
    clinic.edit(cancelled, status="Cancelled")
    clinic.settle()
    deleted = clinic.book(scheduled_time=wall(days=13), patient=clinic.patient)
    clinic.settle()
    clinic.delete(deleted)


def _over_there(clinic: Clinic) -> None:
    who = {"first_name": "Vera", "last_name": "Holmgren", "email": "vera.holm@mail.example"}
    visit = clinic.invite(datetime=f"{utc(days=14):%Y-%m-%dT%H:%M:%SZ}", participants=[who])
    _settled(clinic, "booking in OnCall", contacts=False)
    clinic.change_visit(visit, datetime=f"{utc(days=15, hour=18):%Y-%m-%dT%H:%M:%SZ}")
    _settled(clinic, "moving in OnCall", contacts=False)
    clinic.change_visit(visit, by="patient", cancelled=True)


def _somebody_new(clinic: Clinic) -> None:
    who = {"first_name": "Ottokar", "last_name": "Bergander", "email": "otto@mail.example"}
    # Whose visit of an unknown person it is can only be known where OnCall tells its provider.
    told = clinic.sandbox.state("oncall")["behaviours"]["returns_provider"]
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    base = clinic.sandbox.oncall_url
    clinic.invite(
        datetime=f"{utc(days=16):%Y-%m-%dT%H:%M:%SZ}",
        provider=f"{base}/providers/196159/",
        division=f"{base}/divisions/2405/",
        participants=[who],
    )
    _settled(clinic, "booking of somebody new", contacts=False)
    clinic.sandbox.behaviours("oncall", returns_provider=told)
