"""Decide the answer: a pure function of the facts. The first rule that knows one says it.

What exists comes first, then what keeps it out for good (the mapping, its time), then its patient,
then what a person was asked, then the service, and last the queue. So nobody waits for a queue that
will never carry it, and nobody mends a chart of an appointment that is not synced at all.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from sync.core.causes import table, waits
from sync.core.records import Life
from sync.core.rules import inviting
from sync.operations.why import saying
from sync.operations.why.answer import Answer
from sync.operations.why.facts import Asked, Facts, Read, Side, Trouble, Waiting

Rule = Callable[[Facts], Answer | None]

# What a person is told of and that keeps nothing away.
_KEEPS_NOTHING_OUT: Final = frozenset(
    {"noted", "field_refused", "birth_date_implausible", "profile_renamed"}
)
# The same of a visit: its participants' and contacts' own matters.
_OF_PEOPLE: Final = frozenset(
    {"contact_differs", "contact_refused", "contact_twice", "contact_unsure", "not_brought_back"}
    | {"participant_refused", "doctor_unmapped"}
)
# Once it is there, these are about somebody else in it, or about its next change.
_OF_OTHERS: Final = frozenset(
    {"second_patient", "participant_unmatched", "participant_without_email", "participant_lost"}
    | {"patient_unsure", "keeps_failing", "identity_incomplete"}
)
_OF_THE_CHART: Final = frozenset(
    {inviting.NO_EMAIL, inviting.UNCLEAR_EMAIL, inviting.NO_NAME, inviting.INACTIVE}
    | {"patient_gone", "email_shared"}
)
_NOT_ACCEPTED: Final = "not_accepted"
_CAUSE_OF_A_WAIT: Final = {"zone": "zone_unknown", "address": "email_shared", "auth": "auth"}
_FROZEN: Final = "frozen"
_GO_LIVE: Final = "go-live"


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
        return _trouble(facts) or saying.say(facts, "unknown")
    return None


def _over(facts: Facts) -> Answer | None:
    source = facts.source
    gone = source.read is Read.DENIED or (source.gone and source.read is not Read.SHOWN)
    life = Life.DELETED if gone else source.life
    if not gone and not source.is_over:
        return None
    standing = [one for one in facts.others if one.is_there]
    if standing:
        asked = _first(facts, _KEEPS_NOTHING_OUT | _OF_PEOPLE | _OF_OTHERS)
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
    asked = _first(facts, _KEEPS_NOTHING_OUT | _OF_PEOPLE | _OF_OTHERS)
    standing = [one for one in facts.others if one.is_there]
    if not standing:
        return saying.ask(facts, asked) if asked else _ended_there(facts)
    return _there(facts, asked)


def _being_made(facts: Facts) -> Answer:
    """It was written down that it is to be made; whether that went out is not known here."""
    ways: tuple[Rule, ...] = (_asked, _parked, _stopped, _not_live, _at_work)
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
    causes = [one for one in plan.asks if one != _NOT_ACCEPTED] if plan else []
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
    return saying.ask(facts, _item_of(facts, facts.outside) or Asked(0, facts.outside))


def _at_another_time(facts: Facts) -> Answer | None:
    skipped = facts.plan.skipped if facts.plan is not None else ""
    if skipped == "far" and facts.plan is not None:
        return saying.say(facts, "beyond_window", until=facts.plan.until)
    unread = facts.plan is None and facts.starts is not None and facts.starts < facts.now
    if skipped == "past" or unread:
        return saying.say(facts, "past")
    return saying.say(facts, "direction_off") if skipped == "direction" else None


# --- its patient, and what a person was asked -----------------------------------------------------


def _excluded(facts: Facts) -> Answer | None:
    return saying.say(facts, "patient_excluded") if facts.excluded else None


def _of_the_plan(facts: Facts) -> Answer | None:
    """What the engine would ask now, whether or not it has asked already."""
    causes = facts.plan.asks if facts.plan is not None else ()
    for cause in causes:
        if cause != _NOT_ACCEPTED:
            return saying.ask(facts, _item_of(facts, cause) or Asked(0, cause))
    return None


def _of_the_chart(facts: Facts) -> Answer | None:
    return _chart_said(facts) if facts.chart else None


def _chart_said(facts: Facts) -> Answer:
    told = "patient_without_email" if facts.chart in saying.ANSWERS else facts.chart
    asked = _item_of(facts, told)
    if facts.chart in saying.ANSWERS:
        return saying.say(facts, facts.chart, item=asked.item if asked else None)
    return saying.ask(facts, asked or Asked(0, facts.chart))


def _asked(facts: Facts) -> Answer | None:
    besides = _KEEPS_NOTHING_OUT if facts.kind == "patient" else _KEEPS_NOTHING_OUT | _OF_PEOPLE
    asked = _first(facts, besides)
    return saying.ask(facts, asked) if asked is not None else None


def _parked(facts: Facts) -> Answer | None:
    """What it waits for without an open item."""
    for wait in facts.waits:
        if wait.kind == "operator":
            found = _left(facts, wait)
        else:
            cause = _CAUSE_OF_A_WAIT.get(wait.kind, "")
            named = (wait.ref,) if wait.kind == "zone" else ()
            stale = facts.chart_read and cause in _OF_THE_CHART
            found = (
                saying.ask(facts, Asked(0, cause, named, wait.since))
                if cause and not stale
                else None
            )
        if found is not None:
            return found
    return None


def _left(facts: Facts, wait: Waiting) -> Answer | None:
    """What waits for a person whom nothing asks any more: the item was dropped, or it is frozen."""
    if wait.ref == _FROZEN:
        return saying.ask(facts, Asked(0, waits.cause_of(wait.ref), since=wait.since))
    if wait.ref == _GO_LIVE or wait.ref.startswith(waits.EXCLUDED):
        return None
    return saying.say(facts, "left_alone", since=wait.since)


def _first(facts: Facts, besides: frozenset[str]) -> Asked | None:
    """The oldest item that is more than a remark; one of a chart that was just read is old."""
    for one in facts.items:
        stale = facts.chart_read and one.cause in _OF_THE_CHART
        if one.cause not in besides and not stale:
            return one
    return None


def _item_of(facts: Facts, cause: str) -> Asked | None:
    return next((one for one in facts.items if one.cause == cause), None)


# --- the service ----------------------------------------------------------------------------------


def _stopped(facts: Facts) -> Answer | None:
    stops = facts.service.stops
    return saying.ask(facts, stops[0]) if stops else None


def _not_live(facts: Facts) -> Answer | None:
    asks = facts.plan.asks if facts.plan is not None else ()
    if _NOT_ACCEPTED in asks or any(one.ref == _GO_LIVE for one in facts.waits):
        if facts.service.accepted and facts.doctor:
            return saying.say(facts, "being_matched")
        return saying.ask(facts, Asked(0, _NOT_ACCEPTED))
    if facts.service.mode != "live":
        return saying.say(facts, facts.service.mode)
    paused = facts.service.paused
    return saying.pause(facts, paused) if paused is not None else None


def _at_work(facts: Facts) -> Answer | None:
    queue, service = facts.queue, facts.service
    if queue.held_until is not None and queue.held_until > facts.now:
        return saying.say(facts, "being_worked_on", until=queue.held_until)
    if not queue.waits:
        return None
    opens = service.budget_until
    if opens is not None and opens > facts.now:
        return saying.say(facts, "waits_for_budget", until=opens, asked=service.budget_of)
    if queue.due is not None and queue.due > facts.now:
        return saying.say(facts, "queued", until=queue.due)
    return saying.say(facts, "overdue", until=queue.due)


def _trouble(facts: Facts) -> Answer | None:
    trouble = facts.trouble
    if trouble is None:
        return None
    if trouble.cause in saying.ANSWERS:
        return saying.say(facts, trouble.cause, until=trouble.until, asked=trouble.system)
    return saying.ask(facts, Asked(0, trouble.cause))


# --- nothing is in its way ------------------------------------------------------------------------


def _unheard(facts: Facts) -> Answer | None:
    return None if facts.source.heard else saying.say(facts, "not_heard_of")


def _behind_another(facts: Facts) -> Answer | None:
    """It waits for something else of the clinic's that is not done yet."""
    for wait in facts.waits:
        if wait.kind in {"visit", "run", "fact", "email"}:
            said = waits.sentence(wait.kind, wait.ref)
            return saying.say(facts, "waits_for_another", since=wait.since, said=said)
    return None


def _unplanned(facts: Facts) -> Answer | None:
    return None if facts.expected else saying.say(facts, "no_visit_yet")


def _last(facts: Facts) -> Answer:
    makes = facts.plan is not None and facts.plan.makes
    return saying.say(facts, "about_to_be_made" if makes else "unknown")


# --- a patient ------------------------------------------------------------------------------------


def _patient_gone(facts: Facts) -> Answer | None:
    if facts.source.read is not Read.DENIED:
        return None
    return saying.ask(facts, _item_of(facts, "patient_gone") or Asked(0, "patient_gone"))


def _has_contact(facts: Facts) -> Answer | None:
    if not any(one.is_there for one in facts.others):
        return None
    if facts.chart:
        return saying.but(facts, _chart_said(facts))
    asked = _first(facts, _KEEPS_NOTHING_OUT)
    if asked is not None:
        return saying.but(facts, saying.ask(facts, asked))
    return saying.say(facts, "there", since=_since(facts.source, facts.others))


_OF_A_VISIT: Final[tuple[Rule, ...]] = (
    *(_not_shown, _over, _rescheduled, _linked),
    *(_outside, _at_another_time),
    *(_excluded, _of_the_plan, _of_the_chart, _asked, _parked),
    *(_stopped, _not_live, _at_work, _trouble),
    *(_unheard, _behind_another, _last),
)
_OF_A_PATIENT: Final[tuple[Rule, ...]] = (
    *(_not_shown, _patient_gone, _excluded, _has_contact),
    *(_of_the_chart, _asked, _parked),
    *(_stopped, _not_live, _at_work, _trouble),
    *(_unplanned, _last),
)
