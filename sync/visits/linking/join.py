"""Join what was entered by hand on both sides: list candidates, read each, absorb the one it is.

Candidates come from our own rows (same doctor, same start, one side only); whoever asks says which
of those that were read it is (`core.rules.same`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from sync.core.errors import Gone
from sync.drchrono import translate as drchrono
from sync.oncall import translate as oncall
from sync.run import allowed, transfer
from sync.run.outcomes import BUSY, LaterError
from sync.store import objects
from sync.store.lanes import Hints
from sync.store.tables import decisions, links
from sync.store.visits import visits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from sync.core.records import Visit
    from sync.core.wording import Json
    from sync.run.transfer import Held
    from sync.store.tables.links import Obj
    from sync.visits.state.model import VisitRun


def candidates(run: VisitRun, system: str, doctor: str, starts: datetime) -> list[Obj]:
    """List live appointments of a system, alone in their visit, that stand there by our rows.

    Of one that was not read yet (OnCall's hints are bare), or could not be (a doctor's zone was not
    known), the place is not known: it may be this. Not those that somebody told apart by hand.
    """
    with run.sync.store.read() as conn:
        found = objects.at_place(conn, system, doctor, starts, besides=run.state.key)
        return [one for one in found if is_alone(conn, one) and _may_join(conn, run, one)]


def is_alone(conn: Connection, one: Obj) -> bool:
    """Whether an object is its visit's only appointment that may still be there."""
    others = [
        other
        for other in links.objects_of(conn, one.aggregate)
        if other.kind == "appointment" and other.id != one.id and other.state != "gone"
    ]
    return not others and one.remote_id is not None


def _may_join(conn: Connection, run: VisitRun, twin: Obj) -> bool:
    """Whether there is something to join, and nobody has told the two apart by hand."""
    if twin.system == "oncall":
        kind, other, own = "visit", "appointment", [seat.appointment for seat in run.seats]
    else:
        there = run.state.object("oncall")
        kind, other, own = "appointment", "visit", [] if there is None else [there]
    ids = [str(one.remote_id) for one in own]
    return bool(ids) and not decisions.apart(conn, kind, str(twin.remote_id), other, ids)


def read(run: VisitRun, twins: Sequence[Obj]) -> Iterator[tuple[Obj, dict[str, Json], Visit]]:
    """Read candidates one after the other; what is learned of each is noted for the next booking.

    One that is not there is passed over.
    """
    sync = run.sync
    for twin in twins:
        is_oncall = twin.system == "oncall"
        client = sync.oncall if is_oncall else sync.drchrono
        try:
            json = client.get_appointment(run.ticket, str(twin.remote_id))
        except Gone:
            _note_denied(run, twin)
            continue
        shown = (oncall if is_oncall else drchrono).to_visit(json, run.mapping)
        with sync.store.write() as conn:
            # The object's row before the visit's, as a run of its own does: else two wait for each
            # other. DrChrono's may be an occurrence under another id: its own run finds that out.
            if is_oncall:
                links.change(conn, twin.id, told=False)
            visits.note_place(conn, twin.aggregate, shown, first=True)
        yield twin, json, shown


def _note_denied(run: VisitRun, twin: Obj) -> None:
    """Note that an id of which only a caller told was denied: no other booking reads it again.

    Its own run looks at it in any case.
    """
    if twin.told:
        with run.sync.store.write() as conn:
            objects.note_denied(conn, twin.id, run.sync.clock())


def refuse_unsure(run: VisitRun, twins: Sequence[Obj]) -> None:
    """Raise ParkedError where one may be another's: who comes later is asked about too."""
    with run.sync.store.read() as conn:
        unsure = any(allowed.is_unsure(conn, twin.aggregate) for twin in twins)
    if unsure:
        raise which_of(twins)


def which_of(twins: Sequence[Obj]) -> Exception:
    """What to raise when a person is to say which of these it is, if any."""
    return allowed.unsure(
        tuple(str(twin.remote_id) for twin in twins), (twin.aggregate for twin in twins)
    )


def absorb(run: VisitRun, twin: Obj, attend: Callable[[Held], None]) -> NoReturn:
    """Take a twin over as this visit's other side; `attend` notes who comes, as one transaction.

    Raises LaterError: both sides are looked at anew, at once or when the twin is free.
    """
    sync, state = run.sync, run.state
    with sync.store.write() as conn:
        held = transfer.hold(conn, sync, twin.aggregate, lease=state.lease, hints=Hints.both())
        if not is_alone(conn, twin):
            raise LaterError(held.now + BUSY, Hints.both())
        transfer.absorb(held, twin.aggregate, state.key, hints=Hints.both())
        links.change(conn, twin.id, generation=state.generation)
        attend(held)
    raise LaterError(held.now, Hints.both())
