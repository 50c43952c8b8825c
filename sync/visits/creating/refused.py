"""Park only the member whom a refusal of OnCall's is about, not the group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.oncall import bodies as oncall_bodies
from sync.run.outcomes import ParkedError
from sync.store.tables import blockers, links
from sync.visits.state import load

if TYPE_CHECKING:
    from sync.core.errors import Refused
    from sync.visits.linking.invited import Invited
    from sync.visits.state.model import VisitRun


def leave_out(run: VisitRun, invited: Invited, refusal: Refused) -> bool:
    """Park the members whom OnCall's refusal is about: their charts can mend it, the others come.

    False where it is about something else, or about whom it does not say. Nothing was made.
    """
    shown = run.oncall()
    there = len(shown.visit.attendees) if shown is not None else 0
    total = there + len(invited.met)
    first = min(total, oncall_bodies.MOST_PARTICIPANTS) - len(invited.met)
    named = {at - first for field_name, at in refusal.places if field_name == "participants"}
    others = [one for one in refusal.fields if not one.startswith("participants.")]
    if others or not named or not named <= set(range(len(invited.met))):
        return False
    for at, (attendance, met) in enumerate(list(invited.met.items())):
        if at in named:
            fields = tuple(refusal.fields)
            parked = ParkedError(blockers.PATIENT, met.remote_id, "refused", candidates=fields)
            invited.parked[attendance] = parked
            del invited.met[attendance]
    with run.sync.store.read() as conn:
        run.state.objects = links.objects_of(conn, run.state.key)
    load.reload(run)
    return True
