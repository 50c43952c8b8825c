"""Contacts for every patient, where the mapping says so: `people = "all"`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, select
from sqlalchemy.orm import aliased

from sync.store.schema import object_
from sync.store.tables import told, work
from sync.store.tables.work import Hints, Lane

if TYPE_CHECKING:
    from datetime import datetime

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
    contact = aliased(object_)
    known = select(contact.c.id).where(
        contact.c.aggregate == object_.c.aggregate, contact.c.kind == "contact"
    )
    rows = conn.execute(
        select(object_.c.aggregate).where(
            object_.c.system == "drchrono",
            object_.c.kind == "patient",
            object_.c.state == "live",
            object_.c.remote_id.is_not(None),
            ~known.exists(),
        )
    )
    for key in rows.scalars().all():
        work.raise_(conn, key, now=now, hints=Hints.of("drchrono"), lane=Lane.BULK)
