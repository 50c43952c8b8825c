"""Answer from facts alone: each cause, and which comes first where several hold."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.core.causes import table
from sync.core.causes.model import Remedy
from sync.core.records import Life
from sync.operations.why import rules
from sync.operations.why.facts import (
    KINDS,
    Asked,
    Facts,
    Paused,
    Planned,
    Queue,
    Read,
    Service,
    Side,
    Trouble,
    Waiting,
)
from sync.operations.why.words import ANSWERS

NOW = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)
SOON, LATER = NOW + timedelta(minutes=20), NOW + timedelta(days=200)
HERE = Side("drchrono", "70211", read=Read.SHOWN, life=Life.OPEN, since=NOW - timedelta(days=2))
THERE = Side("oncall", "5001", read=Read.SHOWN, life=Life.OPEN, since=NOW - timedelta(days=1))
MAKES = Planned(makes=True)
# An appointment that nothing keeps out and that is not there.
MISSING = Facts(
    "appointment",
    "70211",
    NOW,
    HERE,
    zone="America/New_York",
    aggregate=7,
    starts=NOW + timedelta(days=3),
    doctor="201",
    office="301",
    patient="881",
    plan=MAKES,
)
LINKED = replace(MISSING, others=(THERE,), plan=Planned())
ONCALL = replace(
    MISSING, kind="oncall-appointment", id="5001", source=replace(THERE, since=NOW), patient=""
)
PATIENT = Facts(
    "patient", "881", NOW, HERE, patient="881", chart_read=True, aggregate=3, expected=True
)
CONTACT = Side("oncall", "313", since=NOW)
STOP = Service(stops=(Asked(9, "wrong_account", ("drchrono",)),))
UNHEARD = replace(HERE, heard=False)
UNHEARD_FAILED = replace(UNHEARD, read=Read.FAILED)
NO_MAIL = Asked(4, "patient_without_email")
PAUSE = Paused("doctor:201", NOW)
OF_BUDGET = Trouble("drchrono", "waits_for_budget", SOON)


def chart(cause: str) -> Facts:
    return replace(MISSING, chart=cause, chart_read=True)


def plan(facts: Facts = MISSING, **changes: object) -> Facts:
    return replace(facts, plan=Planned(**changes))  # type: ignore[arg-type]


def over(life: Life, facts: Facts = MISSING) -> Facts:
    return replace(facts, source=replace(facts.source, life=life))


CASES: list[tuple[str, Facts]] = [
    # It is there, or was
    ("there", LINKED),
    ("there", replace(LINKED, kind="oncall-appointment", id="5001")),
    ("differs", plan(LINKED, fields=("minutes", "starts"))),
    ("starts_differs", plan(LINKED, asks=("starts_differs",))),
    ("left_scope", replace(LINKED, items=(Asked(4, "left_scope"),))),
    ("there", replace(LINKED, items=(Asked(4, "noted"), Asked(5, "second_patient")))),
    ("there", plan(LINKED, asks=("not_accepted",))),
    ("being_carried", plan(over(Life.CANCELLED, LINKED), fields=("state",))),
    ("being_carried", replace(over(Life.CANCELLED, LINKED), plan=None)),
    ("left_open", over(Life.NO_SHOW, LINKED)),
    ("about_to_be_replaced", plan(LINKED, anew=True, makes=True)),
    ("brake", replace(over(Life.CANCELLED, LINKED), items=(Asked(4, "brake"),))),
    ("deleted_there", replace(LINKED, others=(replace(THERE, gone=True),))),
    ("cancelled_there", replace(LINKED, others=(replace(THERE, life=Life.CANCELLED),))),
    (
        "state_differs",
        replace(
            LINKED,
            others=(replace(THERE, life=Life.COMPLETE),),
            items=(Asked(4, "state_differs"),),
        ),
    ),
    ("being_made", replace(LINKED, others=(replace(THERE, remote_id=None),))),
    (
        "create_unknown",
        replace(
            LINKED,
            others=(replace(THERE, remote_id=None),),
            items=(Asked(4, "create_unknown"),),
        ),
    ),
    # It is over, or never was
    ("never_heard_of", replace(MISSING, source=replace(UNHEARD, read=Read.DENIED))),
    ("deleted", replace(MISSING, source=replace(HERE, read=Read.DENIED))),
    ("deleted", replace(MISSING, source=replace(HERE, read=Read.FAILED, gone=True))),
    ("deleted", over(Life.DELETED)),
    ("cancelled", over(Life.CANCELLED)),
    ("finished", over(Life.COMPLETE)),
    ("rescheduled", over(Life.RESCHEDULED)),
    ("rescheduled", plan(over(Life.RESCHEDULED, LINKED), skipped="awaits_successor", until=SOON)),
    ("forbidden", replace(MISSING, source=replace(HERE, read=Read.FORBIDDEN))),
    # The mapping leaves it out
    *[
        (cause, replace(MISSING, outside=cause))
        for cause in ("break", "no_patient", "series_base", "type_skipped", "doctor_unmapped")
    ],
    ("office_not_listed", replace(MISSING, outside="office_not_listed")),
    ("provider_unmapped", replace(ONCALL, outside="provider_unmapped")),
    ("direction_off", plan(skipped="direction")),
    # Its time
    ("past", plan(skipped="past")),
    ("past", replace(MISSING, plan=None, starts=NOW - timedelta(hours=1))),
    ("beyond_window", plan(skipped="far", until=LATER)),
    # Its patient
    ("patient_excluded", replace(MISSING, excluded="881")),
    ("patient_without_email", chart("patient_without_email")),
    ("patient_email_placeholder", chart("patient_email_placeholder")),
    ("patient_email_unclear", chart("patient_email_unclear")),
    ("patient_inactive", chart("patient_inactive")),
    ("patient_gone", chart("patient_gone")),
    ("email_shared", chart("email_shared")),
    ("patient_without_email", replace(MISSING, plan=None, items=(NO_MAIL,))),
    ("email_shared", replace(MISSING, waits=(Waiting("address", "digest"),))),
    # A person is asked
    ("visit_unsure", replace(MISSING, items=(Asked(4, "visit_unsure", ("5001",)),))),
    ("patient_unsure", replace(ONCALL, items=(Asked(4, "patient_unsure", ("1", "2")),))),
    ("no_length", plan(asks=("no_length",))),
    ("zone_unknown", replace(MISSING, waits=(Waiting("zone", "201"),))),
    ("left_alone", replace(MISSING, waits=(Waiting("operator", "who"),))),
    ("patient_excluded", replace(ONCALL, excluded="881")),
    ("too_many_writes", replace(MISSING, waits=(Waiting("operator", "frozen"),))),
    # The service
    ("not_accepted", replace(plan(asks=("not_accepted",)), service=Service(accepted=False))),
    (
        "not_accepted",
        replace(MISSING, waits=(Waiting("operator", "go-live"),), service=Service(accepted=False)),
    ),
    ("wrong_account", replace(MISSING, service=STOP)),
    ("being_matched", plan(asks=("not_accepted",))),
    ("shadow", replace(MISSING, service=Service("shadow"))),
    ("paused", replace(MISSING, service=Service("paused"))),
    ("paused_by_hand", replace(MISSING, service=Service(paused=Paused("oncall", NOW, SOON)))),
    (
        "paused_by_hand",
        replace(plan(LINKED, fields=("starts",)), service=Service(paused=PAUSE)),
    ),
    ("there", replace(LINKED, service=Service(paused=PAUSE))),
    (
        "paused_by_hand",
        replace(
            plan(over(Life.CANCELLED, LINKED), fields=("state",)), service=Service(paused=PAUSE)
        ),
    ),
    # The queue
    ("being_worked_on", replace(MISSING, queue=Queue(held_until=SOON))),
    (
        "waits_for_budget",
        replace(
            MISSING,
            queue=Queue(waits=True, due=NOW),
            service=Service(budget_until=SOON, budget_of="drchrono"),
        ),
    ),
    ("queued", replace(MISSING, queue=Queue(waits=True, due=SOON))),
    ("overdue", replace(MISSING, queue=Queue(waits=True, due=NOW - timedelta(minutes=1)))),
    # A system can't be asked
    ("waits_for_budget", replace(MISSING, source=UNHEARD_FAILED, trouble=OF_BUDGET)),
    (
        "token_lost",
        replace(MISSING, source=UNHEARD_FAILED, trouble=Trouble("drchrono", "token_lost")),
    ),
    (
        "system_down",
        replace(
            MISSING,
            source=replace(HERE, read=Read.FAILED),
            plan=None,
            trouble=Trouble("drchrono", "system_down"),
        ),
    ),
    # Nothing is in its way
    ("not_heard_of", replace(MISSING, source=UNHEARD)),
    ("waits_for_another", replace(MISSING, waits=(Waiting("visit", "70200"),))),
    ("waits_for_another", replace(ONCALL, waits=(Waiting("email", "digest"),))),
    ("about_to_be_made", replace(MISSING, waits=(Waiting("mode", "live"),))),
    ("about_to_be_made", MISSING),
    ("unknown", plan()),
    # A patient
    ("there", replace(PATIENT, others=(CONTACT,))),
    ("patient_inactive", replace(PATIENT, others=(CONTACT,), chart="patient_inactive")),
    ("patient_without_email", replace(PATIENT, chart="patient_without_email")),
    ("patient_excluded", replace(PATIENT, excluded="881", others=(CONTACT,))),
    ("patient_gone", replace(PATIENT, source=replace(HERE, read=Read.DENIED))),
    ("never_heard_of", replace(PATIENT, source=replace(UNHEARD, read=Read.DENIED))),
    ("contact_unsure", replace(PATIENT, items=(Asked(4, "contact_unsure"),))),
    ("no_visit_yet", replace(PATIENT, expected=False)),
    ("unknown", PATIENT),
]


@pytest.mark.parametrize(("cause", "facts"), CASES)
def test_each_cause(cause: str, facts: Facts) -> None:
    answer = rules.answer(facts)
    assert answer.cause == cause
    assert re.fullmatch(r"[A-Z].*[.)]", answer.sentence)
    plain = answer.sentence.replace("SYNC_MODE", "").replace("New_York", "")
    assert not set("{}_") & set(plain)
    assert not set("{}") & set(answer.press)
    assert answer.subject[facts.kind] == facts.id


SIDES = st.builds(
    Side,
    system=st.sampled_from(["drchrono", "oncall"]),
    remote_id=st.sampled_from(["1", None]),
    heard=st.booleans(),
    gone=st.booleans(),
    read=st.sampled_from(Read),
    life=st.sampled_from([None, *Life]),
    since=st.sampled_from([None, NOW]),
)
NAMED = {one.name.replace("*", stem) for one in table.CAUSES for stem in ("starts", "matching")}
CAUSE = st.sampled_from(sorted(name for name in NAMED if table.find(name) is not None))
WAITS = st.sampled_from(["patient", "visit", "run", "address", "email", "fact", "operator"])
TIMES = st.sampled_from([None, NOW - timedelta(hours=1), SOON, LATER])
ANY = st.builds(
    Facts,
    kind=st.sampled_from(KINDS),
    id=st.just("1"),
    now=st.just(NOW),
    source=SIDES,
    others=st.lists(SIDES, max_size=3).map(tuple),
    zone=st.sampled_from([None, "US/Eastern"]),
    starts=TIMES,
    patient=st.just("881"),
    outside=st.sampled_from(["", "break", "office_not_listed", "provider_unmapped"]),
    plan=st.none()
    | st.builds(
        Planned,
        skipped=st.sampled_from(["", "far", "past", "direction", "awaits_successor"]),
        asks=st.lists(CAUSE, max_size=1).map(tuple),
        until=TIMES,
        makes=st.booleans(),
        anew=st.booleans(),
        fields=st.sampled_from([(), ("starts", "state")]),
    ),
    chart=st.sampled_from(["", "patient_email_placeholder", "forbidden", "email_shared"]),
    chart_read=st.booleans(),
    excluded=st.sampled_from(["", "881"]),
    items=st.lists(st.builds(Asked, item=st.just(4), cause=CAUSE), max_size=2).map(tuple),
    waits=st.lists(st.builds(Waiting, kind=WAITS, ref=st.just("7")), max_size=2).map(tuple),
    queue=st.builds(Queue, waits=st.booleans(), due=TIMES, held_until=TIMES),
    service=st.builds(
        Service,
        mode=st.sampled_from(["live", "shadow", "paused"]),
        accepted=st.booleans(),
        budget_until=TIMES,
        paused=st.sampled_from([None, PAUSE]),
    ),
    trouble=st.none()
    | st.builds(
        Trouble,
        system=st.sampled_from(["drchrono", "oncall"]),
        cause=st.sampled_from(["system_down", "waits_for_budget", "auth", "malformed"]),
        until=TIMES,
    ),
    expected=st.booleans(),
)


@given(ANY)
def test_any_facts_have_one_whole_answer(facts: Facts) -> None:
    answer = rules.answer(facts)
    assert answer.cause in ANSWERS or table.find(answer.cause) is not None
    assert re.fullmatch(r"[A-Z].*[.)]", answer.sentence)
    assert not set("{}") & set(answer.sentence + answer.press)
    assert answer.as_dict()["subject"][facts.kind] == "1"
    if facts.trouble is not None:
        assert answer.only_known or answer.cause == facts.trouble.cause


def test_every_answer_is_in_the_table() -> None:
    told = {cause for cause, _facts in CASES}
    assert set(ANSWERS) - {"there_but"} - told == set()
    assert {one for one in told - set(ANSWERS) if table.find(one) is None} == set()


# Each fact alone would be an answer; the first of two that hold is given.
ORDER: list[tuple[str, dict[str, object]]] = [
    ("never_heard_of", {"source": replace(UNHEARD, read=Read.DENIED)}),
    ("cancelled", {"source": replace(HERE, life=Life.CANCELLED)}),
    ("there", {"others": (THERE,), "plan": Planned()}),
    ("type_skipped", {"outside": "type_skipped"}),
    ("past", {"plan": Planned(skipped="past")}),
    ("patient_excluded", {"excluded": "881"}),
    ("no_length", {"plan": Planned(asks=("no_length",))}),
    ("patient_inactive", {"chart": "patient_inactive", "chart_read": True}),
    ("visit_unsure", {"items": (Asked(4, "visit_unsure"),)}),
    ("zone_unknown", {"waits": (Waiting("zone", "201"),)}),
    ("wrong_account", {"service": STOP}),
    ("being_matched", {"plan": Planned(asks=("not_accepted",))}),
    ("shadow", {"service": Service("shadow")}),
    ("paused_by_hand", {"service": Service(paused=PAUSE)}),
    ("being_worked_on", {"queue": Queue(held_until=SOON)}),
    ("queued", {"queue": Queue(waits=True, due=SOON)}),
    ("about_to_be_made", {"plan": MAKES}),
]


# These two together are an answer of their own.
TOGETHER = {("cancelled", "there"), ("there", "visit_unsure")}


@pytest.mark.parametrize("at", range(len(ORDER) - 1))
def test_what_comes_first(at: int) -> None:
    cause, first = ORDER[at]
    for later, more in ORDER[at + 1 :]:
        if not set(first) & set(more) and (cause, later) not in TOGETHER:
            assert rules.answer(replace(MISSING, **{**more, **first})).cause == cause  # type: ignore[arg-type]


def test_a_chart_that_was_just_read_makes_an_older_item_stale() -> None:
    mended = replace(MISSING, chart_read=True, items=(NO_MAIL,), queue=Queue(waits=True, due=SOON))
    assert rules.answer(mended).cause == "queued"


def test_an_item_is_named_with_its_deed_and_its_command() -> None:
    asked = Asked(4, "visit_unsure", ("5001", "5002"), NOW)
    answer = rules.answer(replace(MISSING, items=(asked,)))
    assert (answer.item, answer.deed, answer.since) == (4, Remedy.RESOLVE, NOW)
    assert answer.command == "attention resolve 4"
    assert answer.sentence.endswith("(5001, 5002)")
    placeholder = rules.answer(replace(chart("patient_email_placeholder"), items=(NO_MAIL,)))
    assert placeholder.item == 4
    assert rules.answer(replace(MISSING, excluded="881")).command == "exclude 881 --undo"
    assert rules.answer(MISSING).command == "resync appointment 70211"


def test_a_pause_is_named_with_its_end() -> None:
    held = rules.answer(replace(MISSING, service=Service(paused=PAUSE)))
    assert held.sentence.startswith("An operator has paused doctor:201 since Mon 30 Nov 2026")
    assert held.sentence.endswith("until it is resumed.")
    assert held.command == "resume doctor:201"
    until = rules.answer(replace(MISSING, service=Service(paused=Paused("oncall", NOW, SOON))))
    assert (until.until, until.command) == (SOON, "resume oncall")


def test_times_are_the_doctor_s_and_say_so() -> None:
    there = rules.answer(LINKED)
    assert "since Sun 29 Nov 2026, 10:00 (America/New_York)" in there.sentence
    assert there.since == THERE.since
    utc = rules.answer(replace(plan(skipped="far", until=LATER), zone=None))
    assert utc.until == LATER
    assert utc.sentence.endswith("on Fri 18 Jun 2027, 15:00 (UTC).")


def test_what_could_not_be_asked_is_said_behind_what_is_known() -> None:
    item = replace(
        MISSING,
        source=replace(HERE, read=Read.FAILED),
        plan=None,
        items=(NO_MAIL,),
        trouble=OF_BUDGET,
    )
    answer = rules.answer(item)
    assert (answer.cause, answer.only_known) == ("patient_without_email", True)
    assert "no more calls before about Mon 30 Nov 2026, 10:20 (America/New_York)" in answer.sentence
    assert not rules.answer(MISSING).only_known


def test_several_counterparts_are_named_and_counted() -> None:
    many = tuple(replace(THERE, system="drchrono", remote_id=str(one)) for one in range(1, 6))
    answer = rules.answer(replace(ONCALL, others=many, plan=Planned()))
    assert "DrChrono appointment 1, 2, 3 and 2 more" in answer.sentence


def test_json_has_what_scripts_rely_on() -> None:
    told = rules.answer(LINKED).as_dict()
    assert {"cause", "sentence", "press", "deed", "subject", "since", "until"} <= set(told)
    assert (told["since"], told["press"]) == ("2026-11-29T15:00:00Z", "")
    assert told["subject"]["oncall-appointment"] == "5001"
