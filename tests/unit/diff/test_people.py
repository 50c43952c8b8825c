"""Which difference a chart and what stands for it in OnCall are; who needs none of it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from sync.core.records import ABSENT, Attendee, Person, Visit, VisitType
from sync.core.rules.policy import Policy
from sync.mapping import parse
from sync.operations.diff import people
from sync.operations.diff.model import Standing
from sync.operations.diff.shown import CONTACTS, PATIENTS, VISITS, Compared, Shown, Thing, View
from sync.store.compared.linked import Chart, Contact, Tie

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
AT = NOW + timedelta(days=3)
DOCTORS = """
[[doctors]]
drchrono = 201
oncall_provider = 196157
oncall_division = 2404
timezone = "America/New_York"
[types]
default = "online"
"""
CHART = Person(
    *("drchrono", "7", "patient"),
    first_name="Ada",
    last_name="Okoro",
    email="ada@mail.example",
    phone="2125550147",
    birth_date=date(1980, 1, 2),
    sex="female",
    doctor="201",
    active=True,
)
CONTACT = replace(CHART, system="oncall", remote_id="8", kind="contact")
WHO = Attendee("5", "Ada", "Okoro", "ada@mail.example", cancelled=False)
HERE = Visit("drchrono", "1", AT, type=VisitType.ONLINE, provider="201", patient="7")
THERE = Visit("oncall", "9", AT, type=VisitType.ONLINE, attendees=(WHO,))
TIE = Tie(
    *(3, True, AT, None, "201", "9", 31, "live", 4, "1", 32, "live", "5", 33, 6),
)
LINKED = Contact(6, "8", 61, "196157", "2404")
D, M = Standing.DIFFERENT, Standing.MEANT


def compared(
    shown: Shown,
    *,
    ties: tuple[Tie, ...] = (TIE,),
    contacts: tuple[Contact, ...] = (LINKED,),
    policy: str = "",
    excluded: bool = False,
    known: bool = True,
) -> Compared:
    mapping = parse(DOCTORS + (f"[policy]\n{policy}\n" if policy else ""))
    view = View(mapping, Policy(), NOW, NOW + timedelta(days=180))
    charts = {6: Chart("7", 60, excluded)} if known else {}
    return people.compare(shown, ties, charts, contacts, view)


def shows(
    chart: Person | None = CHART, contact: Person | None = CONTACT, who: Attendee = WHO
) -> Shown:
    found = Shown(whole={PATIENTS, CONTACTS}, who_told={"9"})
    found.patients = {} if chart is None else {"7": chart}
    found.contacts = {} if contact is None else {"8": contact}
    found.appointments = {"1": HERE}
    found.visits = {"9": replace(THERE, attendees=(who,))}
    return found


def causes(found: Compared) -> list[tuple[str, Standing]]:
    return [(one.cause, one.standing) for one in found.found]


def test_the_same() -> None:
    found = compared(shows())
    assert (found.found, found.ask, found.undecided, found.count) == ([], [], [], 2)


@pytest.mark.parametrize("name", ["first_name", "last_name", "email", "phone"])
def test_what_a_contact_says_otherwise_is_named(name: str) -> None:
    (one,) = compared(shows(contact=replace(CONTACT, **{name: "x"}))).found
    assert (one.cause, one.fields, one.drchrono, one.oncall) == (
        *("contact_differs", (name,)),
        *("7", "8"),
    )


def test_a_participant_is_told_apart_from_the_contact() -> None:
    (one,) = compared(shows(who=replace(WHO, email="other@mail.example"))).found
    assert (one.cause, one.participant, one.oncall) == ("participant_differs", "5", "9")
    assert compared(shows(who=replace(WHO, email="x", cancelled=True))).found == []


def test_an_excluded_patient_is_meant_so() -> None:
    found = compared(shows(contact=replace(CONTACT, email="x@mail.example")), excluded=True)
    assert causes(found) == [("contact_differs", M)]


def test_what_a_list_lacks_is_read_by_its_id_and_then_gone_or_not() -> None:
    assert compared(shows(contact=None)).ask == [Thing(CONTACTS, "8")]
    gone = shows(contact=None)
    gone.gone.add(Thing(CONTACTS, "8"))
    assert causes(compared(gone)) == [("contact_gone", D)]
    gone = shows(chart=None)
    gone.gone.add(Thing(PATIENTS, "7"))
    assert causes(compared(gone)) == [("chart_gone", D)]
    short = shows(contact=None)
    short.whole.clear()
    assert (compared(short).ask, compared(short).found) == ([], [])


@pytest.mark.parametrize("name", ["first_name", "last_name", "email"])
def test_who_a_list_does_not_say_is_read_by_id(name: str) -> None:
    lacking = replace(CONTACT, **{name: ABSENT})
    assert compared(shows(contact=lacking)).ask == [Thing(CONTACTS, "8")]
    read = shows(contact=lacking)
    read.read.add(Thing(CONTACTS, "8"))
    assert (compared(read).ask, compared(read).found) == ([], [])
    spent = shows(contact=lacking)
    spent.unread[Thing(CONTACTS, "8")] = "not_told"
    assert [one.why for one in compared(spent).undecided] == ["not_told"]
    assert compared(shows(who=replace(WHO, **{name: ABSENT}))).ask == [Thing(VISITS, "9")]


def test_who_has_a_visit_to_come_has_a_contact_with_its_provider() -> None:
    assert causes(compared(shows(contact=None), contacts=())) == [("contact_missing", D)]
    elsewhere = (LINKED._replace(provider="1"),)
    assert causes(compared(shows(), contacts=elsewhere)) == [("contact_missing", D)]


def test_without_a_visit_a_policy_says_who_has_a_contact() -> None:
    lone = shows(contact=None)
    assert causes(compared(lone, ties=(), contacts=())) == [("contact_missing", M)]
    everybody = 'people = "all"'
    for known in (True, False):
        found = compared(lone, ties=(), contacts=(), policy=everybody, known=known)
        assert causes(found) == [("contact_missing", D)]
    unreachable = shows(chart=replace(CHART, email=""), contact=None)
    found = compared(unreachable, ties=(), contacts=(), policy=everybody)
    assert causes(found) == [("contact_missing", M)]


def test_a_contact_without_a_chart_is_wanted_by_a_policy_alone() -> None:
    lone = shows(chart=None)
    assert causes(compared(lone, ties=(), contacts=(), known=False)) == [("chart_missing", M)]
    found = compared(
        lone, ties=(), contacts=(), known=False, policy="patients_from_contacts = true"
    )
    assert causes(found) == [("chart_missing", D)]
