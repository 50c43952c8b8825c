"""What keeps a visit from being loaded is met under its lease, though it was claimed just then."""

import pytest
from sqlalchemy import select

from sync.store.schema import work
from sync.tasks import worker
from sync.visits import reconcile
from tests.support.clinic import Clinic, wall
from tests.support.templates import on_both


@on_both
def test_a_visit_that_can_t_be_loaded_is_tried_again(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    appointment, _ = clinic.linked()
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=17))
    clinic.sandbox.wait_idle()
    (key,) = clinic.due()

    def fails(*_args: object) -> None:
        raise ValueError("a row that nobody can read")

    with monkeypatch.context() as patch:
        patch.setattr(reconcile, "load", fails)
        with pytest.raises(ValueError, match="nobody can read"):
            worker.run(clinic.sync, key)
    with clinic.sync.store.read() as conn:
        row = conn.execute(select(work).where(work.c.aggregate == key)).one()
    assert (row.attempts, row.lease_by, row.wanted > row.done) == (1, None, True)
    clinic.settle()
    assert clinic.waiting() == 0
    assert clinic.writes() == ["PATCH /appointments/ID/"]
