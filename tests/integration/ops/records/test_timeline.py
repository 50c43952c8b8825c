"""The timeline of a visit: everything once, newest first, for whom it is, and what it can press."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, update

from sync.operations.lookup import UnknownError
from sync.operations.timeline.assemble import timeline
from sync.operations.timeline.model import SORTS, Event
from sync.runtime import Sync
from sync.store.schema import attention, audit, blocker, call, delivery
from sync.store.trail.deeds import Deed, note
from tests.support.ops.browser import Person, post
from tests.support.ops.lived import HOSTILE, called, lived, told
from tests.support.sql import counted


def events(sync: Sync, *sorts: str, about: str = "70211", most: int = 50) -> list[Event]:
    return list(timeline(sync, "appointment", about, sorts=sorts, most=most).events)


def test_everything_is_told_once_in_one_order_of_time(sync: Sync) -> None:
    made = lived(sync)
    found = timeline(sync, "appointment", "70211")
    assert (found.kind, found.aggregate, found.absorbed) == ("visit", made.key, (made.former,))
    assert found.objects == ("drchrono appointment 70211", "oncall appointment 5501")
    assert found.related == (f"person {made.person}",)
    assert [(one.sort, one.outcome) for one in found.events] == [
        ("done", "done"),
        ("asked", "closed"),
        ("asked", "opened"),
        ("conflict", "overwritten"),
        ("written", "done 200"),
        ("read", "done"),
        ("came", "raised"),
        ("came", "raised"),
        ("decided", "live"),
        ("decided", "live"),
    ]
    assert found.after is None


def test_it_says_what_was_compared_by_which_rule_and_who_did_it(sync: Sync) -> None:
    made = lived(sync)
    newest = events(sync, "came")[0]
    assert {(one.field, one.equal, one.to) for one in newest.compared} == {
        ("starts", False, "the telling before"),
        ("status", True, "the telling before"),
    }
    assert newest.rule == "R1"
    (write,) = events(sync, "written")
    assert (write.fields, write.rule) == (("starts", "status"), "R8")
    # What was read before we wrote was not what had been settled: somebody had edited it.
    assert [(one.field, one.equal) for one in write.compared] == [("starts", False)]
    assert write.by == "service web@test:1 (web)"
    over, asked = events(sync, "asked")
    assert over.by == "operator ruth (ops)"
    assert over.sentence.startswith("Answered: ")
    assert asked.number == over.number == made.item


def test_an_answer_is_told_with_its_question_or_among_what_people_did(sync: Sync) -> None:
    lived(sync)
    assert next(one.sentence for one in events(sync, "asked", "done")) == "Asked to look again."
    assert [one.sentence for one in events(sync, "done")] == [
        "Asked to look again.",
        "Tried again (patient_without_email).",
    ]


def test_a_write_is_told_from_the_audit_when_its_call_is_dropped(sync: Sync) -> None:
    lived(sync)
    with sync.store.write() as conn:
        conn.execute(delete(call))
        note(conn, Deed("write_failed", (("call", 2),), outcome="refused 409"), sync.clock())
    (write,) = events(sync, "written")
    assert (write.record, write.fields, write.outcome) == ("audit", ("starts",), "refused 409")
    assert write.sentence == "Changed in OnCall: refused 409."
    with sync.store.write() as conn:
        called(conn, sync.clock() - timedelta(minutes=90), system="drchrono", method="GET")
    assert events(sync, "written") == []  # it is no deed of a call that is gone


def test_a_person_s_write_into_a_participant_of_the_visit_is_there(sync: Sync) -> None:
    made = lived(sync)
    with sync.store.write() as conn:
        called(conn, sync.clock(), aggregate=made.person, object=made.oncall, effect="update")
        called(conn, sync.clock(), aggregate=made.person, effect="update")
    assert len(events(sync, "written")) == 2
    persons = timeline(sync, "person", str(made.person), sorts=("written",)).events
    assert len(persons) == 2


def test_who_told_two_apart_is_told_of_and_no_other_visit_of_that_number(sync: Sync) -> None:
    made = lived(sync)
    other = lived(sync, "70212", str(made.key))  # OnCall's visit has our own one's number
    with sync.store.write() as conn:
        of = (("appointment", "70212"), ("visit", str(made.key)))
        note(conn, Deed("unlink", of), sync.clock())
        note(conn, Deed("resync", (("visit", made.key),)), sync.clock())
    assert next(one.sentence for one in events(sync, "done")) == "Asked to look again."
    assert "Told apart by hand." not in [one.sentence for one in events(sync)]
    theirs = [one.sentence for one in events(sync, "done", about="70212")]
    assert theirs.count("Told apart by hand.") == 1
    assert other.key != made.key


def test_what_it_waits_for_stands_among_what_was_decided(sync: Sync) -> None:
    made = lived(sync)
    with sync.store.write() as conn:
        row = {"aggregate": made.key, "object": made.appointment, "kind": "patient", "ref": "9"}
        conn.execute(insert(blocker).values(**row, since=sync.clock()))
    assert events(sync, "decided")[0].sentence == "It waits for the chart of patient 9 to change."


@pytest.mark.parametrize("most", [1, 2, 3, 7])
def test_pages_are_complete_and_nothing_comes_twice(sync: Sync, most: int) -> None:
    made = lived(sync)
    with sync.store.write() as conn:
        at = sync.clock() - timedelta(minutes=38)
        for _ in range(4):  # all at the time of the write and the conflict
            called(conn, at, aggregate=made.key, object=made.oncall, effect="marker")
            told(conn, at, made.appointment)
    whole = events(sync, most=1000)
    paged: list[Event] = []
    after: str | None = ""
    while after is not None:
        found = timeline(sync, "visit", str(made.key), after=after, most=most)
        paged += found.events
        after = found.after
        with sync.store.write() as conn:  # while somebody reads
            told(conn, sync.clock(), made.appointment)
    assert paged == whole
    assert len(set(whole)) == len(whole) == 18


def test_its_statements_do_not_grow_with_its_rows(sync: Sync) -> None:
    made = lived(sync)
    timeline(sync, "appointment", "70211")
    with counted(sync.store) as few:
        timeline(sync, "appointment", "70211")
    with sync.store.write() as conn:
        for minute in range(60):
            at = sync.clock() + timedelta(minutes=minute)
            called(conn, at, aggregate=made.key, object=made.oncall, effect="update")
            told(conn, at, made.appointment)
            row = {"aggregate": made.key, "cause": "patient_without_email", "opened_at": at}
            conn.execute(insert(attention).values(**row, closed_at=at))
    with counted(sync.store) as many:
        timeline(sync, "appointment", "70211", most=200)
    assert many.within(few.count + 1, few.transactions)  # settled digests are asked for


def test_no_text_of_a_column_steers_the_page_or_breaks_it(sync: Sync, victor: Person) -> None:
    made = lived(sync)
    with sync.store.write() as conn:
        conn.execute(update(delivery).values(event=HOSTILE + "{0}", outcome="{x}", source="{y}"))
        conn.execute(update(call).values(endpoint=HOSTILE, effect="{z}", state="<b>", fields="<i>"))
        conn.execute(update(attention).values(cause="<u>", candidates=["<img src=x>"]))
        conn.execute(update(audit).values(action="<a>", actor="<em>", outcome="{q}"))
    victor.sign_in()
    page = victor.browser.get(f"/ops/timeline/visit/{made.key}").get_data(as_text=True)
    assert "&lt;script&gt;" in page
    for planted in ("<script>alert", "\u202e", "\x1b", "<b>", "<i>", "<u>", "<img", "<a>", "<em>"):
        assert planted not in page


# --- the page -------------------------------------------------------------------------------------


def test_a_viewer_sees_it_and_has_no_button(victor: Person) -> None:
    lived(victor.sync)
    victor.sign_in()
    page = victor.browser.get("/ops/timeline/appointment/70211").get_data(as_text=True)
    assert "Timeline of appointment 70211" in page
    assert "Look again now" not in page
    for deed in ("look-again", "plan"):
        there = f"/ops/timeline/appointment/70211/{deed}"
        assert post(victor.browser, there, page="/ops").status_code == 403


@pytest.mark.parametrize(
    "path",
    ["appointment/1", "visit/999", "person/1", "appointment/a%20b", "nothing/1", "visit/x",
     "visit/1?after=x", "visit/1?after=2026-13-01T00:00:00Z~1~1"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(victor: Person, path: str) -> None:
    lived(victor.sync)
    victor.sign_in()
    assert victor.browser.get(f"/ops/timeline/{path}").status_code == 404


@pytest.mark.parametrize(
    ("typed", "leads_to"),
    [
        ("70211", "/ops/timeline/appointment/70211"),
        (" appointment 70211 ", "/ops/timeline/appointment/70211"),
        ("5501", "/ops/timeline/oncall-appointment/5501"),
        ("visit:1", "/ops/timeline/visit/1"),
        ("person 3", "/ops/timeline/person/3"),
        ("https://evil.example/70211", ""),
        ("Vera Lindqvist", ""),
        ("visit 999", ""),
        ("", ""),
    ],
)
def test_the_box_leads_there_or_asks_again(victor: Person, typed: str, leads_to: str) -> None:
    lived(victor.sync)
    victor.sign_in()
    answer = post(victor.browser, "/ops/timeline", page="/ops/timeline", about=typed)
    assert answer.headers.get("Location", "") == leads_to
    if not leads_to:
        page = answer.get_data(as_text=True)
        assert 'role="alert"' in page
        assert not typed or typed not in page


def test_the_first_screen_s_answer_leads_to_it(victor: Person) -> None:
    lived(victor.sync)
    victor.sign_in()
    page = post(victor.browser, "/ops/why", page="/ops", about="70211").get_data(as_text=True)
    assert 'href="/ops/timeline/appointment/70211"' in page


def test_an_operator_looks_again_and_is_told_so_in_place(ruth: Person) -> None:
    lived(ruth.sync)
    ruth.sign_in()
    there = "/ops/timeline/appointment/70211"
    page = post(ruth.browser, f"{there}/look-again", page=there).get_data(as_text=True)
    assert "are being looked at now" in page
    assert "Timeline of appointment 70211" in page
    assert events(ruth.sync, "done")[0].by == "operator ruth (ops)"


def test_what_would_change_says_why_it_can_t_be_told(ruth: Person) -> None:
    lived(ruth.sync)
    ruth.sign_in()
    there = "/ops/timeline/appointment/70211"
    answer = post(ruth.browser, f"{there}/plan", page=there)
    assert answer.status_code == 200
    assert 'role="status"' in answer.get_data(as_text=True)


def test_sorts_that_are_none_are_refused_by_the_engine(sync: Sync) -> None:
    lived(sync)
    with pytest.raises(UnknownError):
        timeline(sync, "appointment", "70211", sorts=("x",))
    assert set(SORTS) == {"came", "read", "decided", "written", "conflict", "asked", "done"}
