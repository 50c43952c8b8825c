"""Count what a change asks of the database, door and echo included: statements and transactions.

A visit moved: two doors (6 and 5 statements), two claims that load the visit, one with the permit
of its first read, two more permits, the outcome of the write, two ends. A visit made for a known
person: 100 to 112 by when the echo of the create comes. Before the answer, the id has an aggregate
of its own by then, which is taken back.

On PostgreSQL each write asks once more: the audit's turn (`store/trail/deeds.py`) must be had
before its last row can be read. Where an echo comes between the look for the id and its storing,
that fails at a savepoint, and the id is looked for again.

The questions that a process asks by the clock, whoever calls, stand still here, as in
`test_sql_costs`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.support.clinic import Clinic, wall
from tests.support.sql import Cost, counted, own_questions_asked
from tests.support.templates import on_both

MOVED = (52, 9)
MADE = (112, 18)
WRITES_MOVED, WRITES_MADE = 1, 2
IN_THE_MIDST = 3  # the savepoint, what failed at it, and the second look


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
    turns = int(clinic.sync.store.engine.dialect.name == "postgresql")
    midst = IN_THE_MIDST if turns and not echo_first else 0
    assert moved.within(MOVED[0] + turns * WRITES_MOVED, MOVED[1])
    assert made.within(MADE[0] + turns * WRITES_MADE + midst, MADE[1])
