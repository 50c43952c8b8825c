"""The button beside an answer: what it does, for whom, and who it is in the audit."""

from flask.testing import FlaskClient
from sqlalchemy import select

from sync.store import attention
from sync.store.schema import audit, work
from sync.store.tables import links
from tests.support.ops.browser import Person, post


def pressed(browser: FlaskClient, deed: str, **form: str) -> str:
    return post(browser, f"/ops/press/{deed}", page="/ops", **form).headers.get("Location", "")


def test_look_again_raises_it_in_the_operators_name(ruth: Person) -> None:
    ruth.sign_in()
    assert pressed(ruth.browser, "look_again", kind="appointment", id="70211") == "/ops"
    with ruth.sync.store.read() as conn:
        assert conn.execute(select(work.c.wanted)).scalar_one() == 1
        row = conn.execute(select(audit).where(audit.c.action == "resync")).one()
    assert (row.kind, row.actor, row.door) == ("operator", "ruth", "ops")
    assert row.subjects == "appointment:70211"
    assert row.request


def test_an_item_is_tried_again_or_left_once(ruth: Person) -> None:
    ruth.sign_in()
    now = ruth.sync.clock()
    for deed in ("retry", "drop"):
        with ruth.sync.store.write() as conn:
            key = links.new_aggregate(conn, "visit", now)
            attention.open_item(conn, key, "email_missing", now=now)
            (item,) = [one.id for one in attention.every_open(conn)]
        for _ in range(2):
            assert pressed(ruth.browser, deed, item=str(item)) == "/ops"
        with ruth.sync.store.read() as conn:
            assert attention.every_open(conn) == []
            deeds = conn.execute(select(audit.c.actor).where(audit.c.action == deed)).scalars()
            assert list(deeds) == ["ruth"]


def test_what_is_no_number_does_nothing(ruth: Person) -> None:
    ruth.sign_in()
    assert post(ruth.browser, "/ops/press/drop", page="/ops", item="x").status_code == 400
    assert pressed(ruth.browser, "look_again", kind="appointment", id="a b") == "/ops"
    assert pressed(ruth.browser, "look_again", kind="planted", id="1") == "/ops"


def test_a_viewer_has_no_button_and_can_t_press(victor: Person) -> None:
    victor.sign_in()
    answer = post(victor.browser, "/ops/press/look_again", page="/ops", kind="patient", id="1")
    assert answer.status_code == 403
    page = post(victor.browser, "/ops/why", page="/ops", about="appointment 70211")
    assert "/ops/press/" not in page.get_data(as_text=True)


def test_after_a_request_nobody_acts(ruth: Person, victor: Person) -> None:
    ruth.sign_in()
    pressed(ruth.browser, "look_again", kind="appointment", id="70211")
    with ruth.sync.store.write() as conn:
        from sync.store.trail import deeds

        assert deeds.whose(conn) == "web@test:1"
    assert victor.name
