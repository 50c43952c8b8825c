"""Judge what a list shows of one record by what is stored: is it there, may it be made, who asks.

Pure: the same record and the same links have the same fate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sync.core.batch.model import Fate
from sync.core.causes import table
from sync.core.causes.model import Remedy
from sync.core.records import present
from sync.core.rules import inviting
from sync.people import contacts, sharing

if TYPE_CHECKING:
    from sync.core.records import Person
    from sync.mapping import Mapping
    from sync.store.batches.standing import Stands

# Of what is there, and is to be linked when it is the item's turn: nothing is written over there.
LINK: Final = ("link",)
# What is asked where one of several is to be chosen.
_CHOICES: Final = frozenset({Remedy.RESOLVE})


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to become of a record: ids and causes only."""

    fate: Fate
    cause: str | None = None
    remote_id: str | None = None
    candidates: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()

    def columns(self) -> dict[str, Any]:
        """What is stored of it."""
        return {
            "fate": self.fate.value,
            "cause": self.cause,
            "remote_id": self.remote_id,
            "candidates": list(self.candidates) or None,
            "fields": list(self.fields) or None,
        }


def of_chart(chart: Person, stands: Stands, mapping: Mapping, *, crowd: bool) -> Judged:
    """Whether a chart's patient has a contact of their own doctor, or can get one.

    `crowd`: more charts share the address than one household has.
    """
    entry = mapping.doctor(present(chart.doctor, ""))
    if entry is None:
        return Judged(Fate.PROBLEM, "doctor_unmapped")
    place = (entry.oncall_provider, entry.oncall_division)
    there = [one.remote_id for one in stands.others if (one.provider, one.division) == place]
    known = next((one for one in there if one is not None), None)
    if known is not None:
        return Judged(Fate.ALREADY_THERE, remote_id=known)
    if stands.excluded:
        return Judged(Fate.PROBLEM, "patient_excluded")
    cause = inviting.refusal(chart) or (sharing.CAUSE if crowd else "")
    if cause:
        return Judged(Fate.PROBLEM, cause)
    told = next((one for one in contacts.TOLD if one in stands.told), None)
    if told is not None and not there:
        return asked(told, stands.told[told])
    return Judged(Fate.CREATE)


def asked(cause: str, named: tuple[str, ...]) -> Judged:
    """What somebody was told of already: a question where one of several is to be chosen."""
    found = table.find(cause)
    if found is not None and _CHOICES.intersection(found.deeds):
        return Judged(Fate.QUESTION, cause, candidates=named)
    return Judged(Fate.PROBLEM, cause)


# What a visit waits for by itself: nothing is to be decided, and it goes on when that is over.
_GOES_ON: Final = frozenset({"pause", "mode", "auth", "fact"})
_OF_BLOCKERS: Final = {
    "address": sharing.CAUSE,
    "mapping": "unmapped",
    "zone": "zone_unknown",
    "patient": "patient_gone",
    "visit": "overlap",
    "email": "participant_unmatched",
}
# Told of a visit that stands all the same.
_NOTES: Final = frozenset({"noted", "birth_date_implausible", "field_refused", "keeps_failing"})


def of_visit(stands: Stands | None, *, excluded: bool = False, silent: bool = False) -> Judged:
    """Whether a visit stands in the other system too, or what keeps it from being made there.

    `excluded`: nothing is written of its patient. `silent`: their chart has no e-mail.
    """
    there = [] if stands is None else [one.remote_id for one in stands.others]
    known = next((one for one in there if one is not None), None)
    if known is not None:
        return Judged(Fate.ALREADY_THERE, remote_id=known)
    if excluded:
        return Judged(Fate.PROBLEM, "patient_excluded")
    if stands is not None:
        held = what_holds(stands)
        if held is not None:
            return held
    return Judged(Fate.PROBLEM, inviting.NO_EMAIL) if silent else Judged(Fate.CREATE)


def what_holds(stands: Stands) -> Judged | None:
    """What keeps a visit from being made, by what was told of it and what it waits for."""
    causes = [one for one in stands.told if one not in _NOTES]
    judged = [asked(one, stands.told[one]) for one in causes]
    questions = [one for one in judged if one.fate is Fate.QUESTION]
    first = next(iter([*questions, *judged]), None)
    if first is not None:
        return first
    for kind, ref in stands.waits:
        if kind == "operator" and ref.startswith("excluded:"):
            return Judged(Fate.PROBLEM, "patient_excluded")
        if kind == "operator" and ref == "go-live":
            return None
        if kind in _OF_BLOCKERS and kind not in {"patient", "email", "visit"}:
            return Judged(Fate.PROBLEM, _OF_BLOCKERS[kind])
    rest = [kind for kind, _ref in stands.waits if kind not in _GOES_ON]
    if rest:
        return Judged(Fate.PROBLEM, _OF_BLOCKERS.get(rest[0], "unsure"))
    return None


def goes_on(stands: Stands) -> bool:
    """Whether a visit waits for what ends by itself, or for a deed for the whole service."""
    return any(
        kind in _GOES_ON or (kind, ref) == ("operator", "go-live") for kind, ref in stands.waits
    )
