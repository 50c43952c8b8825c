"""Take back what an early echo has made, and move what hangs on it; on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from sync.store import attention
from sync.store.lanes import Hints
from sync.store.schema import call, visit
from sync.store.schema import work as work_table
from sync.store.tables import attendances, claims, journal, links, work
from sync.store.visits import moves, visits

T0 = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = T0 + timedelta(minutes=1)


@pytest.fixture
def conn(store):
    with store.write() as opened:
        yield opened


@pytest.fixture
def row(conn):
    """A visit that is being made in OnCall."""
    key = links.new_aggregate(conn, "visit", T0)
    made = {"state": "creating", "create_key": "visit:1:1", "generation": 2}
    return links.add(conn, key, "oncall", "appointment", None, now=T0, **made)


@pytest.fixture
def shell(conn):
    """What the door has made of the create's own webhook."""
    obj = links.new_object(conn, "oncall", "appointment", "5", now=T0, told=True)
    work.raise_(conn, obj.aggregate, now=T0, hints=Hints.of("oncall"), told=True)
    journal.note_delivery(
        conn, source="oncall", event="appointment_created", now=T0, object=obj.id, outcome="raised"
    )
    return obj


def test_a_shell_leaves_the_row_of_the_create_and_what_was_told(conn, row, shell):
    made = moves.created(conn, row, "5", now=LATER)
    assert (made.id, made.remote_id, made.create_key, made.generation, made.told) == (
        row.id, "5", "visit:1:1", 2, False,
    )  # fmt: skip
    assert [one.id for one in links.objects_of(conn, row.aggregate)] == [row.id]
    assert [one.object for one in journal.unexplained(conn, row.aggregate)] == [row.id]
    assert links.survivor(conn, shell.aggregate) == row.aggregate
    assert links.objects_of(conn, shell.aggregate) == []
    assert claims.claim(conn, shell.aggregate, owner="w", now=LATER, seconds=45) is None
    taken = claims.claim(conn, row.aggregate, owner="w", now=LATER, seconds=45)
    assert taken.hints == Hints.of("oncall")


def test_an_echo_of_the_answer_s_own_revision_raises_nobody(conn, row):
    obj = links.new_object(conn, "drchrono", "appointment", "6", now=T0, told=True)
    work.raise_(conn, obj.aggregate, now=T0, hints=Hints.of("drchrono"), told=True)
    journal.note_delivery(
        conn, source="drchrono", event="APPOINTMENT_CREATE", now=T0, object=obj.id,
        revision="r1", outcome="raised",
    )  # fmt: skip
    own = links.add(
        conn, row.aggregate, "drchrono", "appointment", None, now=T0, state="creating",
        create_key="appointment:1:1",
    )  # fmt: skip
    assert moves.created(conn, own, "6", now=LATER, revision="r1").id == own.id
    assert journal.unexplained(conn, row.aggregate) == []
    assert claims.claim(conn, row.aggregate, owner="w", now=LATER, seconds=45) is None


def attend(conn, shell):
    attendances.attend(conn, shell.aggregate, appointment=shell.id)


def wait(conn, shell):
    links.block(conn, shell.aggregate, kind="patient", ref="7", since=T0)


def be_waited_for(conn, shell):
    other = links.new_aggregate(conn, "visit", T0)
    links.block(conn, other, kind="run", ref=str(shell.aggregate), since=T0)


def tell(conn, shell):
    attention.open_item(conn, shell.aggregate, "who", now=T0)


def read(conn, shell):
    made = {"system": "oncall", "method": "GET", "endpoint": "appointment", "lane": 0, "at": T0}
    conn.execute(insert(call).values(**made, state="done", aggregate=shell.aggregate))


def hold_another(conn, shell):
    links.add(conn, shell.aggregate, "oncall", "participant", "8", now=T0)


def stand(conn, shell):
    visits.change(conn, shell.aggregate, starts_at=T0)


def be_a_fact(conn, shell):
    links.change(conn, shell.id, told=False)


HANGING = [attend, wait, be_waited_for, tell, read, hold_another, stand, be_a_fact]


@pytest.mark.parametrize("hang", HANGING)
def test_what_hangs_on_it_is_moved(conn, row, shell, hang):
    hang(conn, shell)
    made = moves.created(conn, row, "5", now=LATER)
    # The shell's row stays, in the create's place: what hangs on it hangs on it still.
    assert (made.id, made.aggregate, made.create_key) == (shell.id, row.aggregate, "visit:1:1")
    closed = select(visit.c.state).where(visit.c.aggregate == shell.aggregate)
    assert conn.execute(closed).scalar_one() == "closed"


def test_one_that_somebody_works_on_is_left_to_its_own_run(conn, row, shell):
    assert claims.claim(conn, shell.aggregate, owner="w", now=T0, seconds=45) is not None
    assert moves.created(conn, row, "5", now=LATER) is None
    leased = select(work_table.c.lease_by).where(work_table.c.aggregate == shell.aggregate)
    assert conn.execute(leased).scalar_one() == "w"
