"""Move the baselines of what an object showed, because it was carried to the other side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.oncall.translate import participants_wire
from sync.store.tables import baselines
from sync.store.tables.baselines import Settled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from sync.store.tables.links import Obj
    from sync.visits.state.model import Seat, Shown, VisitRun


def settle(
    conn: Connection,
    run: VisitRun,
    obj: Obj | None,
    shown: Shown | None,
    names: Iterable[str] | None = None,
) -> None:
    """Settle an object at what was read of it: these fields, or all. Nothing where nothing was."""
    baselines.settle_each(conn, [as_shown(run, obj, shown, names)], run.sync.digests.key_id)


def as_shown(
    run: VisitRun, obj: Obj | None, shown: Shown | None, names: Iterable[str] | None = None
) -> Settled | None:
    """What `settle` settles, to be stored with that of other objects."""
    if obj is None or shown is None:
        return None
    wanted = set(shown.wire if names is None else names)
    wire = {name: value for name, value in shown.wire.items() if name in wanted}
    return Settled(obj.id, run.sync.digests.fields(obj.id, wire), shown.visit.zone)


def settle_news(
    conn: Connection, run: VisitRun, obj: Obj | None, shown: Shown | None, names: Iterable[str]
) -> None:
    """Settle these fields as `settle` does, but for those that the run began with as shown."""
    if obj is None or shown is None:
        return
    news = [name for name in names if not _was_settled(run, obj, shown, name)]
    settle(conn, run, obj, shown, news)


def settled_of(run: VisitRun, obj: Obj) -> dict[str, tuple[str, str]]:
    """Key and digest of what each field of an object was settled at when the run began.

    No run writes one field of an object twice.
    """
    return {
        name: (known.key_id, known.digest)
        for (row, name), known in run.state.stored.items()
        if row == obj.id and known.key_id is not None and known.digest is not None
    }


def _was_settled(run: VisitRun, obj: Obj, shown: Shown, name: str) -> bool:
    digests, known = run.sync.digests, run.state.stored.get((obj.id, name))
    if known is None or known.ours or known.key_id != digests.key_id or name not in shown.wire:
        return False
    if name == "starts" and known.zone != shown.visit.zone:
        return False
    return digests.same(obj.id, name, shown.wire[name], known.key_id, known.digest) is True


def settle_participant(conn: Connection, run: VisitRun, seat: Seat) -> None:
    """Settle whether the attendance's participant is cancelled, as OnCall showed it."""
    shown, row, digests = run.oncall(), seat.participant, run.sync.digests
    if shown is None or row is None or row.remote_id is None:
        return
    wire = participants_wire(shown.json).get(row.remote_id, {})
    if "state" in wire:
        told = digests.fields(row.id, {"state": wire["state"]})
        baselines.settle(conn, row.id, told, digests.key_id)
