"""Park what no run may do before a person has said so: go live, choose, act for the excluded.

A run that meets it parks; the decision raises it again.

R… are rules of docs/rules.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.run.outcomes import ParkedError
from sync.store import attention
from sync.store.service import installation
from sync.store.tables import blockers
from sync.store.visits import visits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from sync.mapping import Mapping
    from sync.runtime import Sync
    from sync.store.service.installation import Making
    from sync.store.visits.opening import Attending

UNSURE = "visit_unsure"


def until_accepted(sync: Sync) -> None:
    """Raises ParkedError while going live was not accepted: nothing may be made."""
    with sync.store.read() as conn:
        at = installation.accepted_at(conn)
    if at is None:
        raise ParkedError("operator", "go-live", None)


def may_create(sync: Sync, doctor: str | None) -> bool:
    """Whether anything may be made for this doctor, asked for by itself: see `may_make`."""
    with sync.store.read() as conn:
        making = installation.making(conn)
    return may_make(making, sync.mapping, doctor)


def may_make(making: Making, mapping: Mapping, doctor: str | None) -> bool:
    """Whether anything may be made for this doctor: only after both systems were matched (R25).

    A doctor who was mapped later is matched then; a visit whose doctor OnCall does not tell waits
    until all of them are.
    """
    if making.accepted_at is None:
        return False
    if doctor is not None:
        return doctor in making.matched or mapping.doctor(doctor) is None
    return all(entry.drchrono in making.matched for entry in mapping.doctors)


def unsure(ids: tuple[str, ...], runs: Iterable[int]) -> ParkedError:
    """What to raise when a person is to say which of these visits it is.

    `runs` are the aggregates that hold them. The end of a run there may settle it: a visit that is
    gone, over, or another's is none of them any more.
    """
    also = tuple((blockers.RUN, str(one)) for one in runs)
    return ParkedError("operator", UNSURE, UNSURE, candidates=ids, also=also)


def of_visit(conn: Connection, key: int, people: Iterable[Attending], *, asked: bool) -> None:
    """Raises ParkedError for a visit that may be one of several, or whose patients are excluded.

    `asked`: whether a person was asked which of several it is.
    """
    left = _candidates_left(conn, key) if asked else ()
    if left:
        raise unsure((), left)
    charts = [(one, who.excluded) for who in people for one in who.objects if one.kind == "patient"]
    if charts and all(excluded for _one, excluded in charts):
        first = min((one for one, _excluded in charts), key=lambda one: one.id)
        raise ParkedError("operator", f"excluded:{first.remote_id}", None)


def _candidates_left(conn: Connection, key: int) -> tuple[int, ...]:
    """The aggregates of the candidates that may still be it; 0 for one that we know nothing of.

    One that is gone, over, or linked with another is none any more; without any left nothing is
    asked.
    """
    ids = attention.named_in(conn, key, UNSURE)
    if not ids:
        return (0,)
    standing = visits.standing_under(conn, ids, besides=key)
    unknown = ids - {one.remote_id for one in standing}
    left = [one.visit for one in standing if one.is_open and not visits.is_linked(conn, one.visit)]
    return (*([0] if unknown else []), *left)


def is_unsure(conn: Connection, key: int) -> bool:
    """Whether a person is still to say which visit of the other system this one is."""
    return attention.is_open(conn, key, UNSURE)
