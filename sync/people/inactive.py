"""Keep an inactive or deceased patient from being mailed, whichever run would write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.errors import Gone
from sync.drchrono import translate as drchrono
from sync.run.outcomes import ParkedError
from sync.store.visits import opening

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.run.context import Run
    from sync.store.visits.opening import Attending

# DrChrono's words for inactive and deceased (docs/api-facts.md, D49).
GONE = ("I", "D")


def refuse(run: Run, person_key: int, known_of: Mapping[int, Attending]) -> None:
    """Raises ParkedError where what is to be written would mail an inactive or deceased patient.

    Known without a call: their chart's status is among its baselines. `known_of`: who attended
    when the run began; who came since is asked for.
    """
    digests, who = run.sync.digests, known_of.get(person_key)
    if who is None or who.stored is None:
        with run.sync.store.read() as conn:
            who = opening.who(conn, person_key)
    chart, stored = who.chart, who.stored or {}
    known = stored.get((chart.id, "active")) if chart else None
    if chart is None or known is None or known.key_id is None:
        return
    told = {digests.same(chart.id, "active", word, known.key_id, known.digest) for word in GONE}
    if None in told:
        told = {_is_inactive(run, str(chart.remote_id))}  # only the chart can tell
    if True in told:
        raise ParkedError("patient", str(chart.remote_id), "patient_inactive")


def _is_inactive(run: Run, patient: str) -> bool:
    try:
        json = run.sync.drchrono.get_patient(run.ticket, patient)
    except Gone:
        return False  # another run finds that out
    return drchrono.to_person(json).active is False
