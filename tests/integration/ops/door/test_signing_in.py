"""Signing in with name, password and code: what lets in, and what keeps out; on both databases."""

import statistics
import time as real
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from service.ops.sign_in import local
from sync.operations import operators
from sync.operations.operators import Role
from sync.runtime import Sync
from sync.store.operators import tries
from sync.store.schema import audit, failed_sign_in, operator, session
from tests.support.ops.browser import PASSWORD, Person, cookie, post, token


def deeds(sync: Sync) -> list[tuple[str, str, str]]:
    with sync.store.read() as conn:
        rows = conn.execute(select(audit).order_by(audit.c.seq))
        return [(row.actor, row.action, row.outcome) for row in rows if row.action == "sign_in"]


def test_who_knows_all_three_is_let_in_and_stays_so(ruth: Person) -> None:
    assert ruth.browser.get("/ops").headers["Location"] == "/ops/sign-in?next=/ops"
    answer = ruth.sign_in()
    assert (answer.status_code, answer.headers["Location"]) == (303, "/ops")
    page = ruth.browser.get("/ops")
    assert page.status_code == 200
    assert "ruth" in page.get_data(as_text=True)
    assert deeds(ruth.sync) == [("ruth", "sign_in", "admin")]


@pytest.mark.parametrize(
    "typed",
    [
        {"name": "nobody"},
        {"password": "a wrong password"},
        {"code": "000000"},
        {"code": ""},
        {"password": ""},
        {"name": ""},
        {"name": "x" * 100_000},
    ],
)
def test_one_of_three_wrong_is_told_alike(ruth: Person, typed: dict[str, str]) -> None:
    answer = ruth.sign_in(**typed)
    assert answer.status_code == 401
    assert operators.WRONG in answer.get_data(as_text=True)
    assert ruth.browser.get("/ops").status_code == 303
    assert deeds(ruth.sync) == [("web@test:1", "sign_in", "refused")]


def test_what_was_typed_is_kept_nowhere(ruth: Person) -> None:
    ruth.sign_in(name="Planted-Password-In-The-Wrong-Field")
    with ruth.sync.store.read() as conn:
        for table in (audit, failed_sign_in):
            kept = repr([tuple(row) for row in conn.execute(select(table))]).lower()
            assert "planted" not in kept


def test_made_up_names_do_not_fill_the_audit(ruth: Person) -> None:
    for number in range(operators._MADE_UP + 5):
        assert ruth.sign_in(name=f"nobody{number}").status_code == 401
    assert len(deeds(ruth.sync)) == operators._MADE_UP
    ruth.sign_in(password="wrong")
    assert len(deeds(ruth.sync)) == operators._MADE_UP + 1


def test_a_code_is_used_once(ruth: Person, time: Any) -> None:
    code = ruth.code()
    assert ruth.sign_in(code=code).status_code == 303
    post(ruth.browser, "/ops/sign-out", page="/ops")
    assert ruth.sign_in(code=code).status_code == 401
    # Nor an older one than that, though its time is not over.
    assert ruth.sign_in(code=ruth.code(-1)).status_code == 401
    time.advance(60)
    assert ruth.sign_in().status_code == 303


@pytest.mark.parametrize(("late", "status"), [(-2, 401), (-1, 303), (1, 303), (2, 401)])
def test_a_telephones_clock_may_be_half_a_minute_off(ruth: Person, late: int, status: int) -> None:
    assert ruth.sign_in(code=ruth.code(late)).status_code == status


def test_each_further_try_waits_longer_and_the_right_one_too(ruth: Person, time: Any) -> None:
    for _ in range(tries.FREE):
        assert ruth.sign_in(password="wrong").status_code == 401
    told = ruth.sign_in()
    assert (told.status_code, told.headers["Retry-After"]) == (429, "2")
    time.advance(2.1)
    assert ruth.sign_in(password="wrong").status_code == 401
    assert ruth.sign_in().headers["Retry-After"] == "4"
    time.advance(4.1)
    assert ruth.sign_in().status_code == 303
    # Who is in has mistyped nothing.
    with ruth.sync.store.read() as conn:
        assert conn.execute(select(failed_sign_in)).all() == []


def test_the_wait_has_an_end() -> None:
    assert tries.delay(tries.FREE - 1).total_seconds() == 0
    assert tries.delay(10_000) == tries.LONGEST


def test_one_caller_locks_out_nobody_else(ruth: Person) -> None:
    stranger = ruth.browser.application.test_client()
    stranger.environ_base |= {"REMOTE_ADDR": "192.0.2.9"}
    for _ in range(tries.FREE + 2):
        post(stranger, "/ops/sign-in", name="ruth", password="x", code="1")
    answer = post(stranger, "/ops/sign-in", name="ruth", password="x", code="1")
    assert answer.status_code == 429
    assert ruth.sign_in().status_code == 303


def test_a_browser_that_is_known_is_locked_out_by_nobody_s_guessing(ruth: Person) -> None:
    # Behind a proxy both come from its address.
    ruth.sign_in()
    post(ruth.browser, "/ops/sign-out", page="/ops")
    stranger = ruth.browser.application.test_client()
    for _ in range(tries.FREE + 2):
        last = post(stranger, "/ops/sign-in", name="ruth", password="x", code="1").status_code
    assert last == 429
    assert ruth.sign_in(code=ruth.code(1)).status_code == 303
    # Known as ruth's it is nobody else's, and a mark that was made up is none.
    victor = Person(ruth.sync, stranger, "victor", Role.VIEWER)
    mark = ruth.browser.get_cookie("known", domain="localhost")
    assert mark is not None
    made_up = mark.value.swapcase()  # the last letter alone is not whole in the seal
    stranger.set_cookie("known", made_up, domain="localhost")
    assert post(stranger, "/ops/sign-in", name="ruth", password="x", code="1").status_code == 429
    assert victor.sign_in().status_code == 303


def test_neighbours_in_one_network_of_ipv6_are_one_caller() -> None:
    one, other = "2001:db8:1:2::5", "2001:db8:1:2:ffff::9"
    assert tries.key("ruth", one) == tries.key("RUTH", other)
    assert tries.key("ruth", one) != tries.key("ruth", "2001:db8:1:3::5")
    assert tries.key("ruth", "192.0.2.1") != tries.key("ruth", "192.0.2.2")


@pytest.mark.usefixtures("costly_passwords")
def test_a_password_costs_what_owasp_asks_at_least(sync: Sync, browser: FlaskClient) -> None:
    Person(sync, browser, "vera", Role.VIEWER)
    with sync.store.read() as conn:
        (kept,) = conn.execute(select(operator.c.password)).scalars()
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.usefixtures("costly_passwords", "ruth")  # in this order: hers is a costly one
def test_a_name_that_is_none_takes_as_long(sync: Sync) -> None:
    def seconds(name: str, address: str) -> float:
        begun = real.process_time()
        with pytest.raises(operators.SignInError):
            operators.sign_in(sync, name, "wrong", "000000", caller=address)
        return real.process_time() - begun

    known = [seconds("ruth", f"192.0.2.{n}") for n in range(7)]
    unknown = [seconds("nobody", f"192.0.2.{n}") for n in range(7)]
    ratio = statistics.median(unknown) / statistics.median(known)
    assert 0.4 < ratio < 2.5  # without the work of a password it is a tenth


def test_a_session_ends_when_it_is_not_used(ruth: Person, time: Any) -> None:
    ruth.sign_in()
    for _ in range(3):
        time.advance(14 * 60)
        assert ruth.browser.get("/ops").status_code == 200
    for _ in range(16):
        time.advance(60)
        ruth.browser.get("/ops/now")  # the page by itself: nobody sits there
    assert ruth.browser.get("/ops").status_code == 303


def test_a_session_ends_after_eight_hours_however_much_it_is_used(ruth: Person, time: Any) -> None:
    ruth.sign_in()
    for _ in range(48):
        time.advance(600)
        last = ruth.browser.get("/ops").status_code
    assert last == 303


def test_signing_out_ends_it_for_whoever_has_the_cookie(ruth: Person) -> None:
    ruth.sign_in()
    stolen = ruth.browser.get_cookie("ops", domain="localhost")
    assert stolen is not None
    post(ruth.browser, "/ops/sign-out", page="/ops")
    ruth.browser.set_cookie("ops", stolen.value, domain="localhost")
    assert ruth.browser.get("/ops").status_code == 303


def test_who_is_removed_is_out_at_once(ruth: Person) -> None:
    ruth.sign_in()
    assert operators.remove(ruth.sync, "ruth")
    assert ruth.browser.get("/ops").status_code == 303
    assert ruth.sign_in().status_code == 401
    assert not operators.remove(ruth.sync, "ruth")


def test_who_came_by_an_address_is_put_out_too(sync: Sync, browser: FlaskClient) -> None:
    browser.get(f"/ops/link?key={operators.new_link(sync, 'newcomer', Role.ADMIN)}")
    assert browser.get("/ops").status_code == 200
    assert operators.remove(sync, "newcomer")
    assert browser.get("/ops").status_code == 303
    assert not operators.remove(sync, "newcomer")


def test_the_sessions_id_is_new_after_signing_in(ruth: Person) -> None:
    # Fixation: an attacker puts a cookie of theirs into the victim's browser, and waits.
    token(ruth.browser)
    before = ruth.browser.get_cookie("ops", domain="localhost")
    ruth.sign_in()
    after = ruth.browser.get_cookie("ops", domain="localhost")
    assert before is not None
    assert after is not None
    ruth.browser.set_cookie("ops", before.value, domain="localhost")
    assert ruth.browser.get("/ops").status_code == 303
    with ruth.sync.store.read() as conn:
        (kept,) = conn.execute(select(session.c.hash)).scalars()
    assert kept not in after.value


def test_a_second_sign_in_is_a_session_of_its_own(ruth: Person, time: Any) -> None:
    ruth.sign_in()
    first = ruth.browser.get_cookie("ops", domain="localhost")
    ruth.browser.delete_cookie("ops", domain="localhost")
    time.advance(60)
    ruth.sign_in()
    second = ruth.browser.get_cookie("ops", domain="localhost")
    assert first is not None
    assert second is not None
    assert first.value != second.value


def test_an_address_signs_in_once(sync: Sync, browser: FlaskClient, time: Any) -> None:
    key = operators.new_link(sync, "newcomer", Role.ADMIN)
    assert browser.head(f"/ops/link?key={key}").status_code == 204
    prefetch = browser.get(f"/ops/link?key={key}", headers={"Sec-Purpose": "prefetch;prerender"})
    assert prefetch.status_code == 204
    answer = browser.get(f"/ops/link?key={key}")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/ops")
    assert browser.get("/ops").status_code == 200
    other = browser.application.test_client()
    assert other.get(f"/ops/link?key={key}").status_code == 403
    late = operators.new_link(sync, "newcomer", Role.ADMIN)
    time.advance(16 * 60)
    assert other.get(f"/ops/link?key={late}").status_code == 403
    assert ("newcomer", "sign_in", "admin") in deeds(sync)


@pytest.mark.parametrize(
    ("address", "there"),
    [
        ("/ops", "/ops"),
        ("/ops/audit?page=2", "/ops/audit?page=2"),
        ("", "/ops"),
        ("//evil.example", "/ops"),
        ("/\\evil.example", "/ops"),
        ("https://evil.example/ops", "/ops"),
        ("/ops/../oauth", "/ops"),
        ("/ops//evil.example", "/ops"),
        ("/opsevil", "/ops"),
        ("/ops\r\nX: y", "/ops"),
        ("javascript:alert(1)", "/ops"),
        ("/ops\t", "/ops"),
    ],
)
def test_the_way_on_leads_nowhere_else(address: str, there: str) -> None:
    assert local(address) == there


def test_the_form_s_way_on_leads_nowhere_else(ruth: Person) -> None:
    answer = ruth.sign_in(next="https://evil.example/")
    assert answer.headers["Location"] == "/ops"


def test_the_cookie_is_for_this_host_and_no_script(ruth: Person, opened: Any) -> None:
    flags = cookie(ruth.sign_in())
    assert flags.startswith("ops=")
    assert "HttpOnly" in flags
    assert "SameSite=Lax" in flags
    assert "Domain" not in flags
    public = opened(ops_url="https://ops.example.org")
    flags = cookie(public.get("/ops/sign-in", base_url="http://ops.example.org"))
    assert flags.startswith("__Host-ops=")
    for flag in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert flag in flags
    assert "Domain" not in flags


def test_two_operators_of_one_name_are_not_made(ruth: Person) -> None:
    with pytest.raises(operators.TakenError):
        operators.add(ruth.sync, "ruth", Role.VIEWER, PASSWORD)
    operators.remove(ruth.sync, "ruth")
    operators.add(ruth.sync, "ruth", Role.VIEWER, PASSWORD)
    assert [(one.name, one.role) for one in operators.every(ruth.sync)] == [("ruth", "viewer")]
