"""Compare a contact or participant with the chart, field by field, and build what is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.records import Absent
from sync.core.rules.merge import Seen
from sync.core.rules.people import NAMES
from sync.core.wording import as_sent
from sync.drchrono import translate as drchrono
from sync.oncall import bodies as oncall_bodies
from sync.oncall import translate as oncall
from sync.store.tables import baselines, refusals

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.core.records import Person
    from sync.core.wording import Json
    from sync.people.model import PersonRun
    from sync.runtime import Sync
    from sync.store.tables.links import Obj


def of(run: PersonRun, target: Obj, names: tuple[str, ...], kind: str) -> dict[str, object]:
    """The fields whose baseline on the target is not what the chart says.

    A field without a baseline was never agreed on: it is not overwritten (go-live policy), but for
    participants, whose baselines are all there from their first day. An optional field that is
    empty in the chart empties nothing, unless it was emptied just now: a contact may know more.
    """
    sync = run.sync
    with sync.store.read() as conn:
        stored = baselines.stored_fields(conn, [target.id])
        values = {}
        for name in names:
            value = getattr(run.person, name)
            known = stored.get((target.id, name))
            if isinstance(value, Absent) or known is None or known.digest is None:
                continue
            if is_unsaid(name, value) and run.seen.get(name) is not Seen.CHANGED:
                continue
            body = _body_of(kind, name, value, run)
            wire = oncall.wire(kind, body)
            if name not in wire:
                continue
            # Under a key that we don't have it is not known whether it is due: nothing is written.
            other = all(
                sync.digests.same(target.id, name, form, known.key_id, known.digest) is False
                for form in (wire[name], *_former(name, run))
            )
            if other and not _was_refused(conn, sync, target, body):
                values[name] = value
    return values


def is_unsaid(name: str, value: object) -> bool:
    """Whether the chart says nothing in a field that it need not have."""
    return name not in NAMES and value in {"", None}


def _former(name: str, run: PersonRun) -> list[Json]:
    """How an earlier version wrote a name or an e-mail that has invisible characters.

    What it wrote is what the chart says: it is not written anew, which would be a mail.
    """
    told = drchrono.wire("patient", run.json).get(name)
    sent = as_sent(told)
    if name not in NAMES or sent == told or not isinstance(sent, str):
        return []
    return [sent.strip().lower() if name == "email" else " ".join(sent.split())]


def _was_refused(conn: Connection, sync: Sync, target: Obj, body: dict[str, Json]) -> bool:
    """Whether OnCall has refused this very value: it is told, and waits for another."""
    return any(
        refusals.is_known(conn, sync.digests, target.id, key, value) for key, value in body.items()
    )


def _body_of(kind: str, name: str, value: object, run: PersonRun) -> dict[str, Json]:
    if kind == "contact":
        return oncall_bodies.contact_body(
            {name: value},
            base_url=run.sync.settings.oncall_base_url,
            mapping=run.sync.mapping,
        )
    return oncall_bodies.participant_body({name: value})


def with_both_names(person: Person, due: dict[str, object]) -> dict[str, object]:
    """A changed name is written with its other half, so that the full name follows too."""
    if not {"first_name", "last_name"} & due.keys():
        return due
    names = {"first_name": person.first_name, "last_name": person.last_name}
    return {**due, **{k: v for k, v in names.items() if not isinstance(v, Absent)}}
