"""Tell which OnCall visit stands in DrChrono, and which participant of it the patient is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sync.core.records import ABSENT, Attendee, Life, Marker, Person, State, Visit
from sync.core.rules.same import (
    Here,
    Same,
    agreed,
    one_of,
    participants_of,
    same_appointment,
    same_visit,
    who_comes,
)

AT = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
VERA = Person("drchrono", "1", "patient", "Vera", "Lindqvist", "vera@mail.example")
OMAR = Person("drchrono", "2", "patient", "Omar", "Haddad", "vera@mail.example")
INES = Person("drchrono", "3", "patient", "Ines", "Costa", "ines@mail.example")
HERE = Here(AT, "12", (VERA,), {"70"})
OPEN = State(Life.OPEN)


def who(remote_id="p1", first="Vera", last="Lindqvist", email="vera@mail.example", **more):
    return Attendee(remote_id, first, last, email, **more)


def there(*attendees, **more):
    values = {"starts": AT, "minutes": 30, "provider": "12", "state": OPEN, "marker": None}
    return Visit("oncall", "5", **{**values, "attendees": attendees or (who(),), **more})


def marker(other):
    return Marker("installation", 3, 1, 1, other=other)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        pytest.param(there(), Same.CERTAIN, id="the same"),
        pytest.param(there(minutes=45), Same.CERTAIN, id="another length is asked about as such"),
        pytest.param(there(who(email=" VERA@mail.example")), Same.CERTAIN, id="typed otherwise"),
        pytest.param(there(who(first="Bob")), Same.CERTAIN, id="the address is enough for one"),
        pytest.param(there(who(), who("p2", "Co", "Host", "c@x")), Same.CERTAIN, id="a co-host"),
        pytest.param(there(starts=AT + timedelta(minutes=5)), Same.NO, id="another start"),
        pytest.param(there(starts=ABSENT), Same.NO, id="start not told"),
        pytest.param(there(provider="13", provider_wire="9"), Same.NO, id="another doctor"),
        pytest.param(there(provider=ABSENT), Same.CERTAIN, id="a doctor who is not told"),
        pytest.param(
            there(provider=ABSENT, provider_wire="9"), Same.NO, id="a doctor who is not mapped"
        ),
        pytest.param(there(state=State(Life.CANCELLED)), Same.NO, id="one that is over"),
        pytest.param(there(state=ABSENT), Same.CERTAIN, id="a state that is not told"),
        pytest.param(there(who(cancelled=True)), Same.NO, id="the participant was cancelled"),
        pytest.param(there(who(email="v@x")), Same.MAYBE, id="the name with another address"),
        pytest.param(there(who(email="")), Same.MAYBE, id="the name without an address"),
        pytest.param(
            there(who(email="v@x"), who("p2", "Co", "Host", "c@x")), Same.NO, id="a name of several"
        ),
        pytest.param(there(who("p1", "Jon", "Berg", "jon@x")), Same.NO, id="somebody else"),
        pytest.param(
            there(who("p1", "Omar"), who("p2")), Same.CERTAIN, id="a family's address, by name"
        ),
        pytest.param(
            there(who("p1", "Omar"), who("p2", "Eva")), Same.NO, id="a family's address, others"
        ),
        pytest.param(there(who("p1"), who("p2")), Same.MAYBE, id="twice the same participant"),
        pytest.param(there(marker=marker("70"), starts=ABSENT), Same.CERTAIN, id="our marker"),
        pytest.param(there(marker=marker("71")), Same.NO, id="another's marker"),
    ],
)
def test_an_oncall_visit_of_one_patient(shown, expected):
    assert same_visit(HERE, shown) is expected


@pytest.mark.parametrize(
    ("here", "shown", "expected"),
    [
        # By an address that a crowd shares nobody is known: the name must agree.
        (replace(HERE, crowd=True), there(), Same.CERTAIN),
        (replace(HERE, crowd=True), there(who(first="Bob")), Same.NO),
        # One member is enough for a group, whoever else is in it.
        (replace(HERE, charts=(INES, VERA), group=True), there(), Same.CERTAIN),
        (replace(HERE, charts=(INES,), group=True), there(), Same.NO),
        (replace(HERE, group=True), there(who("p1"), who("p2")), Same.CERTAIN),
        (replace(HERE, group=True), there(who(email="v@x")), Same.NO),
        # A chart that was not read, or has no address, is nobody's.
        (replace(HERE, charts=()), there(), Same.NO),
        (replace(HERE, charts=(replace(VERA, email=""),)), there(who("p", "E", email="")), Same.NO),
        (replace(HERE, starts=ABSENT), there(starts=ABSENT), Same.NO),
    ],
)  # fmt: skip
def test_an_oncall_visit_of_crowds_groups_and_nobody(here, shown, expected):
    assert same_visit(here, shown) is expected


def appointment(**more):
    values = {"starts": AT, "minutes": 30, "provider": "12", "patient": "1", "state": OPEN}
    return Visit("drchrono", "70", **{**values, **more})


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (appointment(), True),
        (appointment(minutes=45), True),
        (appointment(state=ABSENT), True),
        (appointment(patient="2"), False),
        (appointment(provider="13"), False),
        (appointment(starts=AT + timedelta(minutes=5)), False),
        (appointment(starts=ABSENT), False),
        (appointment(virtual_base=True), False),
        *((appointment(state=State(one)), False) for one in Life if one is not Life.OPEN),
    ],
)
def test_an_appointment_of_a_patient(shown, expected):
    assert same_appointment(shown, "1", "12", AT) is expected


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        *((appointment(state=State(one)), True) for one in Life),
        (appointment(state=State(Life.CANCELLED), patient="2"), False),
        (appointment(state=State(Life.CANCELLED), virtual_base=True), False),
    ],
)
def test_what_we_made_may_have_ended_since(shown, expected):
    assert same_appointment(shown, "1", "12", AT, over=True) is expected


def test_a_place_that_is_not_known_is_no_appointment_s():
    assert not same_appointment(appointment(starts=ABSENT), "1", "12", ABSENT)
    assert not same_appointment(appointment(provider=ABSENT), "1", ABSENT, AT)


@pytest.mark.parametrize(
    ("here", "shown", "expected"),
    [
        (appointment(), there(), {"starts", "minutes", "provider", "type"}),
        (appointment(), there(minutes=45), {"starts", "provider", "type"}),
        (appointment(), there(provider=ABSENT), {"starts", "minutes", "provider", "type"}),
        (appointment(minutes=ABSENT, profile_minutes=30), there(),
         {"starts", "minutes", "provider", "type"}),
        (appointment(), there(starts=AT + timedelta(1), provider="13"), {"minutes", "type"}),
    ],
)  # fmt: skip
def test_what_both_sides_say_alike(here, shown, expected):
    assert agreed(here, shown) == expected


# --- who a participant is -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("there_are", "many", "known"),
    [
        ([who("p1")], ["p1"], "p1"),
        ([who("p1", "Bob")], ["p1"], "p1"),
        ([who("p1", "Omar"), who("p2")], ["p2"], "p2"),
        ([who("p1"), who("p2")], ["p1", "p2"], None),
        ([who("p1", "Omar"), who("p2", "Eva")], [], None),
        ([who("p1", email="v@x")], [], "p1"),
        ([who("p1", cancelled=True)], [], "p1"),
        ([who("p1", cancelled=True), who("p2")], ["p2"], "p2"),
        ([who("p1", "Jon", "Berg", "jon@x")], [], None),
        ([who("p1", "", "", "")], [], None),
    ],
)
def test_which_participant_a_patient_is(there_are, many, known):
    assert [one.remote_id for one in participants_of(VERA, who_comes(there_are))] == many
    found = one_of(VERA, there_are)
    assert (found.remote_id if found is not None else None) == known


def test_who_shares_an_address_is_known_by_name():
    shown = [who("p1"), who("p2", "Omar", "Haddad")]
    assert [one.remote_id for one in participants_of(OMAR, shown)] == ["p2"]
    assert participants_of(OMAR, [who("p1")], crowd=True) == []
