"""Find the fields that somebody edited after a write of ours whose outcome nobody told us.

Both sides look changed then: one shows what we carried, the other a third value. That was not there
when we read the field before we wrote, so it is the later edit, whether our write has landed or
not (ADR 0035).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.records import Absent
from sync.core.rules.merge import Seen
from sync.core.rules.views import FIELDS
from sync.drchrono import bodies as drchrono_bodies
from sync.drchrono import translate as drchrono
from sync.oncall import bodies as oncall_bodies
from sync.oncall import translate as oncall
from sync.run.evidence import staleness
from sync.store import calls
from sync.visits.state.summary import doctor_of

if TYPE_CHECKING:
    from sync.core.wording import Json
    from sync.store.tables.links import Obj
    from sync.visits.state.model import Shown, VisitRun


def find(run: VisitRun) -> None:
    """Note in the state what was edited later, by system; raises LaterError where a copy may lag.

    Of a shared visit: what was edited in OnCall after its members' move was carried there.
    """
    there, shown = run.state.object("oncall"), run.oncall()
    if there is None or shown is None:
        return
    here = [seat.shown for seat in run.seats if seat.shown is not None]
    run.state.later["oncall"] = _edited(run, there, shown, here)
    if not run.state.is_group and here:
        appointment = run.seats[0].appointment
        run.state.later["drchrono"] = _edited(run, appointment, here[0], [shown])


def _edited(run: VisitRun, obj: Obj, shown: Shown, sources: list[Shown]) -> frozenset[str]:
    names = {name for name in FIELDS if shown.seen.get(name) is Seen.CHANGED}
    return frozenset(name for name in names if _is_later(run, obj, shown, sources, name))


def _is_later(run: VisitRun, obj: Obj, shown: Shown, sources: list[Shown], name: str) -> bool:
    """Whether our last write of the field carries what each changed source shows, and was before.

    Whether the field was read right before the write is told by what the call remembers of it.
    """
    stored = run.state.stored.get((obj.id, name))
    news = [one.visit for one in sources if one.seen.get(name) is Seen.CHANGED]
    if stored is None or not stored.ours or not news or name not in shown.wire:
        return False
    key_id, digest, call_id = stored.ours[-1]
    digests = run.sync.digests
    for one in news:
        value = getattr(one, name)
        if isinstance(value, Absent):
            return False
        wire = _as_written(run, shown, obj.system, {name: value})
        if name not in wire or digests.same(obj.id, name, wire[name], key_id, digest) is not True:
            return False
    with run.sync.store.read() as conn:
        before = calls.stood_before(conn, call_id)
    stood = before.before.get(name, [])
    value = shown.wire[name]
    if not stood or any(digests.same(obj.id, name, value, *one) is not False for one in stood):
        return False
    staleness.believe_later(run.sync, run.state.lease, obj, before.ended_at)
    return True


def _as_written(
    run: VisitRun, shown: Shown, system: str, values: dict[str, object]
) -> dict[str, Json]:
    """The object's wire form with these values written."""
    if system == "oncall":
        body = oncall_bodies.appointment_body(
            values, base_url=run.sync.settings.oncall_base_url, mapping=run.mapping
        )
        return oncall.wire("appointment", {**shown.json, **body})
    doctor = str(values.get("provider") or shown.json.get("doctor") or doctor_of(run.state))
    body = drchrono_bodies.appointment_body(values, doctor=doctor, mapping=run.mapping)
    return drchrono.wire("appointment", {**shown.json, **body})
