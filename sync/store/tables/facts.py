"""Keep what the remotes told about themselves: zones, profiles, field ids, what lists do.

Kept in `probe`, one short text per name; nothing personal.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    BindParameter,
    Connection,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    union_all,
    update,
)

from sync.mapping import Mapping
from sync.store.schema import probe, scan

MALFORMED = "malformed:"
MATCHED = "matched:"
APPOINTMENT_FIELD = "appointment_field:"


_NAMED = probe.c.name == bindparam("named")
_PUT = update(probe).where(_NAMED).values(value=bindparam("told"), at=bindparam("now"))
_NEW = insert(probe)
_VALUE, _AT = select(probe.c.value).where(_NAMED), select(probe.c.at).where(_NAMED)
_UNDER = select(probe.c.name, probe.c.value).where(probe.c.name.startswith(bindparam("prefix")))
_LEARNED_AT = select(func.max(probe.c.at)).where(
    probe.c.name.startswith("zone:") | probe.c.name.startswith("profile:")
)


def put(conn: Connection, name: str, value: str, now: datetime) -> None:
    """Remember a fact."""
    told = value[:120]
    if conn.execute(_PUT, {"named": name, "told": told, "now": now}).rowcount == 0:
        conn.execute(_NEW, {"name": name, "value": told, "at": now})


def get(conn: Connection, name: str) -> str | None:
    """A fact, or None when it was never learned."""
    value: str | None = conn.execute(_VALUE, {"named": name}).scalar_one_or_none()
    return value


def forget(conn: Connection, name: str) -> None:
    """Let go of a fact."""
    conn.execute(delete(probe).where(probe.c.name == name))


def confirm(conn: Connection, name: str, now: datetime, since: datetime) -> None:
    """Tell a fact again that was told after `since`; an older one, or none, stays as it is."""
    conn.execute(update(probe).where(probe.c.name == name, probe.c.at > since).values(at=now))


def told_at(conn: Connection, name: str) -> datetime | None:
    """When a fact was last told, or None."""
    at: datetime | None = conn.execute(_AT, {"named": name}).scalar_one_or_none()
    return at


def told_under(conn: Connection, prefix: str, value: str) -> dict[str, datetime]:
    """When each fact of a family that has this value was last told, by the rest of its name."""
    rows = conn.execute(
        select(probe.c.name, probe.c.at).where(
            probe.c.name.startswith(prefix), probe.c.value == value
        )
    )
    return {row.name.removeprefix(prefix): row.at for row in rows}


def under(conn: Connection, prefix: str) -> dict[str, str]:
    """The facts of a family, by the rest of their names."""
    rows = conn.execute(_UNDER, {"prefix": prefix})
    return {row.name.removeprefix(prefix): row.value for row in rows}


class Fact(NamedTuple):
    """What was told of one thing, and when last."""

    value: str
    at: datetime


_NAMES: BindParameter[list[str]] = bindparam("names", expanding=True)
_WITH_SCAN = union_all(
    select(literal(0).label("of_scan"), probe.c.name, probe.c.value, probe.c.at).where(
        probe.c.name.in_(_NAMES)
    ),
    select(literal(1), scan.c.name, literal(""), scan.c.done_at).where(
        scan.c.name == bindparam("scan"), scan.c.done_at.is_not(None)
    ),
)


def with_scan(
    conn: Connection, names: Collection[str], scan_name: str
) -> tuple[dict[str, Fact], datetime | None]:
    """Those of these facts that are known, and when a scan was last completed: in one statement."""
    rows = conn.execute(_WITH_SCAN, {"names": list(names), "scan": scan_name}).all()
    done = next((at for of_scan, _, _, at in rows if of_scan), None)
    return {name: Fact(value, at) for of_scan, name, value, at in rows if not of_scan}, done


def malformed(conn: Connection) -> set[str]:
    """The facts about records of lists that could not be read."""
    return {f"{MALFORMED}{name}" for name in under(conn, MALFORMED)}


def zones(conn: Connection) -> dict[str, str]:
    """Each doctor's zone as DrChrono tells it."""
    return under(conn, "zone:")


def profile_names(conn: Connection) -> dict[str, str]:
    """Names of the appointment profiles, by id."""
    return under(conn, "profile:")


def profile_lengths(conn: Connection) -> dict[str, int]:
    """Lengths of the appointment profiles, in minutes, by id; those without are left out."""
    told = under(conn, "profile_minutes:")
    return {profile: int(text) for profile, text in told.items() if text.isdecimal()}


def told(conn: Connection, mapping: Mapping) -> Mapping:
    """The mapping with what the API alone knows: zones, and names and lengths of profiles."""
    named = mapping.with_zones(zones(conn))
    return named.with_profiles(profile_names(conn), profile_lengths(conn))


def appointment_field(conn: Connection, doctor: str) -> str | None:
    """The id of our custom appointment field of a doctor."""
    return get(conn, f"{APPOINTMENT_FIELD}{doctor}")


def patient_field(conn: Connection, doctor: str) -> str | None:
    """The id of our custom demographic of a doctor."""
    return get(conn, f"patient_field:{doctor}")


def matched_doctors(conn: Connection) -> frozenset[str]:
    """The doctors whose visits were matched with what OnCall had before anything was made."""
    return frozenset(under(conn, MATCHED))


def learned_at(conn: Connection) -> datetime | None:
    """When a zone or a profile was last learned."""
    at: datetime | None = conn.execute(_LEARNED_AT).scalar_one()
    return at
