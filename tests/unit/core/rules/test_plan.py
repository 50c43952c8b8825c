"""Plan one visit: rows typed in from docs/rules.md (R7 to R10, R30)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sync.core.records import ABSENT, Life, State, Visit, VisitType
from sync.core.rules.effects import CreateAppointment, CreateOncall, Mark, NextGeneration, Patch
from sync.core.rules.merge import Seen
from sync.core.rules.plan import plan_visit
from sync.core.rules.policy import Policy
from sync.core.rules.views import Plan, Presence, SideView, VisitView

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TEN, ELEVEN, NOON = (NOW + DAY + timedelta(hours=hour) for hour in (0, 1, 2))
OPEN = State(Life.OPEN)
FIELDS = ("starts", "minutes", "type", "provider", "state")

APPOINTMENT = Visit(
    "drchrono", "5", starts=TEN, minutes=30, type=VisitType.ONLINE, provider="9", office="2",
    state=OPEN, patient="77",
)  # fmt: skip
ONCALL_VISIT = Visit(
    "oncall", "7", starts=TEN, minutes=30, type=VisitType.ONLINE, provider="9", state=OPEN
)
NONE = SideView()
GONE = SideView(Presence.GONE)
BOTH_WAYS = Policy()


def drchrono(seen=None, *, has_marker=True, presence=Presence.LIVE, **values):
    """DrChrono's side: settled, but for the fields in `seen`."""
    settled = dict.fromkeys((*FIELDS, "patient"), Seen.SAME)
    visit = replace(APPOINTMENT, **values)
    return SideView(presence, visit, settled | (seen or {}), has_marker)


def oncall(seen=None, *, has_marker=True, presence=Presence.LIVE, **values):
    settled = dict.fromkeys(FIELDS, Seen.SAME)
    visit = replace(ONCALL_VISIT, **values)
    return SideView(presence, visit, settled | (seen or {}), has_marker)


def news(**values):
    """A side's fields as changed: what it shows, and that it was an edit."""
    return {**values, "seen": dict.fromkeys(values, Seen.CHANGED)}


def plan(left, right, policy=BOTH_WAYS, **how):
    return plan_visit(VisitView(left, right, **how), policy, NOW)


def does_nothing(found):
    return not (found.effects or found.conflicts or found.asks or found.held)


# --- one side only --------------------------------------------------------------------------------


def test_a_booked_appointment_gets_its_oncall_visit():
    assert plan(drchrono(), NONE).effects == (CreateOncall(),)


def test_a_booked_oncall_visit_gets_its_appointment():
    assert plan(NONE, oncall()).effects == (CreateAppointment(),)


@pytest.mark.parametrize(
    ("starts", "made", "skipped", "wait_until"),
    [
        (NOW - timedelta(seconds=1), False, "past", None),
        (NOW, True, "", None),
        (NOW + 180 * DAY, True, "", None),
        (NOW + 181 * DAY, False, "far", NOW + DAY),
    ],
)
@pytest.mark.parametrize("system", ["drchrono", "oncall"])
def test_visits_are_made_from_now_to_180_days_ahead(system, starts, made, skipped, wait_until):
    sides = (
        (drchrono(starts=starts), NONE) if system == "drchrono" else (NONE, oncall(starts=starts))
    )
    found = plan(*sides)
    assert (bool(found.effects), found.skipped) == (made, skipped)
    assert found.wait_until == wait_until


@pytest.mark.parametrize(
    ("left", "skipped"),
    [
        (drchrono(type=None), "type_skipped"),
        (drchrono(is_break=True), "not_a_visit"),
        (drchrono(virtual_base=True), "not_a_visit"),
        (drchrono(patient=None), "no_patient"),
        (drchrono(patient=ABSENT), "no_patient"),
    ],
)
def test_what_is_out_of_scope_is_not_made(left, skipped):
    found = plan(left, NONE)
    assert (found.effects, found.skipped) == ((), skipped)


@pytest.mark.parametrize(
    "life", [Life.CANCELLED, Life.NO_SHOW, Life.COMPLETE, Life.RESCHEDULED, Life.DELETED]
)
@pytest.mark.parametrize("system", ["drchrono", "oncall"])
def test_what_is_over_is_not_made(system, life):
    state = State(life)
    sides = (drchrono(state=state), NONE) if system == "drchrono" else (NONE, oncall(state=state))
    found = plan(*sides)
    assert (found.effects, found.skipped, found.closed) == ((), "finished", True)


@pytest.mark.parametrize(
    ("left", "right", "policy"),
    [
        (drchrono(), NONE, Policy(to_oncall=False)),
        (NONE, oncall(), Policy(to_drchrono=False)),
    ],
)
def test_a_direction_that_is_switched_off_makes_nothing(left, right, policy):
    found = plan(left, right, policy)
    assert (found.effects, found.skipped, found.closed) == ((), "direction", False)


@pytest.mark.parametrize("sides", [(drchrono(), NONE), (NONE, oncall())])
def test_nothing_is_made_before_both_systems_are_matched(sides):
    found = plan(*sides, creating=False)
    assert (found.effects, found.asks) == ((), ("not_accepted",))


@pytest.mark.parametrize("sides", [(GONE, NONE), (NONE, GONE), (NONE, NONE)])
def test_what_is_gone_or_nowhere_is_closed(sides):
    found = plan(*sides)
    assert found.effects == ()
    assert found.closed


@pytest.mark.parametrize(
    "sides",
    [
        (drchrono(), SideView(Presence.MAKING)),
        (SideView(Presence.MAKING), oncall()),
        (drchrono(**news(starts=ELEVEN)), SideView(Presence.MAKING)),
    ],
)
def test_while_a_create_is_unresolved_nothing_is_done(sides):
    found = plan(*sides)
    assert does_nothing(found)
    assert not found.closed


# --- fields ---------------------------------------------------------------------------------------


def test_no_change_no_write():
    found = plan(drchrono(), oncall())
    assert does_nothing(found)
    assert not found.closed


@pytest.mark.parametrize(
    ("field", "value"),
    [("starts", ELEVEN), ("minutes", 45), ("type", VisitType.PHONE), ("provider", "10")],
)
def test_a_change_in_drchrono_is_carried_and_only_that(field, value):
    found = plan(drchrono(**news(**{field: value})), oncall())
    assert found.effects == (Patch("oncall", {field: value}),)
    assert found.conflicts == ()


@pytest.mark.parametrize(
    ("field", "value"), [("starts", ELEVEN), ("minutes", 45), ("type", VisitType.PHONE)]
)
def test_a_change_in_oncall_is_carried_and_only_that(field, value):
    found = plan(drchrono(), oncall(**news(**{field: value})))
    assert found.effects == (Patch("drchrono", {field: value}),)
    assert found.conflicts == ()


def test_a_new_provider_in_oncall_takes_the_same_instant_to_the_new_doctor_s_zone():
    found = plan(drchrono(), oncall(**news(provider="10")))
    assert found.effects == (Patch("drchrono", {"provider": "10", "starts": TEN}),)


def test_several_changes_are_one_patch_per_object():
    found = plan(drchrono(**news(starts=ELEVEN, minutes=45)), oncall(**news(type=VisitType.PHONE)))
    assert found.effects == (
        Patch("oncall", {"starts": ELEVEN, "minutes": 45}),
        Patch("drchrono", {"type": VisitType.PHONE}),
    )


@pytest.mark.parametrize(
    ("record", "effect", "loser"),
    [
        ("left", Patch("oncall", {"starts": ELEVEN}), "oncall"),
        ("right", Patch("drchrono", {"starts": NOON}), "drchrono"),
    ],
)
def test_when_both_changed_the_system_of_record_wins_and_a_conflict_is_told(record, effect, loser):
    found = plan(
        drchrono(**news(starts=ELEVEN)), oncall(**news(starts=NOON)), Policy(record=record)
    )
    assert found.effects == (effect,)
    assert found.conflicts == ((loser, "starts"),)


def test_both_changed_alike_is_adopted():
    found = plan(drchrono(**news(starts=ELEVEN)), oncall(**news(starts=ELEVEN)))
    assert does_nothing(found)
    assert {("drchrono", "starts"), ("oncall", "starts")} <= set(found.adopt)


def test_our_own_late_write_is_adopted_and_not_written_again():
    # The story's end: OnCall shows 11:00, which is pending, DrChrono says 11:00.
    found = plan(drchrono(**news(starts=ELEVEN)), oncall(starts=ELEVEN, seen={"starts": Seen.OURS}))
    assert does_nothing(found)
    assert {("drchrono", "starts"), ("oncall", "starts")} <= set(found.adopt)


def test_a_field_that_was_not_sent_is_neither_merged_nor_written():
    found = plan(drchrono(), oncall(starts=ABSENT, minutes=ABSENT, type=ABSENT))
    assert does_nothing(found)
    assert not {field for _, field in found.adopt} & {"starts", "minutes", "type"}


@pytest.mark.parametrize(
    ("left", "right", "policy", "held"),
    [
        (drchrono(**news(starts=ELEVEN)), oncall(), Policy(to_oncall=False), ("starts",)),
        (drchrono(), oncall(**news(minutes=45)), Policy(to_drchrono=False), ("minutes",)),
    ],
)
def test_a_one_way_rule_holds_the_change_and_swallows_nothing(left, right, policy, held):
    found = plan(left, right, policy)
    assert (found.effects, found.held) == ((), held)
    assert not {field for _, field in found.adopt} & set(held)


NEW = dict.fromkeys((*FIELDS, "patient"), Seen.NEW)


def test_a_first_match_that_agrees_adopts_everything():
    found = plan(drchrono(NEW), oncall(NEW))
    assert does_nothing(found)
    assert {
        (system, field) for system in ("drchrono", "oncall") for field in FIELDS
    } | {("drchrono", "patient")} == set(found.adopt)  # fmt: skip


def test_a_first_match_that_differs_asks():
    found = plan(drchrono(NEW, minutes=45), oncall(NEW))
    assert (found.effects, found.asks) == ((), ("minutes_differs",))
    assert not {field for _, field in found.adopt} & {"minutes"}


def test_a_first_match_that_differs_takes_the_record_where_that_is_the_policy():
    found = plan(drchrono(NEW, minutes=45), oncall(NEW), Policy(new="record"))
    assert found.effects == (Patch("oncall", {"minutes": 45}),)


# --- the provider that OnCall does not tell -------------------------------------------------------


def test_a_provider_that_oncall_does_not_tell_is_no_difference():
    for seen in (Seen.SAME, Seen.NEW):
        assert does_nothing(plan(drchrono({"provider": seen}), oncall(provider=ABSENT)))


def test_a_match_without_a_told_provider_settles_drchrono_s():
    found = plan(drchrono({"provider": Seen.NEW}), oncall(provider=ABSENT))
    assert ("drchrono", "provider") in found.adopt


def test_a_doctor_changed_in_drchrono_moves_the_visit_though_oncall_tells_none():
    found = plan(drchrono(**news(provider="10")), oncall(provider=ABSENT))
    assert found.effects == (Patch("oncall", {"provider": "10"}),)


# --- markers, patient, scope ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "effects"),
    [
        (True, True, ()),
        (False, True, (Mark("drchrono"),)),
        (True, False, (Mark("oncall"),)),
        (False, False, (Mark("oncall"), Mark("drchrono"))),
    ],
)
def test_a_side_without_our_marker_gets_it(left, right, effects):
    assert plan(drchrono(has_marker=left), oncall(has_marker=right)).effects == effects


def test_the_marker_comes_after_the_change():
    found = plan(drchrono(**news(starts=ELEVEN)), oncall(has_marker=False))
    assert found.effects == (Patch("oncall", {"starts": ELEVEN}), Mark("oncall"))


def test_another_patient_is_another_generation_and_the_old_visit_is_cancelled():
    found = plan(drchrono(**news(patient="78")), oncall())
    assert found.effects == (NextGeneration(cancel_old=True),)


def test_a_visit_that_left_the_scope_is_asked_about_and_not_cancelled():
    found = plan(drchrono(**news(type=None)), oncall())
    assert (found.effects, found.asks) == ((), ("left_scope",))


# --- life: from DrChrono to OnCall ----------------------------------------------------------------


def ended(life, seen=Seen.CHANGED):
    return {"state": State(life), "seen": {"state": seen}}


@pytest.mark.parametrize("life", [Life.CANCELLED, Life.DELETED])
@pytest.mark.parametrize("fees", [True, False])
def test_cancelled_in_drchrono_is_cancelled_in_oncall(life, fees):
    found = plan(drchrono(**ended(life)), oncall(), Policy(fees=fees))
    assert found.effects == (Patch("oncall", {"state": life}, "cancel"),)
    assert found.closed


@pytest.mark.parametrize("life", [Life.NO_SHOW, Life.COMPLETE])
def test_what_may_cost_a_fee_is_written_only_where_that_is_allowed(life):
    noted = plan(drchrono(**ended(life)), oncall())
    assert (noted.effects, noted.closed, noted.adopt) == ((), True, (("drchrono", "state"),))
    carried = plan(drchrono(**ended(life)), oncall(), Policy(fees=True))
    assert [(effect.system, effect.values) for effect in carried.effects] == [
        ("oncall", {"state": life})
    ]
    assert carried.closed


def test_a_deletion_is_a_cancellation():
    found = plan(SideView(Presence.GONE, seen={"state": Seen.CHANGED}), oncall())
    assert found.effects == (Patch("oncall", {"state": Life.DELETED}, "cancel"),)


def test_a_deletion_that_was_carried_before_decides_nothing():
    gone = SideView(Presence.GONE, seen={"state": Seen.SAME})
    found = plan(gone, oncall(**ended(Life.CANCELLED, Seen.SAME)))
    assert found == Plan(closed=True, why=found.why)


# --- life: from OnCall to DrChrono ----------------------------------------------------------------


@pytest.mark.parametrize("life", [Life.CANCELLED, Life.NO_SHOW, Life.COMPLETE])
def test_what_ended_in_oncall_ends_in_drchrono(life):
    found = plan(drchrono(), oncall(**ended(life)))
    assert [(effect.system, effect.values) for effect in found.effects] == [
        ("drchrono", {"state": life})
    ]
    assert found.closed


# --- life and fields ------------------------------------------------------------------------------


def test_a_side_that_became_terminal_decides_before_any_field():
    found = plan(
        drchrono(**news(state=State(Life.CANCELLED), starts=ELEVEN)), oncall(**news(starts=NOON))
    )
    assert found.effects == (Patch("oncall", {"state": Life.CANCELLED}, "cancel"),)
    assert found.conflicts == ()


def test_a_terminal_baseline_decides_nothing_and_a_late_edit_revives_nothing():
    found = plan(
        drchrono(
            starts=ELEVEN,
            state=State(Life.CANCELLED),
            seen={"state": Seen.SAME, "starts": Seen.CHANGED},
        ),
        oncall(**ended(Life.CANCELLED, Seen.SAME)),
    )
    assert (found.effects, found.closed) == ((), True)


def test_over_alike_on_both_is_adopted():
    found = plan(drchrono(**ended(Life.CANCELLED)), oncall(**ended(Life.CANCELLED)))
    assert does_nothing(found)
    assert set(found.adopt) == {("drchrono", "state"), ("oncall", "state")}
    assert found.closed


def test_over_differently_is_recorded_and_nothing_is_written():
    found = plan(drchrono(**ended(Life.CANCELLED)), oncall(**ended(Life.COMPLETE)))
    assert (found.effects, found.conflicts) == ((), (("oncall", "state"),))
    assert found.closed


@pytest.mark.parametrize(
    ("left", "right", "policy"),
    [
        (drchrono(**ended(Life.CANCELLED)), oncall(), Policy(to_oncall=False)),
        (drchrono(), oncall(**ended(Life.CANCELLED)), Policy(to_drchrono=False)),
    ],
)
def test_an_end_waits_for_its_direction_and_is_not_swallowed(left, right, policy):
    found = plan(left, right, policy)
    assert (found.effects, found.held, found.adopt) == ((), ("state",), ())
    assert not found.closed


def test_open_again_in_the_system_of_record_is_a_new_generation():
    reopened = drchrono(**news(state=OPEN))
    found = plan(reopened, oncall(**ended(Life.CANCELLED, Seen.SAME)))
    assert found.effects == (NextGeneration(cancel_old=False),)


def test_open_again_but_past_stays_closed():
    reopened = drchrono(**news(state=OPEN), starts=NOW - DAY)
    found = plan(reopened, oncall(**ended(Life.CANCELLED, Seen.SAME)))
    assert (found.effects, found.closed) == ((), True)


def test_open_again_outside_the_system_of_record_is_recorded_only():
    found = plan(drchrono(**ended(Life.CANCELLED, Seen.SAME)), oncall(**news(state=OPEN)))
    assert (found.effects, found.conflicts) == ((), (("oncall", "state"),))


def test_a_first_match_of_an_ended_and_an_open_visit_asks():
    found = plan(drchrono(NEW, state=State(Life.CANCELLED)), oncall(NEW))
    assert (found.effects, found.asks, found.adopt) == ((), ("state_differs",), ())


# --- found by this table, not yet so --------------------------------------------------------------


@pytest.mark.parametrize("life", [Life.NO_SHOW, Life.COMPLETE])
def test_completing_is_no_cancelling_effect(life):
    to_oncall = plan(drchrono(**ended(life)), oncall(), Policy(fees=True))
    to_drchrono = plan(drchrono(), oncall(**ended(life)))
    assert [e.effect for e in (*to_oncall.effects, *to_drchrono.effects)] == ["update", "update"]


def test_a_rescheduled_appointment_is_not_settled_while_its_successor_is_awaited():
    found = plan(drchrono(**news(state=State(Life.RESCHEDULED))), oncall())
    assert ("drchrono", "state") not in found.adopt


def test_another_patient_writes_nothing_where_oncall_is_not_written_to():
    found = plan(drchrono(**news(patient="78")), oncall(), Policy(to_oncall=False))
    assert found.effects == ()


@pytest.mark.parametrize(
    ("left", "right", "policy"),
    [
        (drchrono(), oncall(has_marker=False), Policy(to_oncall=False)),
        (drchrono(has_marker=False), oncall(), Policy(to_drchrono=False)),
    ],
)
def test_no_marker_is_written_against_the_direction(left, right, policy):
    assert plan(left, right, policy).effects == ()


def test_with_oncall_as_record_a_visit_open_again_there_is_not_made_anew_in_oncall():
    found = plan(
        drchrono(**ended(Life.CANCELLED, Seen.SAME)),
        oncall(**news(state=OPEN)),
        Policy(record="right"),
    )
    assert NextGeneration(cancel_old=False) not in found.effects
