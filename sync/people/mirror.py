"""Make contacts for every patient, where the mapping says `people = "all"`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.store.lanes import Hints, Lane
from sync.store.people import patients
from sync.store.tables import told, work

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from sync.mapping import Mapping


def is_mirrored(mapping: Mapping | None) -> bool:
    """Whether patients without a visit get a contact too."""
    return mapping is not None and mapping.policy.people == "all"


def raise_all(conn: Connection, mapping: Mapping, now: datetime) -> None:
    """Raise every patient without a contact, in the bulk lane; nobody where that is not asked for.

    Patients without an e-mail or with a doctor who is not mapped are read and left alone.
    """
    if not is_mirrored(mapping):
        return
    told.ask_for_patients(conn)
    for key in patients.without_contact(conn):
        work.raise_(conn, key, now=now, hints=Hints.of("drchrono"), lane=Lane.BULK)
