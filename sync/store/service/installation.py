"""Keep the one row of the installation: the two pinned accounts and since when creating is allowed.

Both accounts and the name are pinned together: before that there is no installation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, or_, select, update

from sync.store.schema import installation, probe
from sync.store.tables.facts import APPOINTMENT_FIELD, MATCHED

_ID = 1


@dataclass(frozen=True, slots=True)
class Installation:
    """The accounts that this database belongs to, and its name in markers."""

    practice_group: str
    oncall_org: str
    name: str
    accepted_at: datetime | None
    oncall_proof: str | None


_PINNED = select(*(installation.c[name] for name in Installation.__slots__)).where(
    installation.c.name.is_not(None)
)


def get(conn: Connection) -> Installation | None:
    """The installation, or None before the accounts were pinned."""
    row = conn.execute(_PINNED).first()
    return None if row is None else Installation(*row)


def locked(conn: Connection) -> Installation | None:
    """As `get`, with the row locked until the transaction ends."""
    row = conn.execute(_PINNED.with_for_update()).first()
    return None if row is None else Installation(*row)


def name(conn: Connection) -> str | None:
    """The name that stands in markers, or None."""
    found: str | None = conn.execute(select(installation.c.name)).scalar_one_or_none()
    return found


def accepted_at(conn: Connection) -> datetime | None:
    """Since when creating is allowed, or None."""
    at: datetime | None = conn.execute(select(installation.c.accepted_at)).scalar_one_or_none()
    return at


@dataclass(frozen=True, slots=True)
class Making:
    """What making and marking a visit rests on.

    `name` stands in markers, None until the accounts are pinned; since `accepted_at` creating is
    allowed, for the `matched` doctors' visits were matched before; `fields` has the id of our
    custom appointment field by doctor.
    """

    name: str | None
    accepted_at: datetime | None
    matched: frozenset[str]
    fields: Mapping[str, str]


_MAKING = select(
    installation.c.name,
    installation.c.accepted_at,
    probe.c.name.label("fact"),
    probe.c.value,
).outerjoin(
    probe, or_(probe.c.name.startswith(MATCHED), probe.c.name.startswith(APPOINTMENT_FIELD))
)


def making(conn: Connection) -> Making:
    """How that stands, in one statement."""
    rows = conn.execute(_MAKING).all()
    facts = {row.fact: row.value for row in rows if row.fact is not None}
    return Making(
        name=rows[0].name if rows else None,
        accepted_at=rows[0].accepted_at if rows else None,
        matched=frozenset(_under(facts, MATCHED)),
        fields=_under(facts, APPOINTMENT_FIELD),
    )


def _under(facts: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {
        name.removeprefix(prefix): value for name, value in facts.items() if name.startswith(prefix)
    }


def pin(conn: Connection, *, practice_group: str, oncall_org: str, name: str) -> None:
    """Tie the database to two accounts; those that are tied to it already stay."""
    values = {"practice_group": practice_group, "oncall_org": oncall_org, "name": name}
    there = conn.execute(select(installation.c.name)).first()
    if there is None:
        conn.execute(insert(installation).values(id=_ID, **values))
    elif there.name is None:
        conn.execute(update(installation).values(**values))


def rename(conn: Connection, name: str) -> None:
    """Give the installation another name in markers."""
    conn.execute(update(installation).values(name=name))


def prove_oncall(conn: Connection, proof: str) -> None:
    """Keep the proof of the OnCall key that was found right."""
    conn.execute(update(installation).values(oncall_proof=proof))


def accept(conn: Connection, now: datetime) -> bool:
    """Allow creating from now on, or from when it was; False while no account is pinned."""
    changed = conn.execute(
        update(installation)
        .where(installation.c.name.is_not(None))
        .values(accepted_at=func.coalesce(installation.c.accepted_at, now))
    )
    return changed.rowcount == 1


def mapping_version(conn: Connection) -> str | None:
    """The version of the mapping by which what waited for it was last raised, or None."""
    known: str | None = conn.execute(select(installation.c.mapping_version)).scalar_one_or_none()
    return known


def note_mapping(
    conn: Connection, version: str | None, *, accepted_at: datetime | None = None
) -> None:
    """Note the version of the mapping; `accepted_at` allows creating too, where nobody has yet."""
    values: dict[str, object] = {"mapping_version": version}
    if accepted_at is not None:
        values["accepted_at"] = func.coalesce(installation.c.accepted_at, accepted_at)
    conn.execute(update(installation).values(**values))
