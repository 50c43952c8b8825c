"""What waits for a person: the list with its filters and pages, one item, its answers."""

import re
from html import unescape

import pytest
from sqlalchemy import event, select

from sync.core.causes import table, titles
from sync.core.causes.model import Remedy
from sync.core.causes.presses import PRESSES, How
from sync.operations.inbox import listing
from sync.operations.inbox.asked import Asked, wanted
from sync.operations.inbox.buttons import button
from sync.operations.lookup import UnknownError
from sync.operations.why.answer import Answer
from sync.store.schema import audit, work
from tests.integration.ops.conftest import Time
from tests.support.ops.browser import Person, post
from tests.support.ops.waiting import a_person, a_visit, closed, many, of_the_service


def page(person: Person, address: str = "/ops/waiting") -> str:
    answer = person.browser.get(address)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return unescape(answer.get_data(as_text=True))


def listed(person: Person, address: str = "/ops/waiting") -> list[int]:
    """The numbers of the items on a page of the list."""
    return [int(one) for one in re.findall(r'href="/ops/waiting/(\d+)', page(person, address))]


def test_an_empty_inbox_says_so(victor: Person) -> None:
    victor.sign_in()
    assert "Nothing waits for you." in page(victor)
    assert "Nothing like that is open." in page(victor, "/ops/waiting?cause=overlap")


def test_each_item_says_what_happened_what_to_do_and_since_when(victor: Person) -> None:
    victor.sign_in()
    item = a_visit(victor.sync, "overlap", "70211", candidates=["70212"])
    shown = page(victor)
    said = table.say("overlap", ["70212"])
    assert titles.title("overlap") in shown
    assert said.sentence in shown
    assert said.press in shown
    assert "DrChrono appointment 70211" in shown
    assert "since 2026-11-20 12:00 UTC" in shown
    assert listed(victor) == [item]
    one = page(victor, f"/ops/waiting/{item}")
    assert said.sentence in one
    assert "1 of 1" in one
    (timeline,) = re.findall(r'href="(/ops/timeline/visit/\d+)"', one)
    assert victor.browser.get(timeline).status_code == 200
    assert 'href="/ops/waiting"><span id="attention">1' in page(victor, "/ops")


def test_it_is_filtered_by_cause_kind_age_and_id(victor: Person, time: Time) -> None:
    sync = victor.sync
    old = a_visit(sync, "overlap", "70211", candidates=["70999"])
    time.advance(2 * 86_400)
    victor.sign_in()
    young = a_visit(sync, "malformed", "70212")
    person = a_person(sync, "contact_differs", "88123")
    service = of_the_service(sync, "doctor_unseen", ["201"])
    for query, items in {
        "": [old, young, person, service],
        "cause=overlap": [old],
        "about=visit": [old, young],
        "about=person": [person],
        "about=service": [service],
        "older=day": [old],
        "older=week": [],
        "find=70211": [old],
        "find=appointment 70212": [young],
        "find=patient 70212": [],
        "find=%23" + str(young): [young],
        "find=70999": [old],  # a candidate
        "find=201": [service],
        "find=patient 88123": [person],
        "find=contact 788123": [person],
        "find=988123": [],  # the appointment's own visit waits for nobody
        "find=https://app.drchrono.com/appointments/70211/": [old],
        "about=visit&older=day&find=70211": [old],
        "cause=malformed&find=70211": [],
    }.items():
        assert listed(victor, f"/ops/waiting?{query}") == items, query
    chips = re.findall(r'class="chip[^>]*>([^<]+)<span class="badge[^>]*>(\d+)', page(victor))
    assert ("Every cause ", "4") in chips
    assert ("Time taken, no room free ", "1") in chips
    # The number of a cause is that of what else is asked for.
    chips = re.findall(r'class="chip[^>]*>([^<]+)<span', page(victor, "/ops/waiting?about=person"))
    assert chips == ["Every cause ", "Contact differs from the chart "]


def test_a_visit_is_found_by_its_patient(victor: Person) -> None:
    victor.sign_in()
    sync = victor.sync
    item = a_visit(sync, "overlap", "70211")
    a_person(sync, "contact_twice", "88123")
    with sync.store.write() as conn:
        from sync.store import attention
        from sync.store.tables import attendances, links

        row = links.find(conn, "drchrono", "appointment", "70211")
        patient = links.find(conn, "drchrono", "patient", "88123")
        assert row is not None
        assert patient is not None
        attendances.attend(conn, row.aggregate, appointment=row.id, person=patient.aggregate)
        attention.close_cause(conn, patient.aggregate, "contact_twice", sync.clock())
    assert listed(victor, "/ops/waiting?find=88123") == [item]


@pytest.mark.parametrize(
    "query", ["find=Vera Lindqvist", "find=1;2", "find=%23x", "about=planted", "older=planted"]
)
def test_what_can_t_be_asked_is_said_and_not_repeated(victor: Person, query: str) -> None:
    victor.sign_in()
    a_visit(victor.sync, "overlap", "70211")
    shown = page(victor, f"/ops/waiting?{query}")
    assert 'role="alert"' in shown
    assert "Vera" not in shown
    assert listed(victor, f"/ops/waiting?{query}") == []


def test_what_is_typed_gets_into_no_address(victor: Person) -> None:
    victor.sign_in()
    item = a_visit(victor.sync, "overlap", "70211")
    for typed, found in (
        (" 70211 ", "70211"),
        ("Appointment: 70211", "appointment+70211"),
        ("https://app.drchrono.com/appointments/70211/?patient_name=Vera", "appointment+70211"),
        ("#1", "%231"),
        ("", ""),
    ):
        form = {"find": typed, "about": "visit", "older": "", "cause": ""}
        answer = post(victor.browser, "/ops/waiting", page="/ops", **form)
        ending = f"about=visit&find={found}" if found else "about=visit"
        assert answer.headers["Location"] == f"/ops/waiting?{ending}", typed
    assert listed(victor, answer.headers["Location"]) == [item]
    for typed in ("Vera Lindqvist", "1984-05-06", "patient 1984-05-06", "212-555-0147"):
        answer = post(victor.browser, "/ops/waiting", page="/ops", find=typed)
        shown = unescape(answer.get_data(as_text=True))
        assert (answer.status_code, 'role="alert"' in shown) == (200, True)
        assert typed not in shown


def test_it_is_paged_and_next_and_previous_stay_in_the_filter(victor: Person) -> None:
    victor.sign_in()
    many(victor.sync, 60)
    other = a_visit(victor.sync, "overlap", "70211")
    first = listed(victor)
    assert len(first) == listing.PAGE
    assert "1–25 of 61" in page(victor)
    pages, address = [first], "/ops/waiting"
    while found := re.search(r'rel="next" href="([^"]+)"', page(victor, address)):
        address = found[1]
        pages.append(listed(victor, address))
    assert [len(one) for one in pages] == [25, 25, 11]
    assert len({item for one in pages for item in one}) == 61
    back = re.search(r'rel="prev" href="([^"]+)"', page(victor, address))
    assert back is not None
    assert listed(victor, back[1]) == pages[1]
    # One item's neighbours are those of the filter, and lead on within it.
    one = page(victor, f"/ops/waiting/{first[1]}?cause=refused")
    assert f'rel="prev" href="/ops/waiting/{first[0]}?cause=refused"' in one
    assert f'rel="next" href="/ops/waiting/{first[2]}?cause=refused"' in one
    assert "2 of 60 that you filtered" in one
    last = page(victor, f"/ops/waiting/{pages[-1][-2]}?cause=refused")
    assert f"/ops/waiting/{other}" not in last


def test_a_page_asks_little_of_the_database_however_much_waits(victor: Person) -> None:
    victor.sign_in()
    many(victor.sync, 3000)
    fetched, statements = 0, 0

    def before(_conn: object, _cursor: object, *_more: object) -> None:
        nonlocal statements
        statements += 1

    event.listen(victor.sync.store.engine, "before_cursor_execute", before)
    found = listing.page(victor.sync, Asked())
    event.remove(victor.sync.store.engine, "before_cursor_execute", before)
    fetched = len(found.rows)
    assert (fetched, found.total) == (listing.PAGE, 3000)
    assert statements <= 8


def test_what_is_open_is_read_by_its_index(victor: Person) -> None:
    sync = victor.sync
    many(sync, 50)
    if sync.store.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL reads a small table whole")
    asked: list[tuple[str, object]] = []

    def before(_conn: object, _cursor: object, text: str, told: object, *_more: object) -> None:
        asked.append((text, told))

    event.listen(sync.store.engine, "before_cursor_execute", before)
    listing.page(sync, Asked("refused", "visit", "hour", "70211"), after=3)
    event.remove(sync.store.engine, "before_cursor_execute", before)
    with sync.store.read() as conn:
        for text, told in asked:
            if "FROM attention" not in text:
                continue
            plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", told)
            ways = [str(row[3]) for row in plan if "attention" in str(row[3])]
            assert all("ix_attention_open" in way for way in ways), ways


# --- one item -------------------------------------------------------------------------------------


def test_what_was_settled_meanwhile_says_so_kindly(ruth: Person) -> None:
    ruth.sign_in()
    item = a_visit(ruth.sync, "patient_unsure", "70211", candidates=["88123"])
    later = a_visit(ruth.sync, "overlap", "70212")
    closed(ruth.sync, item)
    shown = page(ruth, f"/ops/waiting/{item}")
    assert "This is settled since" in shown
    assert f'rel="next" href="/ops/waiting/{later}"' in shown
    assert "<form" not in shown.split("<main")[1]
    for deed, form in (("answer", {"chosen": "88123"}), ("keep", {"side": "oncall"}), ("show", {})):
        answer = post(ruth.browser, f"/ops/waiting/{item}/{deed}", page="/ops", **form)
        assert answer.status_code in {200, 400}
        assert "This is settled since" in answer.get_data(as_text=True)
    assert "That is settled already" not in page(ruth, f"/ops/waiting/{later}")


@pytest.mark.parametrize("number", ["999", "0", "99999999999999999999", "2147483648", "x"])
def test_an_item_that_never_was_is_not_found(victor: Person, number: str) -> None:
    victor.sign_in()
    assert victor.browser.get(f"/ops/waiting/{number}").status_code == 404


@pytest.mark.parametrize("query", ["after=x", "after=99999999999999", "before=-1", "before=1"])
def test_a_place_that_is_none_is_the_first(victor: Person, query: str) -> None:
    victor.sign_in()
    item = a_visit(victor.sync, "overlap", "70211")
    assert listed(victor, f"/ops/waiting?{query}") == [item]


@pytest.mark.parametrize(
    ("deed", "done"), [("retry", "being tried again"), ("drop", "left as it is")]
)
def test_a_button_leads_back_to_the_item_and_what_is_next(
    ruth: Person, deed: str, done: str
) -> None:
    ruth.sign_in()
    item = a_visit(ruth.sync, "overlap", "70211")
    address = f"/ops/waiting/{item}?about=visit"
    assert f'action="/ops/press/{deed}"' in page(ruth, address)
    answer = post(ruth.browser, f"/ops/press/{deed}", page="/ops", item=item, back=address)
    assert answer.headers["Location"] == f"{address}&done={deed}"
    shown = page(ruth, answer.headers["Location"])
    assert done in shown
    assert "It was: " in shown
    with ruth.sync.store.read() as conn:
        rows = conn.execute(select(audit.c.subjects).where(audit.c.action == deed)).scalars()
        assert [one.split()[0] for one in rows] == [f"item:{item}"]


def test_a_button_leads_to_no_other_place(ruth: Person) -> None:
    ruth.sign_in()
    item = a_visit(ruth.sync, "overlap", "70211")
    form = {"item": item, "back": "https://evil.example/ops"}
    answer = post(ruth.browser, "/ops/press/drop", page="/ops", **form)
    assert answer.headers["Location"] == "/ops?done=drop"


def test_look_again_raises_it_and_the_item_stays(ruth: Person) -> None:
    ruth.sign_in()
    item = a_visit(ruth.sync, "no_time", "70211")
    shown = page(ruth, f"/ops/waiting/{item}")
    (kind, key) = re.findall(r'name="(?:kind|id)" value="([^"]+)"', shown)
    post(ruth.browser, "/ops/press/look_again", page="/ops", kind=kind, id=key, back="/ops/waiting")
    with ruth.sync.store.read() as conn:
        assert conn.execute(select(work.c.wanted)).scalar_one() == 1
    assert listed(ruth) == [item]


def test_a_viewer_reads_all_and_presses_nothing(victor: Person) -> None:
    victor.sign_in()
    item = a_visit(victor.sync, "visit_unsure", "70211", candidates=["5001", "5002"])
    shown = page(victor, f"/ops/waiting/{item}")
    assert "OnCall visit 5001" in shown
    assert "OnCall visit 5002" in shown
    assert "An operator can answer this" in shown
    assert "<form" not in shown.split("<main")[1]
    for deed in ("show", "answer", "keep", "accept_zones"):
        answer = post(victor.browser, f"/ops/waiting/{item}/{deed}", page="/ops", chosen="5001")
        assert answer.status_code == 403
    with victor.sync.store.read() as conn:
        looked = select(audit).where(audit.c.action.in_(("look", "resolve", "keep")))
        assert conn.execute(looked).all() == []


def test_a_form_without_the_pages_word_does_nothing(ruth: Person) -> None:
    ruth.sign_in()
    item = a_visit(ruth.sync, "overlap", "70211")
    for deed in ("show", "answer", "keep", "accept_zones"):
        assert ruth.browser.post(f"/ops/waiting/{item}/{deed}").status_code == 400


# --- no remedy is forgotten -----------------------------------------------------------------------


def test_each_remedy_has_a_button_or_a_sentence() -> None:
    assert set(PRESSES) == set(Remedy)
    assert set(titles.TITLES) == {one.name for one in table.CAUSES}
    for deed, press in PRESSES.items():
        assert press.words.endswith(".")
        assert bool(press.label) is (press.how is not How.NOT), deed


def test_each_cause_has_a_page_with_something_to_press(ruth: Person) -> None:
    """Whatever is asked, its page stands, and each of its deeds is on it."""
    ruth.sign_in()
    for cause in table.CAUSES:
        name = cause.name.replace("*", "starts" if "differs" in cause.name else "oncall_walk")
        name = "oncall_list_incomplete" if "incomplete" in name and "*" in cause.name else name
        make = {"visit": a_visit, "person": a_person}.get(cause.about)
        number = str(90_000 + len(name) * 1000 + table.CAUSES.index(cause))
        item = make(ruth.sync, name, number) if make else of_the_service(ruth.sync, name)
        shown = page(ruth, f"/ops/waiting/{item}")
        assert titles.title(name) in shown
        for deed in cause.deeds:
            assert PRESSES[deed].words in shown, (name, deed)
        closed(ruth.sync, item)


@pytest.mark.parametrize("deed", Remedy)
def test_the_first_screen_has_what_answers_it(deed: Remedy) -> None:
    subject = {"appointment": "7", "patient": "8", "pause": "oncall"}
    found = button(Answer("x", "It is so.", deed=deed, subject=subject, item=4))
    if PRESSES[deed].how is How.NOT:
        assert found is None
        return
    assert found is not None
    assert found.fields or found.item or found.pages
    assert button(Answer("x", "It is so.", deed=deed)) is None or found.pages


def test_a_cause_that_is_none_is_refused() -> None:
    with pytest.raises(UnknownError):
        wanted(None, Asked(cause="<b>"))  # type: ignore[arg-type]
