"""Show a token's account its part: the practice, one doctor's share, or another practice."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from sandbox.drchrono.practice import Practice
from sandbox.tables import Table

if TYPE_CHECKING:
    from sandbox.answers import Json
    from sandbox.drchrono.access.oauth import Token

# Another practice of the same vendor: its own group, doctor and user, and nobody of ours.
GROUP, NAME, DOCTOR, USER = 8888, "Hilltop Dental", 901, 951
# What is shown to others only with the practice's setting share_patients (docs/api-facts.md, D8).
SHARED = ("appointments", "patients")


def stranger_of(practice: Practice) -> Practice:
    """The other practice, empty of patients and appointments."""
    other = Practice(practice.clock, practice.behaviours, practice.courier)
    other.practice_group = GROUP
    doctor = {
        "id": DOCTOR,
        "first_name": "Ines",
        "last_name": "Holm",
        "email": "ines@hilltop.example",
        "timezone": "US/Central",
        "practice_group": GROUP,
        "practice_group_name": NAME,
        "is_account_suspended": False,
    }
    user = {"id": USER, "username": "i.holm", "doctor": DOCTOR, "practice_group": GROUP}
    other.tables["doctors"].seed(str(DOCTOR), doctor)
    other.tables["users"].seed(str(USER), user)
    return other


def seen_by(practice: Practice, stranger: Practice, token: Token, method: str) -> Practice:
    """What a call of a token is answered from; writes of a user see the whole practice."""
    if token.account == "stranger":
        return stranger
    shared = practice.behaviours.on("share_patients")
    if token.actor != "app" or shared or method not in {"GET", "HEAD"}:
        return practice
    view = copy.copy(practice)
    own = min(practice.tables["users"].rows.values(), key=lambda row: row["id"])["doctor"]
    hidden = {kind: _only(practice.tables[kind], own) for kind in SHARED}
    view.tables = {**practice.tables, **hidden}
    return view


def _only(table: Table, doctor: int) -> Table:
    """The objects of one doctor, in a table of its own that holds the same rows."""
    part = Table()
    saved: Json = table.saved()
    own = {row_id for row_id, row in saved["rows"].items() if row.get("doctor") == doctor}
    part.restore({name: {i: row for i, row in saved[name].items() if i in own} for name in saved})
    return part
