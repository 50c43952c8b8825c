"""Open items for the pages of what waits: of each kind, as the engine opens them."""

from datetime import datetime

from flask.testing import FlaskClient
from sqlalchemy import insert

from service.doors import Doors
from service.ops_app import create_ops_app
from sync.operations import operators
from sync.operations.operators import Role
from sync.runtime import Sync
from sync.store import attention
from sync.store.schema import attention as table
from sync.store.tables import attendances, links
from tests.support.clinic import Clinic, SilentBell


def a_visit(
    sync: Sync,
    cause: str,
    appointment: str,
    *,
    candidates: object = None,
    at: datetime | None = None,
) -> int:
    """A visit that waits for somebody, by its appointment's id; the item's number."""
    now = at or sync.clock()
    with sync.store.write() as conn:
        key = links.new_aggregate(conn, "visit", now)
        links.add(conn, key, "drchrono", "appointment", appointment, now=now)
        attention.open_item(conn, key, cause, now=now, candidates=candidates)
        return attention.of(conn, key)[-1].id


def a_person(sync: Sync, cause: str, patient: str, *, candidates: object = None) -> int:
    """A person of whom something is asked, who has one visit to come."""
    now = sync.clock()
    with sync.store.write() as conn:
        key = links.new_aggregate(conn, "person", now)
        links.add(conn, key, "drchrono", "patient", patient, now=now)
        links.add(conn, key, "oncall", "contact", f"7{patient}", now=now)
        visit = links.new_aggregate(conn, "visit", now)
        row = links.add(conn, visit, "drchrono", "appointment", f"9{patient}", now=now)
        attendances.attend(conn, visit, appointment=row.id, person=key)
        attention.open_item(conn, key, cause, now=now, candidates=candidates)
        return attention.of(conn, key)[-1].id


def of_the_service(sync: Sync, cause: str, candidates: object = None) -> int:
    with sync.store.write() as conn:
        attention.open_item(conn, 0, cause, now=sync.clock(), candidates=candidates)
        return attention.of(conn, 0)[-1].id


def many(sync: Sync, count: int, cause: str = "refused") -> None:
    """So many visits that wait for the same, at once."""
    now = sync.clock()
    with sync.store.write() as conn:
        first = links.new_aggregate(conn, "visit", now)
        keys = [first, *(links.new_aggregate(conn, "visit", now) for _ in range(count - 1))]
        conn.execute(
            insert(table),
            [{"aggregate": key, "object": 0, "cause": cause, "opened_at": now} for key in keys],
        )


def closed(sync: Sync, item: int) -> None:
    """Its cause is gone."""
    with sync.store.write() as conn:
        attention.close(conn, item, sync.clock())


def signed_in(clinic: Clinic, role: Role = Role.OPERATOR) -> FlaskClient:
    """The pages over a clinic with its sandbox, in the browser of one who is signed in."""
    browser = create_ops_app(Doors.of(clinic.sync, SilentBell())).test_client()  # type: ignore[arg-type]
    browser.get(f"/ops/link?key={operators.new_link(clinic.sync, 'ruth', role)}")
    return browser
