"""Prove that both accounts are the pinned ones, and stop all work while one is not.

A token or key of another practice answers 404 for each id of ours, and empty lists. So a deletion
is believed only when the account was proven right at or after it was first denied; the proof is a
fact with its time, renewed once an hour. An account that is proven wrong stops all work: told once
as `wrong_account`, until it is right again (ADR 0020).
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sync.config import Mode
from sync.core.errors import Gone, Transient, WrongAccount
from sync.core.records import SYSTEMS
from sync.mapping import MappingError
from sync.run.evidence import ownership
from sync.store import attention
from sync.store.lanes import Lane
from sync.store.service import installation
from sync.store.tables import facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from sync.outbound.call import Answer, Call, Sender
    from sync.outbound.pages import Record
    from sync.runtime import Ring, Sync

CAUSE = "wrong_account"
UNSEEN = "doctor_unseen"
# How old a proof may be under which DrChrono's 404 of a bystander is believed. What ends a visit or
# a person asks for one that is younger than the denial (`require`).
FRESH = timedelta(hours=1)
# The same of OnCall's, of ids that end nothing: a flood of them is no reason for as many proofs.
SHARED = timedelta(seconds=30)
# How often a wrong account is looked at again.
AGAIN = timedelta(minutes=10)
# How long work that is held waits before it asks again.
HELD = timedelta(seconds=60)
_FACT = "account:"
FACTS = {system: _FACT + system for system in SYSTEMS}
_SIGHT = "sight:"
_RIGHT, _WRONG = "right", "wrong"
# Whose 404 says that an object is gone.
_OBJECTS = frozenset({"appointment", "contact", "participant", "patient"})


# --- what is known --------------------------------------------------------------------------------


def fingerprints(sync: Sync, system: str) -> tuple[str, ...]:
    """Which credential is configured, by each digest key of ours (first: current).

    Nothing of DrChrono's. Under new DIGEST_KEYS the same OnCall key is still the same account.
    """
    if system != "oncall":
        return ("",)
    secret = f"oncall key {sync.settings.oncall_key_prefix}"
    secret += sync.settings.oncall_key.get_secret_value()
    keys = sync.settings.digest_key_list
    return tuple(hmac.new(key, secret.encode(), hashlib.sha256).hexdigest()[:16] for key in keys)


def wrong(conn: Connection, sync: Sync) -> tuple[str, ...]:
    """The systems whose account is wrong, or whose key is another than the proven one."""
    return wrong_of(sync, facts.under(conn, _FACT))


def wrong_of(sync: Sync, told: Mapping[str, str]) -> tuple[str, ...]:
    """The same of what is stored of each account, by system."""
    return tuple(
        system
        for system in SYSTEMS
        if system in told and not _says(sync, system, told[system], _RIGHT)
    )


def holds(conn: Connection, sync: Sync) -> bool:
    """Whether nothing may be worked on: an account is not the pinned one, or may not be."""
    return bool(wrong(conn, sync))


def note_right(conn: Connection, sync: Sync, system: str, at: datetime) -> None:
    """The account was just seen to be the pinned one."""
    facts.put(conn, _FACT + system, _value(sync, system, _RIGHT), at)
    if not wrong(conn, sync):
        attention.close_cause(conn, 0, CAUSE, at)


def _note_wrong(sync: Sync, system: str, at: datetime) -> None:
    with sync.store.write() as conn:
        facts.put(conn, _FACT + system, _value(sync, system, _WRONG), at)
        attention.open_item(conn, 0, CAUSE, now=at, candidates=[system])


def _value(sync: Sync, system: str, how: str) -> str:
    return f"{how} {fingerprints(sync, system)[0]}"


def _says(sync: Sync, system: str, value: str | None, how: str) -> bool:
    """Whether a stored value says that of the configured credential, by any digest key."""
    return value in {f"{how} {one}" for one in fingerprints(sync, system)}


# --- proving --------------------------------------------------------------------------------------


def require(sync: Sync, system: str, since: datetime) -> None:
    """Return when the account was proven right at `since` or later; else prove it now.

    Raises WrongAccount when it is not right, and what the calls raise when that can't be known.
    """
    with sync.store.read() as conn:
        at = facts.told_at(conn, _FACT + system)
        right = _says(sync, system, facts.get(conn, _FACT + system), _RIGHT)
    if right and at is not None and at >= since:
        return
    if not prove(sync, system):
        raise WrongAccount(CAUSE, sync.clock() + HELD)


def prove(sync: Sync, system: str) -> bool:
    """Ask the system who we are there, note it, and say whether that is the pinned account.

    One call when it is right (of OnCall one for each page of providers). True while nothing is
    pinned. Raises RemoteError when the answer says nothing.
    """
    began = sync.clock()
    with sync.store.read() as conn:
        pinned = installation.get(conn)
    if pinned is None:
        return True
    if system == "drchrono":
        right = _is_our_practice(sync, pinned.practice_group)
    else:
        providers = readable(system, list(sync.oncall.providers(sync.task_ticket())))
        right = is_our_organisation(sync, pinned.oncall_org, providers)
    if not right:
        _note_wrong(sync, system, began)
        return False
    with sync.store.write() as conn:
        note_right(conn, sync, system, began)
    return True


def saw(sync: Sync, system: str, records: list[Record]) -> None:
    """Take a list of all doctors or providers, read for something else, for a proof.

    Raises WrongAccount when it is not the pinned account's.
    """
    with sync.store.read() as conn:
        pinned = installation.get(conn)
    if pinned is None:
        return
    now = sync.clock()
    readable(system, records)
    if system == "drchrono":
        right = is_our_practice(sync, pinned.practice_group, records)
    else:
        right = is_our_organisation(sync, pinned.oncall_org, records)
    if not right:
        _note_wrong(sync, system, now)
        raise WrongAccount(CAUSE, now + HELD)
    with sync.store.write() as conn:
        note_right(conn, sync, system, now)


def _is_our_practice(sync: Sync, group: str) -> bool:
    ticket = sync.task_ticket()
    for doctor in sorted(mapped_doctors(sync))[:1]:
        try:
            if is_our_practice(sync, group, [sync.drchrono.get_doctor(ticket, doctor)]):
                return True
        except Gone:
            pass  # this one may have left; the list says whether all have
    return is_our_practice(sync, group, readable("drchrono", sync.drchrono.doctors(ticket)))


def is_our_practice(sync: Sync, group: str, doctors: list[Record]) -> bool:
    """Whether these are doctors of the pinned practice group, and a mapped one is among them."""
    ids = {str(one.get("id")) for one in doctors}
    mapped = mapped_doctors(sync)
    if group.startswith(ownership.DOCTOR):
        # An account without a group is known by its doctors alone; it may be given a group later.
        return group.removeprefix(ownership.DOCTOR) in ids or bool(mapped & ids)
    return group in ownership.groups(doctors) and (not mapped or bool(mapped & ids))


def is_our_organisation(sync: Sync, org: str, providers: list[Record]) -> bool:
    """Whether the pinned division is among these providers', or one of them is mapped."""
    if org in ownership.divisions(providers) or org == ownership.NO_DIVISION:
        return True
    try:
        mapped = {entry.oncall_provider for entry in sync.mapping.doctors}
    except MappingError:
        mapped = set()
    return any(ownership.number_in(one.get("url")) in mapped for one in providers)


def readable(system: str, people: list[Record]) -> list[Record]:
    """The same list of all doctors or providers; raises Transient when nobody in it has an id."""
    if not ownership.is_readable(system, people):
        raise Transient("garbled")
    return people


def mapped_doctors(sync: Sync) -> set[str]:
    """The mapped doctors' ids; none while the mapping can't be read."""
    try:
        return {entry.drchrono for entry in sync.mapping.doctors}
    except MappingError:
        return set()


# --- sight of one doctor --------------------------------------------------------------------------


def require_sight(sync: Sync, doctor: str | None, since: datetime) -> None:
    """Return if the account showed a doctor's appointments at `since` or later, or shows them now.

    DrChrono shows other doctors' appointments and patients only with the practice's setting
    share_patients (docs/api-facts.md, D8): without it each is 404 under the right account.
    Raises WrongAccount when the account shows none of a doctor's and is not known to see them.
    """
    if doctor is None:
        require(sync, "drchrono", since)
        return
    name, began = _SIGHT + doctor, sync.clock()
    with sync.store.read() as conn:
        at, seen = facts.told_at(conn, name), facts.get(conn, name) == "yes"
    if at is not None and seen and at >= since:
        return
    if at is not None and not seen and began - at < FRESH:
        raise WrongAccount(UNSEEN, at + FRESH)
    if not _looked_for(sync, doctor):
        require(sync, "drchrono", since)
        with sync.store.write() as conn:
            attention.open_item(conn, 0, UNSEEN, now=began, candidates=[doctor])
        raise WrongAccount(UNSEEN, began + FRESH)


def _looked_for(sync: Sync, doctor: str) -> bool:
    """Ask whether any of a doctor's appointments is shown, note it, and say so."""
    began = sync.clock()
    seen = _shows_any_of(sync, doctor)
    with sync.store.write() as conn:
        facts.put(conn, _SIGHT + doctor, "yes" if seen else "no", began)
        if seen and not _unseen(conn):
            attention.close_cause(conn, 0, UNSEEN, began)
    return seen


def _unseen(conn: Connection) -> dict[str, datetime]:
    """The doctors of whom no appointment was shown when last looked for, and when that was."""
    return facts.told_under(conn, _SIGHT, "no")


def _shows_any_of(sync: Sync, doctor: str) -> bool:
    today = sync.clock().date()
    for first, last in ((-60, 60), (-180, 0), (0, 180)):
        days = [(today + timedelta(days=far)).isoformat() for far in (first, last)]
        pages = sync.drchrono.list_appointments(
            sync.task_ticket(), date_range="/".join(days), doctor=doctor, show_archived="true"
        )
        if any(str(one.get("doctor")) == doctor for one in next(pages).results):
            return True
    # Nothing in a year: then it is their patients, who are hidden by the same setting.
    patients = next(sync.drchrono.list_patients(sync.task_ticket(), doctor=doctor))
    return any(str(one.get("doctor")) == doctor for one in patients.results)


# --- where it is asked ----------------------------------------------------------------------------


def task(sync: Sync) -> tuple[Ring, ...]:
    """Prove each account once an hour, a wrong one every ten minutes, another key's at once."""
    if sync.settings.sync_mode is Mode.PAUSED:
        return ()
    for system in SYSTEMS:
        with sync.store.read() as conn:
            at = facts.told_at(conn, _FACT + system)
            value = facts.get(conn, _FACT + system)
        now = sync.clock()
        told_wrong = _says(sync, system, value, _WRONG)
        known = told_wrong or _says(sync, system, value, _RIGHT)
        if at is None or not known or now - at >= (AGAIN if told_wrong else FRESH):
            prove(sync, system)
    with sync.store.read() as conn:
        unseen = _unseen(conn) if not wrong(conn, sync) else {}
    for doctor, at in unseen.items():
        if sync.clock() - at >= FRESH:
            _looked_for(sync, doctor)
    return ()


class _ProvenSender:
    def __init__(self, sender: Sender, proof: Any) -> None:
        self._sender = sender
        self._proof = proof

    def send(self, call: Call, ticket: Any) -> Answer:
        try:
            return self._sender.send(call, ticket)
        except Gone:
            if call.endpoint in _OBJECTS:
                self._proof(call.system, ticket.lane)
            raise


def with_proof(sender: Sender, sync: Any) -> Sender:
    """Give a sender that believes no 404 of an object before the account is proven right.

    `sync` gives the Sync when it is built. OnCall documents no deletion, so what it denies is
    proven anew each time; of ids that only callers told of, by one proof within `SHARED`.
    """

    def proof(system: str, lane: Lane) -> None:
        made: Sync = sync()
        now = made.clock()
        shared = SHARED if lane is Lane.TOLD else timedelta(0)
        require(made, system, now - (FRESH if system == "drchrono" else shared))

    return _ProvenSender(sender, proof)
