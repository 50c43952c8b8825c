"""Find the doctor that a row's provider and division mean: by id, address, e-mail or name.

A name that several people have is nobody's: the row is a problem, never a guess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeVar

from sync.core.rules.people import normal_email, normal_name
from sync.core.texts import bare
from sync.sheets.values import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

UNKNOWN: Final = "provider_unknown"
AMBIGUOUS: Final = "provider_ambiguous"
UNMAPPED: Final = "provider_unmapped"
DIVISION_UNKNOWN: Final = "division_unknown"
DIVISION_AMBIGUOUS: Final = "division_ambiguous"
NOT_THERE: Final = "provider_not_in_division"
DIVISION_NEEDED: Final = "division_needed"
PROVIDER_NEEDED: Final = "provider_needed"
_URL: Final = re.compile(r"https?://\S+?/(providers|divisions|doctors)/([^/\s?#]+)/?", re.I)


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the mapping: a doctor, the provider and division they stand for, their zone."""

    doctor: str
    provider: str
    division: str
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody or something with an id, as its system names it."""

    id: str
    name: str = field(default="", repr=False)
    email: str = field(default="", repr=False)


@dataclass(frozen=True)
class Places:
    """The mapping, and the names that both systems have for what is in it.

    `providers` and `divisions` are OnCall's, mapped or not: whom a name also fits counts too.
    """

    mapped: tuple[Place, ...] = ()
    providers: tuple[Named, ...] = ()
    divisions: tuple[Named, ...] = ()
    doctors: tuple[Named, ...] = ()

    def doctor(self, provider: str, division: str = "") -> tuple[str | None, str | None, str]:
        """The DrChrono id of the doctor that two cells mean; else a code and the field it is in.

        Both cells may be empty: then nothing is meant and nothing is wrong.
        """
        place, wrong = self._division(division) if division.strip() else (None, None)
        if wrong:
            return None, wrong, "division"
        if not provider.strip():
            if place is None:
                return None, None, "provider"
            there = [one.doctor for one in self.mapped if one.division == place]
            return (there[0], None, "") if len(there) == 1 else (None, PROVIDER_NEEDED, "provider")
        people = self._people(provider)
        if not people:
            return None, UNKNOWN, "provider"
        if not self._is_one(people):
            return None, AMBIGUOUS, "provider"
        mapped = self._mapped(people)
        if not mapped:
            return None, UNMAPPED, "provider"
        there = [one.doctor for one in mapped if place is None or one.division == place]
        if len(there) == 1:
            return there[0], None, ""
        return (None, DIVISION_NEEDED, "division") if there else (None, NOT_THERE, "division")

    def zone(self, doctor: str) -> str | None:
        """The zone of a doctor's clock, None where nobody tells it."""
        return next((one.zone for one in self.mapped if one.doctor == doctor), None)

    def _mapped(self, people: set[tuple[str, str]]) -> list[Place]:
        return [
            one
            for one in self.mapped
            if ("provider", one.provider) in people or ("doctor", one.doctor) in people
        ]

    def _is_one(self, people: set[tuple[str, str]]) -> bool:
        """Whether all of them are one: a provider, and the doctors that it stands for."""
        providers = {ident for kind, ident in people if kind == "provider"}
        doctors = {ident for kind, ident in people if kind == "doctor"}
        if len(providers) != 1:
            return not providers and len(doctors) == 1
        (provider,) = providers
        pairs = {(one.provider, one.doctor) for one in self.mapped}
        return all((provider, doctor) in pairs for doctor in doctors)

    def _people(self, cell: str) -> set[tuple[str, str]]:
        """Whom a cell may mean: providers and doctors, by their ids."""
        text = bare(cell)
        link = _URL.fullmatch(text)
        if link is not None:
            kind = {"providers": "provider", "doctors": "doctor"}.get(link[1].lower())
            return {(kind, link[2])} & self._ids if kind else set()
        by_id = {one for one in self._ids if one[1] == text}
        if by_id:
            return by_id
        if "@" in text:
            return self._emails.get(normal_email(text), set())
        return self._names.get(_name(text), set()) if _name(text) else set()

    def _division(self, cell: str) -> tuple[str | None, str | None]:
        text = bare(cell)
        link = _URL.fullmatch(text)
        ident = link[2] if link is not None and link[1].lower() == "divisions" else text
        known = {one.id for one in self.divisions} | {one.division for one in self.mapped}
        if ident in known:
            return ident, None
        found = {one.id for one in self.divisions if normal_name(one.name) == normal_name(text)}
        if len(found) == 1:
            return found.pop(), None
        return None, DIVISION_AMBIGUOUS if found else DIVISION_UNKNOWN

    @cached_property
    def _ids(self) -> set[tuple[str, str]]:
        mapped = {("provider", one.provider) for one in self.mapped}
        mapped |= {("doctor", one.doctor) for one in self.mapped}
        mapped |= {("provider", one.id) for one in self.providers}
        return mapped | {("doctor", one.id) for one in self.doctors}

    @cached_property
    def _emails(self) -> Mapping[str, set[tuple[str, str]]]:
        return _index((normal_email(one.email), kind, one.id) for kind, one in self._all())

    @cached_property
    def _names(self) -> Mapping[tuple[str, ...], set[tuple[str, str]]]:
        return _index((_name(one.name), kind, one.id) for kind, one in self._all())

    def _all(self) -> Iterable[tuple[str, Named]]:
        yield from (("provider", one) for one in self.providers)
        yield from (("doctor", one) for one in self.doctors)


def _name(text: str) -> tuple[str, ...]:
    """A provider's name as compared: its words without titles, in no order."""
    return tuple(sorted(one for one in normal_name(text).split() if one not in words.TITLES))


K = TypeVar("K")


def _index(rows: Iterable[tuple[K, str, str]]) -> dict[K, set[tuple[str, str]]]:
    found: dict[K, set[tuple[str, str]]] = {}
    for key, kind, ident in rows:
        if key:
            found.setdefault(key, set()).add((kind, ident))
    return found
