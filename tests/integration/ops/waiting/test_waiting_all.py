"""Try again or leave all of a filter: shown first, then exactly that, one deed for each."""

import re
from html import unescape

import pytest
from sqlalchemy import event, func, select
from werkzeug.test import TestResponse

from sync.config import Mode
from sync.operations import audit as chain
from sync.operations.inbox import bulk
from sync.operations.inbox.asked import Asked
from sync.store import attention
from sync.store.lanes import Lane
from sync.store.schema import attention as table
from sync.store.schema import audit, work
from sync.store.tables import attendances, links
from tests.integration.ops.conftest import Time
from tests.support.ops.browser import Person, post, token
from tests.support.ops.waiting import a_person, a_visit, closed, many, of_the_service

RETRY, DROP = "/ops/waiting/all/retry", "/ops/waiting/all/drop"


def text(answer: TestResponse) -> str:
    return unescape(answer.get_data(as_text=True))


def counted(person: Person, address: str) -> tuple[str, dict[str, str]]:
    """The page that shows what it takes, and the form on it."""
    answer = person.browser.get(address)
    assert answer.status_code == 200
    page = text(answer).split("<main")[1]
    return page, dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page))


def left_open(person: Person) -> int:
    with person.sync.store.read() as conn:
        return attention.count_open(conn)


def done(person: Person, action: str) -> list[str]:
    with person.sync.store.read() as conn:
        rows = conn.execute(select(audit.c.subjects).where(audit.c.action == action))
        return [str(one).split()[0] for one in rows.scalars()]


def test_what_was_counted_is_done_and_nothing_else(ruth: Person) -> None:
    ruth.sign_in()
    first = [a_visit(ruth.sync, "overlap", str(70_000 + n)) for n in range(5)]
    other = a_visit(ruth.sync, "malformed", "71000")
    page, form = counted(ruth, f"{RETRY}?cause=overlap")
    assert "Try these 5" in page
    closed(ruth.sync, first[1])
    later = a_visit(ruth.sync, "overlap", "72000")
    answer = ruth.browser.post(RETRY, data=form)
    assert "4 of 5 are being tried again; 1 was settled meanwhile." in text(answer)
    with ruth.sync.store.read() as conn:
        still = [one.id for one in attention.every_open(conn)]
        raised = conn.execute(select(func.count()).select_from(work)).scalar_one()
        lanes = set(conn.execute(select(work.c.lane)).scalars())
    assert still == [other, later]
    assert raised == 4
    assert lanes == {Lane.BULK}  # behind what people wait for
    assert done(ruth, "retry") == [f"item:{one}" for one in first if one != first[1]]
    assert chain.verify(ruth.sync).sound
    # Pressed once more, what was done is settled.
    again = ruth.browser.post(RETRY, data=form)
    assert "0 of 5 are being tried again; 5 were settled meanwhile." in text(again)
    assert len(done(ruth, "retry")) == 4


def test_an_item_that_grows_into_the_filter_is_not_touched(ruth: Person, time: Time) -> None:
    old = a_visit(ruth.sync, "overlap", "70001")
    time.advance(3590)
    young = a_visit(ruth.sync, "overlap", "70002")
    time.advance(60)
    ruth.sign_in()
    _, form = counted(ruth, f"{DROP}?older=hour")
    time.advance(600)
    with ruth.sync.store.write() as conn:  # it is older than an hour by now
        conn.execute(
            table.update().where(table.c.id == young).values(opened_at=time.now.replace(hour=1))
        )
    assert "1 of 1 are left as they are" in text(ruth.browser.post(DROP, data=form))
    assert done(ruth, "drop") == [f"item:{old}"]
    assert left_open(ruth) == 1


def test_many_are_done_in_pieces_that_the_page_goes_on_with(ruth: Person) -> None:
    ruth.sign_in()
    many(ruth.sync, bulk.STEP + 60)
    page, form = counted(ruth, RETRY)
    assert f"Try these {bulk.STEP + 60}" in page
    begun = 0

    def begins(_conn: object) -> None:
        nonlocal begun
        begun += 1

    event.listen(ruth.sync.store.engine, "begin", begins)
    answer = ruth.browser.post(RETRY, data=form)
    event.remove(ruth.sync.store.engine, "begin", begins)
    page = text(answer).split("<main")[1]
    assert f"{bulk.STEP} of {bulk.STEP + 60} are being tried again; 60 to go." in page
    assert 'hx-trigger="load"' in page
    assert begun >= bulk.STEP // 20
    assert left_open(ruth) == 60
    form = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page))
    end = text(ruth.browser.post(RETRY, data=form))
    assert f"{bulk.STEP + 60} of {bulk.STEP + 60} are being tried again." in end
    assert "hx-trigger" not in end.split("<main")[1]
    assert left_open(ruth) == 0
    assert len(done(ruth, "retry")) == bulk.STEP + 60


def test_what_it_takes_is_shown_first(ruth: Person) -> None:
    ruth.sign_in()
    sync = ruth.sync
    object.__setattr__(sync.settings, "sync_mode", Mode.LIVE)
    a_visit(sync, "overlap", "70001")
    group = a_visit(sync, "malformed", "70002")
    person = a_person(sync, "contact_refused", "88123")
    of_the_service(sync, "clock_off")
    with sync.store.write() as conn:
        (item,) = [one for one in attention.every_open(conn) if one.id == group]
        for n in range(3):
            row = links.add(
                conn, item.aggregate, "drchrono", "appointment", f"8{n}", now=sync.clock()
            )
            attendances.attend(conn, item.aggregate, appointment=row.id)
    numbers, bill = bulk.bill(sync, Asked(), "retry")
    assert person in numbers
    assert (bill.count, bill.beyond, bill.only_closed) == (4, 0, 1)
    # Of one: 4 and 5 (docs/costs.md, C6, and its read). Of three: 12 and 9. The person: a chart;
    # contact, visit.
    assert bill.calls == {"drchrono": 4 + 12 + 1, "oncall": 5 + 9 + 3}
    assert bill.mails == 1 + 3 + 1
    page, _ = counted(ruth, RETRY)
    assert re.search(r"Calls of DrChrono</th><td[^>]*>17<", page)
    assert re.search(r"Mails to patients</th><td[^>]*>5<", page)
    assert "1 of them is about the service as a whole" in page
    assert bulk.bill(sync, Asked(), "drop")[1].calls == {"drchrono": 0, "oncall": 0}
    assert "Nothing is written, read or mailed." in counted(ruth, DROP)[0]
    object.__setattr__(sync.settings, "sync_mode", Mode.SHADOW)
    assert bulk.bill(sync, Asked(), "retry")[1].mails == 0


def test_what_the_brake_stopped_counts_whoever_the_release_lets_go(ruth: Person) -> None:
    sync = ruth.sync
    stopped = [a_visit(sync, "brake", str(70_000 + n)) for n in range(3)]
    asked = Asked(find=f"#{stopped[0]}")
    object.__setattr__(sync.settings, "sync_mode", Mode.LIVE)
    _, bill = bulk.bill(sync, asked, "retry")
    assert (bill.count, bill.mails) == (1, 3)


def test_more_than_can_be_taken_are_another_times(
    ruth: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruth.sign_in()
    many(ruth.sync, 30)
    monkeypatch.setattr(bulk, "MOST", 20)
    page, form = counted(ruth, DROP)
    assert "10 more wait" in page
    ruth.browser.post(DROP, data=form)
    assert left_open(ruth) == 10


@pytest.mark.parametrize("held", ["", "planted", "eyJsZWZ0IjpbMV19.x.y"])
def test_what_nobody_counted_is_not_done(ruth: Person, held: str) -> None:
    ruth.sign_in()
    a_visit(ruth.sync, "overlap", "70001")
    assert post(ruth.browser, RETRY, page="/ops", held=held).status_code == 400
    assert left_open(ruth) == 1


def test_what_was_counted_is_for_that_deed_that_person_and_an_hour(
    ruth: Person, victor: Person
) -> None:
    ruth.sign_in()
    a_visit(ruth.sync, "overlap", "70001")
    _, form = counted(ruth, RETRY)
    assert ruth.browser.post(DROP, data=form).status_code == 400
    post(ruth.browser, "/ops/sign-out", page="/ops")
    victor.sign_in()
    assert victor.browser.get(RETRY).status_code == 403
    word = token(victor.browser, "/ops")
    answer = victor.browser.post(RETRY, data={**form, "csrf_token": word})
    assert answer.status_code == 403
    assert "all/retry" not in text(victor.browser.get("/ops/waiting"))
    assert left_open(ruth) == 1


def test_a_form_without_the_pages_word_does_nothing(ruth: Person) -> None:
    ruth.sign_in()
    a_visit(ruth.sync, "overlap", "70001")
    _, form = counted(ruth, RETRY)
    assert ruth.browser.post(RETRY, data={"held": form["held"]}).status_code == 400
    assert left_open(ruth) == 1


def test_nothing_to_be_done_says_so(ruth: Person) -> None:
    ruth.sign_in()
    assert "Nothing like that is open any more." in counted(ruth, RETRY)[0]
    page, form = counted(ruth, f"{RETRY}?find=Vera Lindqvist")
    assert 'role="alert"' in page
    assert "Vera" not in page
    assert form == {}


def test_a_mapping_file_that_can_t_be_read_stops_it_where_it_is_needed(
    ruth: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sync.mapping import MappingError

    ruth.sign_in()
    many(ruth.sync, 40, "malformed")
    of_the_service(ruth.sync, "zone_changed", ["201"])
    _, form = counted(ruth, DROP)

    def unreadable(*_args: object) -> None:
        raise MappingError("line 3")

    monkeypatch.setattr("sync.visits.state.zones.leave", unreadable)
    page = text(ruth.browser.post(DROP, data=form)).split("<main")[1]
    assert "mapping file can't be read" in page
    assert "40 of 41 are left as they are; 1 to go." in page
    assert "hx-trigger" not in page  # it does not try for ever
    assert left_open(ruth) == 1
