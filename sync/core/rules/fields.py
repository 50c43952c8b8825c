"""Merge the fields of an open visit that both sides have (docs/rules.md, R8)."""

from __future__ import annotations

from datetime import datetime

from sync.core.records import SYSTEMS
from sync.core.rules import plausible
from sync.core.rules.effects import Effect, Mark, Patch
from sync.core.rules.merge import Action, Merged, Seen, merge
from sync.core.rules.policy import Policy
from sync.core.rules.views import FIELDS, UNREADABLE, Plan, SideView


def plan_fields(
    drchrono: SideView,
    oncall: SideView,
    policy: Policy,
    now: datetime,
    why: tuple[str, ...] = (),
) -> Plan:
    """The plan for the fields: at most one PATCH for each side, and the markers that are lacking.

    One unreadable baseline stops the others too: a PATCH would settle half of a visit.
    """
    odd = plausible.odd_visit(drchrono.visit, drchrono.seen, now)
    odd |= plausible.odd_visit(oncall.visit, oncall.seen, now)
    fields = [name for name in FIELDS if odd.get(name) not in plausible.NO_VALUE]
    merged = {name: _field(name, drchrono, oncall, policy) for name in fields}
    if drchrono.side("patient").seen is Seen.UNKNOWN or any(
        _is(one, "UNREADABLE") for one in merged.values()
    ):
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
        if view.visit is not None and not view.has_marker and allowed
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
