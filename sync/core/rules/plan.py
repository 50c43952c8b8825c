"""Decide what is to be done about one visit: from both sides, their history and the policy.

`plan_visit` is pure: it looks at life and death first, then at each field. It names effects and
does nothing. The dry run (`plan`) and the worker's run call this same function (R13). A visit has
attendances: what holds for one of them is here, what holds for several is in `several`.

R… are rules of docs/rules.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sync.core.records import ABSENT, Absent, Life, State, Visit
from sync.core.rules import plausible
from sync.core.rules.effects import CreateAppointment, CreateOncall, NextGeneration, Patch
from sync.core.rules.fates import Fate, Lived, lives
from sync.core.rules.fields import plan_fields
from sync.core.rules.lifecycle import Turn, terminal
from sync.core.rules.merge import Seen
from sync.core.rules.policy import Policy
from sync.core.rules.several import ending, plan_several
from sync.core.rules.views import Plan, Presence, SideView, VisitView


def plan_visit(view: VisitView, policy: Policy, now: datetime) -> Plan:
    """The plan for a visit of one generation."""
    return plan_several(view, policy, now) if view.slot is not None else _one(view, policy, now)


def _one(view: VisitView, policy: Policy, now: datetime) -> Plan:
    drchrono, oncall = view.drchrono, view.oncall
    here = (drchrono.presence is not Presence.NONE, oncall.presence is not Presence.NONE)
    if Presence.MAKING in (drchrono.presence, oncall.presence):
        return Plan(why=("a create is unresolved",))
    if here == (False, False):
        return Plan(closed=True, skipped="nothing", why=("neither side has it",))
    if here == (True, False):
        if not view.in_scope:
            return Plan(skipped="out_of_scope", why=("its doctor or office is not mapped",))
        allowed = policy.to_oncall
        return _make(drchrono, CreateOncall(), allowed, policy, now, creating=view.creating)
    if here == (False, True):
        allowed = policy.to_drchrono
        return _make(oncall, CreateAppointment(), allowed, policy, now, creating=view.creating)
    return replace(_both(view, policy, now), notes=oncall.notes)


# --- only one side is there -----------------------------------------------------------------------


def _make(
    source: SideView,
    effect: CreateOncall | CreateAppointment,
    allowed: bool,
    policy: Policy,
    now: datetime,
    *,
    creating: bool,
) -> Plan:
    visit, state = source.visit, source.state
    if source.presence is Presence.GONE or visit is None:
        return Plan(closed=True, skipped="gone", why=("it is gone and was never made elsewhere",))
    reason = _out_of_scope(visit)
    if reason:
        return Plan(skipped=reason, why=(reason,))
    if isinstance(state, State) and (terminal(state) or state.life is Life.RESCHEDULED):
        return Plan(closed=True, skipped="finished", why=(f"it is {state.life}",))
    starts = visit.starts
    if isinstance(starts, Absent) or isinstance(visit.type, Absent):
        cause = plausible.no_time(visit) if isinstance(starts, Absent) else plausible.UNKNOWN_TYPE
        return Plan(asks=(cause,), why=("when it begins, or of which type it is, is not known",))
    if starts < now:
        return Plan(closed=True, skipped="past", why=("past visits are never made",))
    window = min(policy.window, policy.occurrences) if visit.virtual else policy.window
    if starts > now + window:
        until = starts - window
        return Plan(wait_until=until, skipped="far", why=("it waits for the window",))
    if not allowed:
        return Plan(skipped="direction", why=("this direction is switched off",))
    if not creating:
        return Plan(asks=("not_accepted",), why=("both systems are not matched yet",))
    if isinstance(plausible.length(visit), Absent):
        return Plan(asks=("no_length",), why=("how long it is is not known",))
    return Plan(effects=(effect,), why=("the other side has none",))


def _out_of_scope(visit: Visit) -> str:
    if visit.is_break or visit.virtual_base:
        return "not_a_visit"
    if visit.type is None:
        return "type_skipped"
    if visit.system == "drchrono" and not visit.patient:
        return "no_patient"
    return ""


def _left_scope(visit: Visit) -> bool:
    """Whether an open appointment is no visit any more: its type is not synced, nobody attends."""
    nobody = not isinstance(visit.patient, Absent) and not visit.patient
    return visit.type is None or visit.is_break or nobody


# --- both are there -------------------------------------------------------------------------------


def _both(view: VisitView, policy: Policy, now: datetime) -> Plan:
    drchrono, oncall = view.drchrono, view.oncall
    starts = drchrono.visit.starts if drchrono.visit else ABSENT
    past = not isinstance(starts, Absent) and starts < now
    lived = lives(
        drchrono.state, drchrono.state_seen, oncall.state, oncall.state_seen, policy, past=past
    )
    why = (lived.why,)
    match lived.fate:
        case Fate.STAYS if _is_rescheduled(drchrono):
            return _rescheduled(drchrono, policy, now, view.hold_until, why)
        case Fate.STAYS:
            return _open(view, policy, now, why)
        case Fate.ASK:
            return Plan(asks=(lived.ask,), why=why)
        case Fate.HELD:
            return Plan(held=("state",), why=why)
        case Fate.REVIVED:
            return Plan(effects=(NextGeneration(cancel_old=False),), why=why)
        case Fate.ENDS | Fate.NOTED:
            return _end_oncall(lived.life, policy, why)
        case Fate.ENDED:
            return _end_drchrono(drchrono, lived.life, why)
        case _:
            return _over(lived, why)


def _over(lived: Lived, why: tuple[str, ...]) -> Plan:
    """Move the baselines of what is over on both sides, or for good on one."""
    if lived.turn is Turn.REOPENED:
        return Plan(closed=True, adopt=(("drchrono", "state"),), why=(*why, "it is past"))
    both = (("drchrono", "state"), ("oncall", "state"))
    return Plan(
        adopt=() if lived.turn is Turn.NOTHING else both,
        conflicts=(("oncall", "state"),) if lived.turn is Turn.RECORD else (),
        closed=True,
        why=why,
    )


def _close_left(policy: Policy, why: tuple[str, ...]) -> Plan:
    """An open visit whose profile, doctor or office is not synced any more.

    Cancelled as a generation: should the appointment come back into scope, it is a new visit. What
    took it out is settled, so that coming back is seen as a change.
    """
    why = (*why, "it is not synced any more")
    if policy.left_scope == "ask":
        return Plan(asks=("left_scope",), why=why)
    if not policy.to_oncall:
        return Plan(held=("state",), why=why)
    adopt = (("drchrono", "type"), ("drchrono", "provider"), ("drchrono", "starts"))
    return Plan(effects=(NextGeneration(cancel_old=True),), adopt=adopt, why=why)


def _is_rescheduled(drchrono: SideView) -> bool:
    state = drchrono.state
    return isinstance(state, State) and state.life is Life.RESCHEDULED


def _rescheduled(
    drchrono: SideView,
    policy: Policy,
    now: datetime,
    hold_until: datetime | None,
    why: tuple[str, ...],
) -> Plan:
    """Wait a grace for the appointment cloned from it; without one, cancel it."""
    starts = drchrono.visit.starts if drchrono.visit else ABSENT
    imminent = not isinstance(starts, Absent) and starts <= now + policy.imminent
    if not imminent and (hold_until is None or hold_until > now):
        until = hold_until or now + policy.grace
        return Plan(wait_until=until, skipped="awaits_successor", why=(*why, "rescheduled"))
    if not policy.to_oncall:
        return Plan(held=("state",), why=why)
    effect = Patch("oncall", {"state": Life.CANCELLED}, "cancel")
    return Plan(effects=(effect,), closed=True, why=(*why, "rescheduled without a successor"))


def _end_oncall(life: Life | None, policy: Policy, why: tuple[str, ...]) -> Plan:
    carried = life in {Life.CANCELLED, Life.DELETED} or policy.fees
    if not carried:
        # Completing and no-showing can charge the patient in OnCall.
        why = (*why, "fee-bearing writes are off: noted only")
        return Plan(adopt=(("drchrono", "state"),), closed=True, why=why)
    effect = Patch("oncall", {"state": life}, ending(life))
    return Plan(effects=(effect,), closed=True, why=why)


def _end_drchrono(drchrono: SideView, life: Life | None, why: tuple[str, ...]) -> Plan:
    if drchrono.presence is Presence.GONE:
        return Plan(adopt=(("oncall", "state"),), closed=True, why=why)
    effect = Patch("drchrono", {"state": life}, ending(life))
    return Plan(effects=(effect,), closed=True, why=why)


def _open(view: VisitView, policy: Policy, now: datetime, why: tuple[str, ...]) -> Plan:
    drchrono = view.drchrono
    if drchrono.visit is not None and (_left_scope(drchrono.visit) or not view.in_scope):
        return _close_left(policy, why)
    if drchrono.visit is not None and drchrono.side("patient").seen is Seen.CHANGED:
        why = (*why, "another patient has the slot")
        if not policy.to_oncall:
            return Plan(held=("patient",), why=why)
        return Plan(effects=(NextGeneration(cancel_old=True),), why=why)
    return plan_fields(drchrono, view.oncall, policy, now, why)
