"""Count what a change asks of the database, door and echo included: statements and transactions.

A visit moved: both doors (7 and 6 statements), two claims that load the visit, three permits, the
outcome of the write, two ends; 60 in 11. A visit made for a known person: 108 to 120 in 19 or 20,
by whether the echo of the create comes after its answer, before it (then the id has an aggregate of
its own by then, which is taken back), or on PostgreSQL in the midst of it.

The questions that a process asks by the clock, whoever calls, stand still here, as in
`test_sql_costs`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.support.clinic import Clinic, wall
from tests.support.sql import Cost, counted, own_questions_asked
from tests.support.templates import on_both

MOVED = (60, 11)
MADE = (120, 20)


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


@pytest.mark.parametrize("echo_first", [True, False], ids=["echo first", "as it comes"])
@on_both
def test_moved_and_made(clinic: Clinic, echo_first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the answer of a create its echo is about an id that nobody has read."""
    clinic.wire.echo_first = echo_first
    appointment = clinic.book()
    clinic.pump()
    own_questions_asked(clinic.sync, monkeypatch)
    with costs(clinic) as moved:
        clinic.edit(appointment, scheduled_time=wall(days=3, hour=17))
        clinic.pump()
    with costs(clinic) as made:
        clinic.book(scheduled_time=wall(days=5), patient=clinic.patient)
        clinic.pump()
    assert len(clinic.visits()) == 2
    assert moved.within(*MOVED)
    assert made.within(*MADE)
