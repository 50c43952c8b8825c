"""A worker that is told to end hands back what it can't finish, between two calls."""

from typing import Any

import pytest
from sqlalchemy import select

from sync.assemble import build
from sync.runtime import Sync
from sync.store.schema import work
from sync.tasks import worker
from tests.support.agreement import agree
from tests.support.clinic import Clinic
from tests.support.flows import here, slot


def close_after(sync: Sync, calls: int) -> None:
    """Have the worker told to end while its last of so many calls is on its way."""
    sent: list[str] = []
    send = sync.wire.send

    def watched(request: Any) -> Any:
        sent.append(request.method)
        if len(sent) == calls:
            sync.gate.close()
        return send(request)

    sync.wire.send = watched  # type: ignore[method-assign]


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_it_is_due_at_once_for_another_worker(clinic: Clinic, calls: int) -> None:
    clinic.book(patient=clinic.patient, scheduled_time=here(slot(0)))
    clinic.sandbox.wait_idle()
    (aggregate,) = clinic.due()
    leaving = build(clinic.settings, owner="leaving", clock=clinic.now)
    close_after(leaving, calls)
    rings = worker.run(leaving, aggregate)
    leaving.close()
    assert len(clinic.calls("drchrono") + clinic.calls("oncall")) == calls
    assert aggregate in {ring.aggregate for ring in rings}
    with clinic.sync.store.read() as conn:
        left = conn.execute(select(work).where(work.c.aggregate == aggregate)).one()
    assert (left.lease_by, left.attempts) == (None, 0)
    clinic.pump()  # the clock stands: no lease had to run out
    agree(clinic)
    assert clinic.mails() == [("invitation", "app")]
