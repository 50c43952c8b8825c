"""Tell what keeps something away that could be there: its patient, a question, the service.

Pure functions of the facts; `rules` says in which order they are asked.
"""

from typing import Final

from sync.core.causes import waits
from sync.core.rules import inviting
from sync.operations.why import saying
from sync.operations.why.answer import Answer
from sync.operations.why.facts import Asked, Facts, Waiting

# What a person is told of and that keeps nothing away.
KEEPS_NOTHING_OUT: Final = frozenset(
    {"noted", "field_refused", "birth_date_implausible", "profile_renamed"}
)
# The same of a visit: its participants' and contacts' own matters.
OF_PEOPLE: Final = frozenset(
    {"contact_differs", "contact_refused", "contact_twice", "contact_unsure", "not_brought_back"}
    | {"participant_refused", "doctor_unmapped"}
)
NOT_ACCEPTED: Final = "not_accepted"
_OF_THE_CHART: Final = frozenset(
    {inviting.NO_EMAIL, inviting.UNCLEAR_EMAIL, inviting.NO_NAME, inviting.INACTIVE}
    | {"patient_gone", "email_shared"}
)
_CAUSE_OF_A_WAIT: Final = {"zone": "zone_unknown", "address": "email_shared", "auth": "auth"}
_FROZEN: Final = "frozen"
_GO_LIVE: Final = "go-live"


# --- its patient, and what a person was asked -----------------------------------------------------


def excluded(facts: Facts) -> Answer | None:
    """Nothing is done about this patient."""
    return saying.say(facts, "patient_excluded") if facts.excluded else None


def of_the_plan(facts: Facts) -> Answer | None:
    """What the engine would ask now, whether or not it has asked already."""
    causes = facts.plan.asks if facts.plan is not None else ()
    for cause in causes:
        if cause != NOT_ACCEPTED:
            return saying.ask(facts, item_of(facts, cause) or Asked(0, cause))
    return None


def of_the_chart(facts: Facts) -> Answer | None:
    """What of the patient's chart keeps them from being invited."""
    return chart_said(facts) if facts.chart else None


def chart_said(facts: Facts) -> Answer:
    """The same, of a chart that is known to keep them."""
    told = "patient_without_email" if facts.chart in saying.ANSWERS else facts.chart
    asked = item_of(facts, told)
    if facts.chart in saying.ANSWERS:
        return saying.say(facts, facts.chart, item=asked.item if asked else None)
    return saying.ask(facts, asked or Asked(0, facts.chart))


def question(facts: Facts) -> Answer | None:
    """What a person is asked about it."""
    besides = KEEPS_NOTHING_OUT if facts.kind == "patient" else KEEPS_NOTHING_OUT | OF_PEOPLE
    asked = oldest(facts, besides)
    return saying.ask(facts, asked) if asked is not None else None


def parked(facts: Facts) -> Answer | None:
    """What it waits for without an open item."""
    for wait in facts.waits:
        if wait.kind == "operator":
            found = left(facts, wait)
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


def left(facts: Facts, wait: Waiting) -> Answer | None:
    """What waits for a person whom nothing asks any more: the item was dropped, or it is frozen."""
    if wait.ref == _FROZEN:
        return saying.ask(facts, Asked(0, waits.cause_of(wait.ref), since=wait.since))
    if wait.ref == _GO_LIVE or wait.ref.startswith(waits.EXCLUDED):
        return None
    return saying.say(facts, "left_alone", since=wait.since)


def oldest(facts: Facts, besides: frozenset[str]) -> Asked | None:
    """The oldest item that is more than a remark; one of a chart that was just read is old."""
    for one in facts.items:
        stale = facts.chart_read and one.cause in _OF_THE_CHART
        if one.cause not in besides and not stale:
            return one
    return None


def item_of(facts: Facts, cause: str) -> Asked | None:
    """The open item of one cause."""
    return next((one for one in facts.items if one.cause == cause), None)


# --- the service ----------------------------------------------------------------------------------


def stopped(facts: Facts) -> Answer | None:
    """Nothing at all is worked on."""
    stops = facts.service.stops
    return saying.ask(facts, stops[0]) if stops else None


def not_live(facts: Facts) -> Answer | None:
    """The service may not write, or an operator has paused it."""
    asks = facts.plan.asks if facts.plan is not None else ()
    if NOT_ACCEPTED in asks or any(one.ref == _GO_LIVE for one in facts.waits):
        if facts.service.accepted and facts.doctor:
            return saying.say(facts, "being_matched")
        return saying.ask(facts, Asked(0, NOT_ACCEPTED))
    if facts.service.mode != "live":
        return saying.say(facts, facts.service.mode)
    paused = facts.service.paused
    return saying.pause(facts, paused) if paused is not None else None


def at_work(facts: Facts) -> Answer | None:
    """Where its work stands."""
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


def unreachable(facts: Facts) -> Answer | None:
    """Its system could not be asked."""
    trouble = facts.trouble
    if trouble is None:
        return None
    if trouble.cause in saying.ANSWERS:
        return saying.say(facts, trouble.cause, until=trouble.until, asked=trouble.system)
    return saying.ask(facts, Asked(0, trouble.cause))


# --- nothing is in its way ------------------------------------------------------------------------


def unheard(facts: Facts) -> Answer | None:
    """It is there, and nobody told this service."""
    return None if facts.source.heard else saying.say(facts, "not_heard_of")


def behind_another(facts: Facts) -> Answer | None:
    """It waits for something else of the clinic's that is not done yet."""
    for wait in facts.waits:
        if wait.kind in {"visit", "run", "fact", "email"}:
            said = waits.sentence(wait.kind, wait.ref)
            return saying.say(facts, "waits_for_another", since=wait.since, said=said)
    return None


def unplanned(facts: Facts) -> Answer | None:
    """No visit of the patient is to come."""
    return None if facts.expected else saying.say(facts, "no_visit_yet")


def otherwise(facts: Facts) -> Answer:
    """Nothing that is known keeps it away."""
    makes = facts.plan is not None and facts.plan.makes
    return saying.say(facts, "about_to_be_made" if makes else "unknown")
