"""Find the sentence of a cause."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from sync.core.causes import of_people, of_service, of_visits
from sync.core.causes.model import Cause, Remedy
from sync.core.printable import printable

CAUSES: Final = (*of_service.CAUSES, *of_people.CAUSES, *of_visits.CAUSES)

_ONE: Final[Mapping[str, Cause]] = {one.name: one for one in CAUSES if "*" not in one.name}
_FAMILIES: Final = {one.name.removeprefix("*"): one for one in CAUSES if "*" in one.name}
_WORDS: Final = {"task": of_service.TASKS, "field": of_visits.FIELDS}
_LONGEST_ID: Final = 80
# One that no row tells of: a newer version's, met after going back to an older one.
_UNKNOWN: Final = Cause(
    "",
    "service",
    "It waits for a cause that this version of the service does not know.",
    "Look at it, then try again or drop it.",
    (Remedy.RETRY, Remedy.DROP),
)


@dataclass(frozen=True, slots=True)
class Said:
    """A cause as it is shown: the sentence with what it names, what to do, and which deeds."""

    cause: str
    sentence: str
    press: str
    deeds: tuple[Remedy, ...]


def find(cause: str) -> Cause | None:
    """The row of a cause, with the words of its family filled in; None when none tells of it."""
    if cause in _ONE:
        return _ONE[cause]
    for end, family in _FAMILIES.items():
        if cause.endswith(end):
            return _filled(family, cause, cause.removesuffix(end))
    return None


def family(cause: str) -> tuple[str, str] | None:
    """The name of the family that a cause belongs to, and the words for what it names."""
    for end, row in _FAMILIES.items():
        if cause not in _ONE and cause.endswith(end):
            stem = cause.removesuffix(end)
            known = [words[stem] for words in _WORDS.values() if stem in words]
            return (row.name, known[0]) if known and find(cause) is not None else None
    return None


def say(cause: str, named: Iterable[str] = ()) -> Said:
    """The cause in staff's words, followed by the ids or field names that its item lists."""
    found = find(cause) or _UNKNOWN
    listed = ", ".join(printable(one, _LONGEST_ID) for one in named)
    sentence = f"{found.sentence} ({listed})" if listed else found.sentence
    return Said(cause, sentence, found.press, found.deeds)


def _filled(family: Cause, cause: str, stem: str) -> Cause | None:
    for place, words in _WORDS.items():
        if f"{{{place}}}" in family.sentence:
            if stem not in words:
                return None
            sentence = family.sentence.replace(f"{{{place}}}", words[stem])
            return replace(family, name=cause, sentence=sentence)
    return None
