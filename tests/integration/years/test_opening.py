"""What a run of a visit begins with is that visit's alone."""

from sqlalchemy import select

from sync.store.schema import visit
from sync.store.visits import opening
from tests.support.clinic import Clinic, wall
from tests.support.templates import on_both


@on_both
def test_a_write_into_another_visit_is_none_into_this(clinic: Clinic) -> None:
    """Else a hint of OnCall's soon after any write would be taken for that write's echo."""
    clinic.linked()
    clinic.linked(scheduled_time=wall(days=4))
    first, second = visits(clinic)
    with clinic.sync.store.read() as conn:
        earlier, later = (opening.row(conn, key, "none").written for key in (first, second))
    assert earlier is not None
    assert later is not None
    assert earlier < later


def visits(clinic: Clinic) -> list[int]:
    with clinic.sync.store.read() as conn:
        begun = select(visit.c.aggregate).where(visit.c.starts_at.is_not(None))
        return list(conn.execute(begun.order_by(visit.c.aggregate)).scalars())
