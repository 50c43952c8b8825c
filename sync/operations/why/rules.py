"""Decide the answer: a pure function of the facts. The first rule that knows one says it.

What exists comes first, then what keeps it out for good (the mapping, its time), then its patient,
then what a person was asked, then the service, and last the queue. So nobody waits for a queue that
will never carry it, and nobody mends a chart of an appointment that is not synced at all.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from sync.core.records import Life
from sync.operations.why import reasons, saying
from sync.operations.why.answer import Answer
from sync.operations.why.facts import Asked, Facts, Read, Side, Trouble

Rule = Callable[[Facts], Answer | None]

# Once it is there, these are about somebody else in it, or about its next change.
_OF_OTHERS: Final = frozenset(
    {"second_patient", "participant_unmatched", "participant_without_email", "participant_lost"}
    | {"patient_unsure", "keeps_failing", "identity_incomplete"}
)
_BESIDES: Final = reasons.KEEPS_NOTHING_OUT | reasons.OF_PEOPLE | _OF_OTHERS


def answer(facts: Facts) -> Answer:
    """The answer to why it is not there, or since when it is."""
    rules = _OF_A_PATIENT if facts.kind == "patient" else _OF_A_VISIT
    found = next(one for rule in rules if (one := rule(facts)) is not None)
    return saying.noted(facts, found)


def of_trouble(trouble: Trouble, now: datetime) -> str:
    """Why a system could not be asked, in staff's words."""
    side = Side(trouble.system, "", heard=False, read=Read.FAILED)
    return answer(Facts("appointment", "", now, side, trouble=trouble)).sentence


# --- what exists ----------------------------------------------------------------------------------


def _not_shown(facts: Facts) -> Answer | None:
    source = facts.source
    if source.read is Read.FORBIDDEN:
        return saying.say(facts, "forbidden")
    if source.read is Read.DENIED and not source.heard:
        return saying.say(facts, "never_heard_of")
    if source.read in {Read.FAILED, Read.NOT_ASKED} and not source.heard:
        nothing = saying.say(facts, "unknown")
        return reasons.unreachable(facts) or reasons.stopped(facts) or nothing
    return None


def _over(facts: Facts) -> Answer | None:
    source = facts.source
    gone = source.read is Read.DENIED or (source.gone and source.read is not Read.SHOWN)
    life = Life.DELETED if gone else source.life
    if not gone and not source.is_over:
        return None
    standing = [one for one in facts.others if one.is_there]
    if standing:
        asked = reasons.oldest(facts, _BESIDES)
        if asked is not None:
            return saying.but(facts, saying.ask(facts, asked))
        paused = facts.service.paused
        if paused is not None and not _is_left_open(facts):
            return saying.but(facts, saying.pause(facts, paused))
        carried = "left_open" if _is_left_open(facts) else "being_carried"
        return saying.say(facts, carried, life=saying.LIVES.get(life, "over"))
    cause = {Life.DELETED: "deleted", Life.CANCELLED: "cancelled"}.get(life or Life.OPEN)
    return saying.say(facts, cause or "finished", life=saying.LIVES.get(life, "over"))


def _is_left_open(facts: Facts) -> bool:
    """Whether the engine would write nothing of an end that it has seen."""
    plan = facts.plan
    return plan is not None and not (plan.fields or plan.makes or plan.anew or plan.until)


def _rescheduled(facts: Facts) -> Answer | None:
    waits_for_it = facts.plan is not None and facts.plan.skipped == "awaits_successor"
    if facts.source.life is Life.RESCHEDULED and (waits_for_it or not facts.others):
        return saying.say(facts, "rescheduled", until=facts.plan.until if facts.plan else None)
    return None


def _linked(facts: Facts) -> Answer | None:
    if not facts.others:
        return None
    if all(one.remote_id is None for one in facts.others):
        return _being_made(facts)
    asked = reasons.oldest(facts, _BESIDES)
    standing = [one for one in facts.others if one.is_there]
    if not standing:
        return saying.ask(facts, asked) if asked else _ended_there(facts)
    return _there(facts, asked)


def _being_made(facts: Facts) -> Answer:
    """It was written down that it is to be made; whether that went out is not known here."""
    ways: tuple[Rule, ...] = (
        reasons.question,
        reasons.parked,
        reasons.stopped,
        reasons.not_live,
        reasons.at_work,
    )
    found = next((one for way in ways if (one := way(facts)) is not None), None)
    return found or saying.say(facts, "being_made")


def _ended_there(facts: Facts) -> Answer:
    ended = next(one for one in facts.others if one.remote_id is not None)
    if ended.gone or ended.life is Life.DELETED:
        return saying.say(facts, "deleted_there")
    return saying.say(facts, "cancelled_there", there_life=saying.LIVES.get(ended.life, "over"))


def _there(facts: Facts, asked: Asked | None) -> Answer:
    if asked is not None:
        return saying.but(facts, saying.ask(facts, asked))
    plan = facts.plan
    causes = [one for one in plan.asks if one != reasons.NOT_ACCEPTED] if plan else []
    if causes:
        return saying.but(facts, saying.ask(facts, Asked(0, causes[0])))
    paused = facts.service.paused
    if plan is not None and paused is not None and (plan.anew or plan.fields):
        return saying.but(facts, saying.pause(facts, paused))
    if plan is not None and plan.anew:
        return saying.say(facts, "about_to_be_replaced")
    if plan is not None and plan.fields:
        return saying.say(facts, "differs")
    return saying.say(facts, "there", since=_since(facts.source, facts.others))


def _since(source: Side, others: tuple[Side, ...]) -> datetime | None:
    """Since when both are there, as far as this service knows."""
    return max((one.since for one in (source, *others) if one.since is not None), default=None)


# --- what keeps it out for good -------------------------------------------------------------------


def _outside(facts: Facts) -> Answer | None:
    if not facts.outside:
        return None
    if facts.outside in saying.ANSWERS:
        return saying.say(facts, facts.outside)
    return saying.ask(facts, reasons.item_of(facts, facts.outside) or Asked(0, facts.outside))


def _at_another_time(facts: Facts) -> Answer | None:
    skipped = facts.plan.skipped if facts.plan is not None else ""
    if skipped == "far" and facts.plan is not None:
        return saying.say(facts, "beyond_window", until=facts.plan.until)
    unread = facts.plan is None and facts.starts is not None and facts.starts < facts.now
    if skipped == "past" or unread:
        return saying.say(facts, "past")
    return saying.say(facts, "direction_off") if skipped == "direction" else None


# --- a patient ------------------------------------------------------------------------------------


def _patient_gone(facts: Facts) -> Answer | None:
    if facts.source.read is not Read.DENIED:
        return None
    return saying.ask(facts, reasons.item_of(facts, "patient_gone") or Asked(0, "patient_gone"))


def _has_contact(facts: Facts) -> Answer | None:
    if not any(one.is_there for one in facts.others):
        return None
    if facts.chart:
        return saying.but(facts, reasons.chart_said(facts))
    asked = reasons.oldest(facts, reasons.KEEPS_NOTHING_OUT)
    if asked is not None:
        return saying.but(facts, saying.ask(facts, asked))
    return saying.say(facts, "there", since=_since(facts.source, facts.others))


_OF_A_VISIT: Final[tuple[Rule, ...]] = (
    *(_not_shown, _over, _rescheduled, _linked),
    *(_outside, _at_another_time),
    *(
        reasons.excluded,
        reasons.of_the_plan,
        reasons.of_the_chart,
        reasons.question,
        reasons.parked,
    ),
    *(reasons.stopped, reasons.not_live, reasons.at_work, reasons.unreachable),
    *(reasons.unheard, reasons.behind_another, reasons.otherwise),
)
_OF_A_PATIENT: Final[tuple[Rule, ...]] = (
    *(_not_shown, _patient_gone, reasons.excluded, _has_contact),
    *(reasons.of_the_chart, reasons.question, reasons.parked),
    *(reasons.stopped, reasons.not_live, reasons.at_work, reasons.unreachable),
    *(reasons.unplanned, reasons.otherwise),
)
