"""Fill an answer's sentence with ids, times and names of fields."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from sync.core.causes import of_visits, table
from sync.core.causes.model import Remedy
from sync.core.records import Life
from sync.operations.why.answer import Answer
from sync.operations.why.facts import Asked, Facts, Paused
from sync.operations.why.words import ANSWERS, NOTE, REASONS

__all__ = ["ANSWERS", "LIVES", "ask", "but", "noted", "pause", "say"]

NAMES: Final = {"drchrono": "DrChrono", "oncall": "OnCall"}
LIVES: Final[dict[Life | None, str]] = {
    Life.CANCELLED: "cancelled",
    Life.DELETED: "deleted",
    Life.NO_SHOW: "a no-show",
    Life.COMPLETE: "complete",
}
_NOUNS: Final = {
    "appointment": ("appointment", "Appointment {id}", "drchrono"),
    "oncall-appointment": ("visit", "OnCall visit {id}", "oncall"),
    "patient": ("patient", "Patient {id}", "drchrono"),
}
_THERE: Final = {
    "appointment": "OnCall visit {ids}",
    "oncall-appointment": "DrChrono appointment {ids}",
    "patient": "contact {ids}",
}
_SHOWN: Final = 3


def say(
    facts: Facts,
    cause: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    item: int | None = None,
    asked: str = "",
    **more: str,
) -> Answer:
    """The answer of that cause, with its words filled in."""
    words = ANSWERS[cause]
    filled = _places(facts, since=since, until=until, asked=asked) | more
    return Answer(
        cause,
        words.sentence.format_map(filled),
        words.press.format_map(filled),
        words.deed,
        _subject(facts),
        since,
        until,
        item,
        address=facts.address,
    )


def ask(facts: Facts, asked: Asked) -> Answer:
    """The answer that a cause of the table of causes gives; a person was asked, or would be."""
    said = table.say(asked.cause, asked.named)
    return Answer(
        said.cause,
        said.sentence,
        said.press,
        _deed(said.deeds, asked.item),
        _subject(facts),
        asked.since,
        item=asked.item or None,
        address=facts.address,
    )


def pause(facts: Facts, held: Paused) -> Answer:
    """An operator has paused what it needs."""
    end = f"until {_at(held.until, facts.zone)}" if held.until else "until it is resumed"
    found = say(
        facts, "paused_by_hand", since=held.since, until=held.until, paused=held.what, end=end
    )
    return replace(found, subject={**found.subject, "pause": held.what})


def but(facts: Facts, found: Answer) -> Answer:
    """It is there, but that holds for something about it."""
    words = ANSWERS["there_but"].sentence
    filled = _places(facts, since=None, until=None, asked="") | {"said": found.sentence}
    return replace(found, sentence=words.format_map(filled))


def noted(facts: Facts, found: Answer) -> Answer:
    """The same with what could not be asked now, where the answer does not say it itself."""
    trouble = facts.trouble
    if trouble is None or found.cause == trouble.cause:
        return found
    asked = NAMES.get(trouble.system, trouble.system)
    until = _at(trouble.until, facts.zone) if trouble.until else ""
    reason = REASONS.get(trouble.cause, REASONS["auth"]).format(until=until)
    note = NOTE.format(asked=asked, reason=reason)
    return replace(found, sentence=found.sentence + note, only_known=True)


def _deed(deeds: tuple[Remedy, ...], item: int) -> Remedy:
    """The usual deed; one that answers an item needs one."""
    for deed in deeds:
        if item or deed not in {Remedy.RESOLVE, Remedy.RETRY, Remedy.DROP}:
            return deed
    return Remedy.LOOK_AGAIN


def _subject(facts: Facts) -> dict[str, str]:
    """The ids that an answer is about, what was asked first."""
    found: dict[str, str] = {facts.kind: facts.id}
    if facts.aggregate is not None:
        found["person" if facts.kind == "patient" else "visit"] = str(facts.aggregate)
    other: dict[str, str] = {
        "appointment": "oncall-appointment",
        "oncall-appointment": "appointment",
    }
    ids = _ids(facts)
    if ids:
        found[other.get(facts.kind, "contact")] = ids
    if facts.patient:
        found.setdefault("patient", facts.patient)
    return found


def _ids(facts: Facts) -> str:
    known = [one.remote_id for one in facts.others if one.remote_id is not None]
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return ", ".join(known[:_SHOWN]) + more


def _places(
    facts: Facts, *, since: datetime | None, until: datetime | None, asked: str
) -> dict[str, str]:
    noun, what, here = _NOUNS[facts.kind]
    fields = facts.plan.fields if facts.plan is not None else ()
    named = [of_visits.FIELDS.get(one, one).lower() for one in fields]
    return {
        "noun": noun,
        "id": facts.id,
        "what": what.format(id=facts.id),
        "here": NAMES[here],
        "other": NAMES["drchrono" if here == "oncall" else "oncall"],
        "there": _THERE[facts.kind].format(ids=_ids(facts)),
        "when": _at(facts.starts, facts.zone) if facts.starts else "an unknown day",
        "since": _at(since, facts.zone) if since else "an unknown time",
        "until": _at(until, facts.zone) if until else "an unknown time",
        "asked": NAMES.get(asked, asked or "DrChrono"),
        "doctor": facts.doctor,
        "office": facts.office,
        "patient": facts.patient or facts.id,
        "fields": ", ".join(named),
    }


def _at(at: datetime, zone: str | None) -> str:
    """The time in a zone that is known to be one, else in UTC, and which of the two it is."""
    there = at.astimezone(ZoneInfo(zone) if zone else UTC)
    return f"{there:%a} {there.day} {there:%b %Y, %H:%M} ({zone or 'UTC'})"
