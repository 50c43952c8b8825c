"""Set both lists side by side: who is mapped, who is not, and who may be whom.

Read live, shown and kept nowhere: who looks is in the audit before anything is read (ADR 0034).
"""

from dataclasses import dataclass

from sync.core.records import present
from sync.core.rules.people import full_name
from sync.core.wire import identity, record, text
from sync.mapping import MappingError
from sync.runtime import Sync
from sync.setup.mapping_edit.gathered import Practice, gather
from sync.setup.suggest import Object, Provider, as_provider, counterpart
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed


@dataclass(frozen=True, slots=True)
class Person:
    """A doctor or a provider: the id, and the name as the system has it."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Suggested:
    """A doctor who is not mapped, and the provider who may be them; `how` it was found."""

    doctor: Person
    provider: Person | None
    divisions: tuple[str, ...]
    how: str

    @property
    def pair(self) -> str:
        """Doctor, provider and division, as the form takes them; "" where something is unknown."""
        if self.provider is None or len(self.divisions) != 1:
            return ""
        return f"{self.doctor.id}:{self.provider.id}:{self.divisions[0]}"


@dataclass(frozen=True, slots=True)
class Lists:
    """Both practices' people and places as they are now, and who of them is in the file."""

    doctors: tuple[Person, ...]
    providers: tuple[Person, ...]
    divisions: tuple[str, ...]
    offices: tuple[Person, ...]
    profiles: tuple[Person, ...]
    unmapped: tuple[Suggested, ...]
    free: tuple[Person, ...]


def looked_at(sync: Sync) -> Practice:
    """Both practices as they are now: some six calls. Raises the RemoteErrors of the reads.

    That somebody looks is committed before the first of them.
    """
    with sync.store.write() as conn:
        deeds.note(conn, Deed("look", (("mapping", "lists"),)), sync.clock())
    return gather(sync)


def lists(sync: Sync, practice: Practice) -> Lists:
    """Set the two practices side by side. Raises MalformedError for objects without an id."""
    try:
        entries = sync.mapping.doctors
    except MappingError:
        entries = ()
    mapped = {one.drchrono for one in entries}
    taken = {one.oncall_provider for one in entries}
    doctors = [record(one, "doctor") for one in practice.doctors]
    providers = [as_provider(record(one, "provider")) for one in practice.providers]
    free = [one for one in providers if one.remote_id not in taken]
    return Lists(
        doctors=tuple(_doctor(one) for one in doctors),
        providers=tuple(_person(one) for one in providers),
        divisions=tuple(sorted({each for one in providers for each in one.divisions})),
        offices=tuple(_named(record(one, "office")) for one in practice.offices),
        profiles=tuple(_named(record(one, "profile")) for one in practice.profiles),
        unmapped=tuple(_suggested(one, free) for one in doctors if _doctor(one).id not in mapped),
        free=tuple(_person(one) for one in free),
    )


def _suggested(doctor: Object, free: list[Provider]) -> Suggested:
    who = _doctor(doctor)
    found, sure = counterpart(doctor, who.name, free)
    if found is None:
        return Suggested(who, None, (), "no one provider has that e-mail or name")
    how = "same e-mail" if sure else "same name only: look who it is"
    return Suggested(who, _person(found), found.divisions, how)


def _doctor(json: Object) -> Person:
    name = full_name(present(text(json, "first_name"), ""), present(text(json, "last_name"), ""))
    return Person(present(identity(json, "id"), None) or "", name)


def _person(one: Provider) -> Person:
    return Person(one.remote_id, one.name)


def _named(json: Object) -> Person:
    return Person(present(identity(json, "id"), None) or "", present(text(json, "name"), ""))
