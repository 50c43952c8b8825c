"""When OnCall is read a second time: what it shows may be from before a write of ours.

DrChrono's reads bear `updated_at`, which tells an older one. OnCall's bear nothing, and how old
they may be is not documented. Believed at once, such a read would be carried to the record as
somebody's edit and undo what was just carried.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from sync.core.merge import Seen
from sync.engine.visit_state import read_side
from sync.store.schema import call

if TYPE_CHECKING:
    from sync.engine.visits import VisitRun

# A read is not expected to be older than this.
SOON = timedelta(seconds=30)


def settle(started: VisitRun) -> None:
    """Read OnCall's side once more when a field differs that we wrote just before.

    A second read that shows the same is believed: then somebody did change it.
    """
    state, obj = started.state, started.state.object("oncall")
    shown = state.read.get("oncall")
    if shown is None or obj is None:
        return
    changed = {name for name, seen in shown.seen.items() if seen is Seen.CHANGED}
    if changed and changed & _just_written(started, obj.id):
        del state.read["oncall"]
        read_side(started.sync, state, "oncall", started.ticket)


def _just_written(started: VisitRun, object_id: int) -> set[str]:
    """The fields that changes of ours wrote there within the last seconds."""
    since = started.sync.clock() - SOON
    written = select(call.c.fields).where(
        call.c.object == object_id,
        call.c.method == "PATCH",
        call.c.state == "done",
        call.c.ended_at > since,
    )
    with started.sync.store.read() as conn:
        return {name for fields in conn.execute(written).scalars() for name in fields.split(",")}
