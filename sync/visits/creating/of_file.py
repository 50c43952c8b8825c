"""Make the OnCall visit that a line of a file tells of, once; the rest is its own run's.

Its visit has nothing in DrChrono yet: the run that follows takes it as one that was booked in
OnCall (docs/adr/0037-batches.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync.core.records import present
from sync.oncall import bodies as oncall_bodies
from sync.oncall import translate as oncall
from sync.outbound.gate import Ticket
from sync.run import attempts
from sync.run.evidence import sealing
from sync.store.lanes import Lane
from sync.visits.creating import begin, oncall_visit, recover
from sync.visits.state.load import load
from sync.visits.state.model import VisitRun
from sync.visits.writing import markers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sync.core.records import Person, VisitType
    from sync.core.wording import Json
    from sync.runtime import Sync
    from sync.store.tables.claims import Lease


@dataclass(frozen=True)
class Told:
    """A visit as a file tells it. `references` go into its metadata, by their keys there.

    Metadata is free, and meant for ids of one's own (docs/api-facts.md, O21).
    """

    person: Person
    doctor: str
    starts: datetime
    minutes: int
    type: VisitType
    references: Mapping[str, str] = field(default_factory=dict, repr=False)


def run_of(sync: Sync, lease: Lease) -> VisitRun:
    """The run of a visit whose lease is held, in the lane of bulk work."""
    with sync.store.read() as conn:
        state = load(conn, lease, sync.clock())
    return VisitRun(sync, lease, Ticket(Lane.BULK, lease), sync.mapping, state)


def resolve(run: VisitRun) -> None:
    """Find what an earlier run may have made. Raises LaterError until that is known."""
    recover.resolve(run)


def make(run: VisitRun, told: Told, key: str) -> None:
    """POST it, written down under its key before.

    Raises sqlalchemy's IntegrityError where the key is another's, and what the call raises.
    """
    row = begin.row_for(run, "oncall", key)
    body = _body(run, told)
    pending = attempts.sent(run.sync.digests, {row.id: oncall.wire("appointment", body)})
    oncall_visit.post(run, row, body, pending, [row.id], doctor=told.doctor)


def _body(run: VisitRun, told: Told) -> dict[str, Json]:
    values = {
        "title": run.mapping.title(told.type),
        "starts": told.starts,
        "minutes": told.minutes,
        "type": told.type,
        "provider": told.doctor,
    }
    base_url = run.sync.settings.oncall_base_url
    body = oncall_bodies.appointment_body(values, base_url=base_url, mapping=run.mapping)
    who = {name: present(getattr(told.person, name), "") for name in _NAMED}
    marker = sealing.seal(run.sync.digests, markers.marker_for(run, None), "oncall", "appointment")
    participants: list[Json] = [oncall_bodies.participant_body(who)]
    metadata = oncall_bodies.with_marker(dict(told.references), marker)
    return body | {"participants": participants, "metadata": metadata}


_NAMED = ("first_name", "last_name", "email")
