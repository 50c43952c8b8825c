"""Unknown is not an end, a constant or a default: the plan's part, and what can't be a value."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from sync.core import readings
from sync.core.records import ABSENT, Life, Person, State, Visit
from sync.core.rules import inviting, plausible
from sync.core.rules.effects import CreateAppointment, CreateOncall, NextGeneration, Patch
from sync.core.rules.merge import Seen
from sync.core.rules.place import Slot, kept_in
from sync.core.wire import UNREADABLE, length
from sync.drchrono.translate import to_person as drchrono_person
from sync.oncall.translate import to_person as oncall_person
from tests.unit.core.rules.test_plan import NONE, NOW, OPEN, drchrono, news, oncall, plan

EASTERN = "US/Eastern"


# --- when -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "cause"),
    [
        (drchrono(starts=ABSENT), NONE, "zone_unknown"),
        (drchrono(starts=ABSENT, zone=EASTERN), NONE, "no_time"),
        (drchrono(starts=ABSENT, provider=ABSENT), NONE, "no_time"),
        (NONE, oncall(starts=ABSENT), "no_time"),
    ],
)
def test_a_visit_without_a_known_time_waits_and_is_told(left, right, cause):
    found = plan(left, right)
    assert (found.asks, found.closed, found.effects) == ((cause,), False, ())


def test_what_is_over_needs_no_time():
    found = plan(drchrono(starts=ABSENT, state=State(Life.CANCELLED)), NONE)
    assert (found.closed, found.asks) == (True, ())


def test_a_linked_visit_goes_on_while_its_time_is_not_known():
    left = drchrono(**news(starts=ABSENT, minutes=45))
    found = plan(left, oncall())
    assert found.effects == (Patch("oncall", {"minutes": 45}),)
    assert found.asks == ("zone_unknown",)
    settled = plan(drchrono(starts=ABSENT), oncall())
    assert (settled.asks, settled.effects) == ((), ())


def test_an_end_is_carried_whatever_the_time():
    left = drchrono({"state": Seen.CHANGED}, starts=ABSENT, state=State(Life.CANCELLED))
    assert plan(left, oncall()).effects == (Patch("oncall", {"state": Life.CANCELLED}, "cancel"),)


def test_a_reopened_visit_of_unknown_time_is_not_past():
    left = drchrono({"state": Seen.CHANGED}, starts=ABSENT, state=OPEN)
    found = plan(left, oncall(state=State(Life.CANCELLED)))
    assert found.effects == (NextGeneration(cancel_old=False),)


@pytest.mark.parametrize("away", [timedelta(days=-400), timedelta(days=1500)])
def test_a_slip_of_the_keys_moves_no_linked_visit(away):
    left = drchrono(**news(starts=NOW + away))
    found = plan(left, oncall())
    assert (found.effects, found.asks) == ((), ("time_implausible",))
    right = oncall(**news(starts=NOW + away))
    assert plan(drchrono(zone=EASTERN), right).asks == ("time_implausible",)


# --- how long -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "minutes"),
    [
        *((minutes, minutes) for minutes in (1, 30, 1440)),
        *((none, ABSENT) for none in (0, -30, 1441, None, True, "soon", [30], ABSENT, 10**40)),
    ],
)
def test_a_length_is_of_some_minutes_up_to_a_day(sent, minutes):
    assert plausible.minutes(sent) == minutes


@pytest.mark.parametrize(
    ("sent", "wire"),
    [
        *((30, 30), ("30", 30), (30.0, 30), (None, None), (0, 0)),
        *((odd, UNREADABLE) for odd in ("Jane", [], 30.5, "9" * 5000, 10**12)),
    ],
)
def test_a_length_that_cannot_be_read_keeps_nothing_else_from_being_read(sent, wire):
    assert length({"duration": sent}, "duration") == wire
    assert length({}, "duration") is ABSENT


def test_a_visit_that_names_no_length_has_its_profiles():
    assert plan(drchrono(minutes=ABSENT, profile_minutes=45), NONE).effects == (CreateOncall(),)
    assert plausible.length(replace(drchrono().visit, minutes=ABSENT, profile_minutes=45)) == 45
    assert plausible.length(replace(drchrono().visit, profile_minutes=45)) == 30


@pytest.mark.parametrize(
    ("left", "right"), [(drchrono(minutes=ABSENT), NONE), (NONE, oncall(minutes=ABSENT))]
)
def test_without_any_length_nothing_is_made(left, right):
    found = plan(left, right)
    assert (found.effects, found.asks, found.closed) == ((), ("no_length",), False)


@pytest.mark.parametrize("profile", [ABSENT, 45])
def test_a_length_that_is_taken_away_moves_nothing(profile):
    gone = drchrono({"minutes": Seen.CHANGED}, minutes=ABSENT, profile_minutes=profile)
    assert (plan(gone, oncall()).effects, plan(gone, oncall()).asks) == ((), ("no_length",))
    there = oncall({"minutes": Seen.CHANGED}, minutes=ABSENT)
    assert (plan(drchrono(), there).effects, plan(drchrono(), there).asks) == ((), ("no_length",))
    back = drchrono({"minutes": Seen.CHANGED}, minutes=20)
    assert plan(back, oncall()).effects == (Patch("oncall", {"minutes": 20}),)


def test_a_length_left_to_the_profile_settles():
    left = drchrono({"minutes": Seen.NEW}, minutes=ABSENT, profile_minutes=30)
    found = plan(left, oncall())
    assert (found.asks, ("drchrono", "minutes") in found.adopt) == ((), True)


def test_a_booked_oncall_visit_with_its_length_is_made():
    assert plan(NONE, oncall(minutes=20)).effects == (CreateAppointment(),)


# --- who ------------------------------------------------------------------------------------------

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("born", "carried"),
    [
        (date(1984, 5, 6), date(1984, 5, 6)),
        (date(2026, 11, 22), date(2026, 11, 22)),
        (None, None),
        (ABSENT, ABSENT),
        (date(2062, 1, 1), ABSENT),
        (date(1084, 5, 6), ABSENT),
        (date(1879, 12, 31), ABSENT),
        (date(1880, 1, 1), date(1880, 1, 1)),
        (date(2026, 11, 24), ABSENT),
    ],
)
def test_a_birth_date_that_cannot_be_is_left_out_and_named(born, carried):
    who = Person("drchrono", "1", "patient", first_name="Vera", birth_date=born)
    found = plausible.sure(who, TODAY)
    assert found == replace(who, birth_date=carried)
    assert found.odd == (("birth_date",) if carried != born else ())


@pytest.mark.parametrize(
    ("sent", "born", "odd"),
    [
        ("1084-05-06", ABSENT, ("birth_date",)),
        ("0001-01-01", ABSENT, ("birth_date",)),
        ("1984-05-06", date(1984, 5, 6), ()),
        # Not read for sure, or not said at all: nothing that can't be.
        ("05/06/1084", ABSENT, ()),
        ("in spring", ABSENT, ()),
        ("0000-00-00", ABSENT, ()),
        ("", None, ()),
    ],
)
def test_a_date_before_anybody_lived_is_named_in_both_systems(sent, born, odd):
    for read in (drchrono_person, oncall_person):
        found = read({"id": 1, "date_of_birth": sent})
        assert (found.birth_date, found.odd) == (born, odd)
        assert plausible.sure(found, TODAY).odd == odd


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("王", True),
        ("Wolfeschlegelsteinhausenbergerdorff", True),
        ("é" * 250, True),
        ("e" * 251, False),
        ("Anna " * 2000, False),
    ],
)
def test_a_name_has_no_more_than_250_characters(name, fits):
    chart = Person("drchrono", "1", "patient", "Vera", name, "vera@mail.example")
    assert (inviting.refusal(chart) == "") is fits
    assert (inviting.missing(replace(chart, system="oncall")) == ()) is fits
    assert (inviting.missing(chart, decided=True) == ()) is fits
    assert inviting.may_go_into_chart("last_name", name) is fits


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        ("a" * 64 + "@mail.example", True),
        ("a@" + ".".join(["b" * 60] * 4) + ".example", True),
        ("a" * 20 + "@" + ".".join(["b" * 60] * 4) + ".example", False),
    ],
)
def test_an_address_is_no_longer_than_mail_allows(address, fits):
    """RFC 3696, erratum 1690: 254 octets in all."""
    chart = Person("drchrono", "1", "patient", "Vera", "Lindqvist", address)
    assert inviting.refusal(chart) == ("" if fits else inviting.UNCLEAR_EMAIL)


@pytest.mark.parametrize("typed", ["+999 1234567890123456", "1" * 40, "212 555 01477", "2" * 10])
def test_a_phone_is_of_a_length_that_its_country_has(typed):
    assert readings.phone(typed) is ABSENT


# --- where a group stands -------------------------------------------------------------------------

SLOT = Slot("201", "301", NOW, 30)


@pytest.mark.parametrize(
    ("changes", "kept", "told"),
    [
        ({}, {}, set()),
        ({"starts": NOW + timedelta(days=3)}, {"starts": NOW + timedelta(days=3)}, set()),
        ({"starts": NOW.replace(year=2126)}, {}, {"time_implausible"}),
        ({"minutes": ABSENT}, {}, {"no_length"}),
        ({"starts": ABSENT}, {"starts": ABSENT}, set()),
        (
            {"starts": NOW.replace(year=1926), "minutes": ABSENT},
            {},
            {"time_implausible", "no_length"},
        ),
    ],
)
def test_a_member_stays_in_its_slot_where_its_own_place_can_be_none(changes, kept, told):
    stands = Visit("drchrono", "1", starts=NOW, minutes=30)
    found, causes = kept_in(SLOT, replace(stands, **changes), NOW)
    assert (found, causes) == (replace(stands, **kept), told)


def test_an_old_slot_is_no_slip():
    old = replace(SLOT, starts=NOW - timedelta(days=900))
    stands = Visit("drchrono", "1", starts=old.starts, minutes=30)
    assert kept_in(old, stands, NOW) == (stands, frozenset())


def test_a_start_is_plausible_around_now():
    at = datetime(2026, 11, 22, tzinfo=UTC)
    assert plausible.starts(at - timedelta(days=300), at)
    assert not plausible.starts(datetime(1, 1, 1, tzinfo=UTC), at)
