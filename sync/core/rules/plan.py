"""What is to be done about one visit: a pure function of both sides, their history and the policy.

`plan_visit` looks at life and death first, then at each field. It names effects; it does nothing.
`plan` (the dry run) and the worker's run are this same function.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

from sync.core.records import ABSENT, Absent, Life, Maybe, State, Visit
from sync.core.rules import plausible
from sync.core.rules.effects import (
    CreateAppointment,
    CreateOncall,
    Effect,
    Mark,
    NextGeneration,
    Patch,
)
from sync.core.rules.lifecycle import Turn, decide, is_noted, terminal
from sync.core.rules.merge import Action, Merged, Seen, Side, Which, merge

FIELDS: Final = ("starts", "minutes", "type", "provider")
# The cause for baselines under a digest key that we don't have.
UNREADABLE: Final = "baseline_unreadable"


class Presence(StrEnum):
    """Whether a side's object is there."""

    NONE = "none"  # never made, as far as this generation goes
    MAKING = "making"  # a create of ours is under way or its outcome is unknown
    LIVE = "live"
    GONE = "gone"


@dataclass(frozen=True)
class SideView:
    """One side as read now. `visit` is None when it is not there or was not read."""

    presence: Presence = Presence.NONE
    visit: Visit | None = None
    seen: Mapping[str, Seen] = field(default_factory=dict)
    marked: bool = False

    def side(self, name: str) -> Side:
        """One field of it for the merge."""
        if self.visit is None:
            return Side(Seen.ABSENT)
        value = getattr(self.visit, name)
        if isinstance(value, Absent):
            return Side(Seen.ABSENT)
        return Side(self.seen.get(name, Seen.NEW), value)

    @property
    def state(self) -> Maybe[State]:
        """Its state; a deleted object is DELETED whatever it said before."""
        if self.presence is Presence.GONE:
            return State(Life.DELETED)
        return ABSENT if self.visit is None else self.visit.state


@dataclass(frozen=True)
class Policy:
    """What the clinic decided, as far as a visit's plan asks for it."""

    record: Which = "left"
    new: Literal["record", "ask"] = "ask"
    to_drchrono: bool = True
    to_oncall: bool = True
    fees: bool = False
    window: timedelta = timedelta(days=180)
    occurrences: timedelta = timedelta(days=60)
    reopened: Literal["new_visit", "ask"] = "new_visit"
    left_scope: Literal["cancel", "ask"] = "ask"
    grace: timedelta = timedelta(minutes=10)
    imminent: timedelta = timedelta(hours=2)


@dataclass(frozen=True)
class Plan:
    """Effects in order, and what follows without any call.

    `adopt` are (system, field) whose baselines move; `conflicts` are (losing system, field) whose
    edit is overwritten; `asks` are causes for an operator, `notes` are told and block nothing;
    `held` fields wait for a direction to be allowed; `wait_until` is when the visit enters the
    window; `closed` ends its work; `skipped` says why nothing is to be made; `why` tells the
    reasoning, one line each, without values.
    """

    effects: tuple[Effect, ...] = ()
    adopt: tuple[tuple[str, str], ...] = ()
    conflicts: tuple[tuple[str, str], ...] = ()
    asks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    wait_until: datetime | None = None
    closed: bool = False
    skipped: str = ""
    why: tuple[str, ...] = ()


def plan_visit(
    drchrono: SideView,
    oncall: SideView,
    policy: Policy,
    now: datetime,
    *,
    creating: bool = True,
    in_scope: bool = True,
    hold_until: datetime | None = None,
) -> Plan:
    """The plan for one 1:1 visit of one generation.

    `in_scope` is False when the mapping names the appointment's doctor or office no more.
    `creating` is False until the first matching of both systems is complete: nothing is made.
    `hold_until` is how long an earlier plan said to wait (for the window, for a successor).
    """
    here = (drchrono.presence is not Presence.NONE, oncall.presence is not Presence.NONE)
    if Presence.MAKING in (drchrono.presence, oncall.presence):
        return Plan(why=("a create is unresolved",))
    if here == (False, False):
        return Plan(closed=True, skipped="nothing", why=("neither side has it",))
    if here == (True, False):
        if not in_scope:
            return Plan(skipped="out_of_scope", why=("its doctor or office is not mapped",))
        return _make(drchrono, CreateOncall(), policy.to_oncall, policy, now, creating=creating)
    if here == (False, True):
        allowed = policy.to_drchrono
        return _make(oncall, CreateAppointment(), allowed, policy, now, creating=creating)
    found = _both(drchrono, oncall, policy, now, hold_until, in_scope=in_scope)
    return replace(found, notes=_notes(oncall))


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


def _both(
    drchrono: SideView,
    oncall: SideView,
    policy: Policy,
    now: datetime,
    hold_until: datetime | None,
    *,
    in_scope: bool,
) -> Plan:
    decision = decide(
        drchrono.state,
        _state_seen(drchrono),
        oncall.state,
        _state_seen(oncall),
        record=policy.record,
        new=policy.new,
        to_left=policy.to_drchrono,
        to_right=policy.to_oncall,
    )
    why = (f"life: {decision.turn} ({decision.why})",)
    both = (("drchrono", "state"), ("oncall", "state"))
    if decision.turn is Turn.OPEN and _is_rescheduled(drchrono):
        return _rescheduled(drchrono, policy, now, hold_until, why)
    match decision.turn:
        case Turn.OPEN:
            return _open(drchrono, oncall, policy, now, why, in_scope=in_scope)
        case Turn.NOTHING:
            return Plan(closed=True, why=why)
        case Turn.ADOPT:
            return Plan(adopt=both, closed=True, why=why)
        case Turn.RECORD:
            return Plan(adopt=both, conflicts=(("oncall", "state"),), closed=True, why=why)
        case Turn.HELD | Turn.ASK | Turn.UNREADABLE:
            asked = {Turn.ASK: ("state_differs",), Turn.UNREADABLE: (UNREADABLE,)}
            held = () if decision.turn in asked else ("state",)
            return Plan(held=held, asks=asked.get(decision.turn, ()), why=why)
        case Turn.REOPENED:
            return _reopened(drchrono, policy, now, why)
        case Turn.TO_RIGHT:
            return _end_oncall(decision.life, policy, why)
        case Turn.TO_LEFT:
            return _end_drchrono(drchrono, decision.life, why)


def _notes(oncall: SideView) -> tuple[str, ...]:
    """Charge failed and Fee waived are told when they are news: they end nothing."""
    news = _state_seen(oncall) in {Seen.CHANGED, Seen.NEW}
    told = isinstance(oncall.state, State) and is_noted(oncall.state)
    return ("noted",) if news and told else ()


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


def _state_seen(view: SideView) -> Seen:
    if view.presence is Presence.GONE:
        return view.seen.get("state", Seen.CHANGED)
    return view.side("state").seen


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
    """It waits a grace for the appointment cloned from it; without one it is cancelled."""
    starts = drchrono.visit.starts if drchrono.visit else ABSENT
    imminent = not isinstance(starts, Absent) and starts <= now + policy.imminent
    if not imminent and (hold_until is None or hold_until > now):
        until = hold_until or now + policy.grace
        return Plan(wait_until=until, skipped="awaits_successor", why=(*why, "rescheduled"))
    if not policy.to_oncall:
        return Plan(held=("state",), why=why)
    effect = Patch("oncall", {"state": Life.CANCELLED}, "cancel")
    return Plan(effects=(effect,), closed=True, why=(*why, "rescheduled without a successor"))


def _reopened(drchrono: SideView, policy: Policy, now: datetime, why: tuple[str, ...]) -> Plan:
    if policy.record == "right" or policy.reopened == "ask":
        return Plan(asks=("reopened",), why=why)
    if not policy.to_oncall:
        return Plan(held=("state",), why=why)
    starts = drchrono.visit.starts if drchrono.visit else ABSENT
    if not isinstance(starts, Absent) and starts < now:
        return Plan(closed=True, adopt=(("drchrono", "state"),), why=(*why, "it is past"))
    return Plan(effects=(NextGeneration(cancel_old=False),), why=why)


def _end_oncall(life: Life | None, policy: Policy, why: tuple[str, ...]) -> Plan:
    carried = life in {Life.CANCELLED, Life.DELETED} or policy.fees
    if not carried:
        # Completing and no-showing can charge the patient in OnCall.
        why = (*why, "fee-bearing writes are off: noted only")
        return Plan(adopt=(("drchrono", "state"),), closed=True, why=why)
    effect = Patch("oncall", {"state": life}, _ending(life))
    return Plan(effects=(effect,), closed=True, why=why)


def _ending(life: Life | None) -> str:
    """What the brake is told: completing and no-showing are no cancellations."""
    return "cancel" if life in {Life.CANCELLED, Life.DELETED} else "update"


def _end_drchrono(drchrono: SideView, life: Life | None, why: tuple[str, ...]) -> Plan:
    if drchrono.presence is Presence.GONE:
        return Plan(adopt=(("oncall", "state"),), closed=True, why=why)
    effect = Patch("drchrono", {"state": life}, _ending(life))
    return Plan(effects=(effect,), closed=True, why=why)


def _open(
    drchrono: SideView,
    oncall: SideView,
    policy: Policy,
    now: datetime,
    why: tuple[str, ...],
    *,
    in_scope: bool,
) -> Plan:
    if drchrono.visit is not None and (_left_scope(drchrono.visit) or not in_scope):
        return _close_left(policy, why)
    if drchrono.visit is not None and drchrono.side("patient").seen is Seen.CHANGED:
        why = (*why, "another patient has the slot")
        if not policy.to_oncall:
            return Plan(held=("patient",), why=why)
        return Plan(effects=(NextGeneration(cancel_old=True),), why=why)
    odd = plausible.odd_visit(drchrono.visit, drchrono.seen, now)
    odd |= plausible.odd_visit(oncall.visit, oncall.seen, now)
    fields = [name for name in FIELDS if odd.get(name) not in plausible.NO_VALUE]
    merged = {name: _field(name, drchrono, oncall, policy) for name in fields}
    if drchrono.side("patient").seen is Seen.UNKNOWN or any(
        _is(one, "UNREADABLE") for one in merged.values()
    ):
        # One unreadable field stops the others too: a PATCH would settle half of a visit.
        return Plan(asks=(UNREADABLE,), why=(*why, "a baseline can't be read"))
    to_right = {name: _value(drchrono, name) for name, m in merged.items() if _is(m, "TO_RIGHT")}
    to_left = {name: _value(oncall, name) for name, m in merged.items() if _is(m, "TO_LEFT")}
    if "provider" in to_left and "starts" not in to_left:
        # The wall clock is the new doctor's: the same instant is written in their zone.
        to_left["starts"] = _value(drchrono, "starts")
    adopt = [(system, name) for name, m in merged.items() if _is(m, "ADOPT") for system in SYSTEMS]
    if plausible.left_to_profile(drchrono.visit, drchrono.seen):
        adopt.append(("drchrono", "minutes"))
    adopt += [(system, "state") for system in SYSTEMS] + [("drchrono", "patient")]
    effects: list[Effect] = []
    if to_right:
        effects.append(Patch("oncall", to_right))
    if to_left:
        effects.append(Patch("drchrono", to_left))
    effects += [
        Mark(view.visit.system)
        for view, allowed in ((oncall, policy.to_oncall), (drchrono, policy.to_drchrono))
        if view.visit is not None and not view.marked and allowed
    ]
    return Plan(
        effects=tuple(effects),
        adopt=tuple(adopt),
        conflicts=tuple(
            ("oncall" if m.action is Action.TO_RIGHT else "drchrono", name)
            for name, m in merged.items()
            if m.conflict
        ),
        asks=(
            *dict.fromkeys(odd.values()),
            *(f"{name}_differs" for name, m in merged.items() if _is(m, "ASK")),
        ),
        held=tuple(name for name, m in merged.items() if _is(m, "HELD")),
        why=(*why, *(f"{name}: {m.action} ({m.why})" for name, m in merged.items())),
    )


SYSTEMS: Final = ("drchrono", "oncall")


def _is(merged: Merged, action: str) -> bool:
    return merged.action is Action[action]


def _field(name: str, drchrono: SideView, oncall: SideView, policy: Policy) -> Merged:
    left, right = drchrono.side(name), oncall.side(name)
    if name == "provider" and right.seen is Seen.ABSENT and left.seen is Seen.NEW:
        # OnCall does not tell its provider: a match was made by it, there is nothing to write.
        return Merged(Action.ADOPT, why="untold")
    return merge(
        left,
        right,
        record=policy.record,
        new=policy.new,
        to_left=policy.to_drchrono,
        to_right=policy.to_oncall,
    )


def _value(view: SideView, name: str) -> object:
    return getattr(view.visit, name)
