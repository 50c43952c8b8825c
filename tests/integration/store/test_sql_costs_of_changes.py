"""Count what a change asks of the database, door and echo included: statements and transactions.

The budgets are what was reached, and what a slow machine asks besides by the clock (who belongs to
the database, a mapping that was learned meanwhile).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support.clinic import Clinic, wall
from tests.support.sql import Cost, counted
from tests.support.templates import on_both


@contextmanager
def costs(clinic: Clinic) -> Iterator[Cost]:
    """Count what the service asks; what the test's own sweeper asks is left out."""
    looked = Cost()
    look: Callable[[], list[int]] = clinic.due

    def looking() -> list[int]:
        with counted(clinic.sync.store) as own:
            due = look()
        looked.statements += own.statements
        looked.transactions += own.transactions
        return due

    clinic.due = looking  # type: ignore[method-assign]
    with counted(clinic.sync.store) as cost:
        yield cost
    for statement in looked.statements:
        cost.statements.remove(statement)
    cost.transactions -= looked.transactions


@on_both
def test_moved_and_made(clinic: Clinic) -> None:
    """The echo comes before the answer: of a new visit that is an unknown one, until it is."""
    clinic.wire.echo_first = True
    appointment = clinic.book()
    clinic.pump()
    with costs(clinic) as moved:
        clinic.edit(appointment, scheduled_time=wall(days=3, hour=17))
        clinic.pump()
    with costs(clinic) as made:
        clinic.book(scheduled_time=wall(days=5), patient=clinic.patient)
        clinic.pump()
    assert len(clinic.visits()) == 2
    assert moved.within(85, 21)
    assert made.within(205, 42)
