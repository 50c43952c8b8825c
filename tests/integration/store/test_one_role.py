"""What was kept and never read goes from a live database, and the rest of its rows stays."""

import pytest
from sqlalchemy import text

from sync.store.database import Store
from sync.store.tables import attendances

FACTS = ("bulk_ordered", "bulk_appointments", "oncall_order", "oncall_page_size")
AT = "2030-01-07 15:00:00"


@pytest.fixture
def empty(empty_database_url):
    opened = Store(empty_database_url)
    yield opened
    opened.close()


def facts(store):
    with store.read() as conn:
        return set(conn.execute(text("SELECT name FROM probe")).scalars())


def test_attendances_of_the_version_before_go_on_without_a_role(empty):
    empty.migrate("0009")
    with empty.write() as conn:
        made = "INSERT INTO aggregate (id, kind, created_at) VALUES (1, 'visit', :at)"
        conn.execute(text(made), {"at": AT})
        conn.execute(text("INSERT INTO visit (aggregate) VALUES (1)"))
        for life, current in ((1, False), (2, True)):
            attends = "INSERT INTO attendance (visit, life, current) VALUES (1, :life, :current)"
            conn.execute(text(attends), {"life": life, "current": current})
        for name in FACTS:
            told = "INSERT INTO probe (name, value, at) VALUES (:name, 'x', :at)"
            conn.execute(text(told), {"name": name, "at": AT})
    empty.migrate()
    with empty.read() as conn:
        kept = attendances.attendances(conn, 1)
        assert [(one.life, one.current) for one in kept] == [(2, True), (1, False)]
    assert facts(empty) == {"bulk_appointments", "oncall_page_size"}
    empty.downgrade("0009")
    with empty.read() as conn:
        roles = conn.execute(text("SELECT life, role FROM attendance ORDER BY id")).all()
        assert [tuple(row) for row in roles] == [(1, "patient"), (2, "patient")]
    empty.migrate()
    with empty.read() as conn:
        assert len(attendances.attendances(conn, 1)) == 2
