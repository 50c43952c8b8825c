"""Compare the mapping with what both systems have. A pure function.

D… are facts of docs/api-facts.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sync.core.texts import bare
from sync.core.wire import MalformedError
from sync.core.zones import known_zone
from sync.mapping import DoctorTable, Mapping
from sync.oncall.translate import id_from_url
from sync.outbound.pages import Record
from sync.run.evidence.ownership import division_urls
from sync.setup.finding import Finding, good, trouble

FIX: Final = "Correct the mapping file, or that system; drchrono-oncall mapping suggest lists all."


@dataclass(frozen=True, slots=True)
class DrChronoSide:
    """The practice as DrChrono lists it."""

    doctors: list[Record]
    offices: list[Record]
    profiles: list[Record]


def compare(mapping: Mapping, here: DrChronoSide, providers: list[Record]) -> list[Finding]:
    """One finding for each thing that is missing; one good one when nothing is."""
    missing = [
        *(one for doctor in mapping.doctors for one in _doctor(doctor, here, providers)),
        *_types(mapping, here),
    ]
    if missing:
        return [trouble("mapping", one, FIX) for one in missing]
    return [good("mapping", f"{len(mapping.doctors)} doctors, all there in both systems")]


def _ids(records: list[Record]) -> set[str]:
    return {str(record.get("id")) for record in records}


def _doctor(entry: DoctorTable, here: DrChronoSide, providers: list[Record]) -> Iterator[str]:
    named = f"doctor {entry.drchrono}"
    found = [one for one in here.doctors if str(one.get("id")) == entry.drchrono]
    if not found:
        yield f"{named} is not in DrChrono"
    elif entry.timezone is None and known_zone(found[0].get("timezone")) is None:
        # Times are wall clock in the doctor's zone (D25): without one none can be told.
        yield f"{named} has no usable time zone in DrChrono and none in the mapping"
    offices = {*entry.offices, *([entry.booking_office] if entry.booking_office else [])}
    for office in sorted(offices - _ids(here.offices)):
        yield f"{named}: office {office} is not in DrChrono"
    own = [one for one in here.profiles if _serves(one, entry.drchrono)]
    for profile in sorted(set(entry.booking_profiles.values()) - _ids(own)):
        yield f"{named}: profile {profile} is not one of theirs in DrChrono"
    yield from _provider(entry, named, providers)


def _serves(profile: Record, doctor: str) -> bool:
    return str(profile.get("doctor")) == doctor


def _provider(entry: DoctorTable, named: str, providers: list[Record]) -> Iterator[str]:
    divisions = {_id(one.get("url")): one for one in providers}
    found = divisions.get(entry.oncall_provider)
    if found is None:
        yield f"{named}: provider {entry.oncall_provider} is not in OnCall"
    elif entry.oncall_division not in {_id(url) for url in division_urls(found)}:
        member = f"provider {entry.oncall_provider} is not in division {entry.oncall_division}"
        yield f"{named}: {member} of OnCall"


def _id(url: object) -> str:
    try:
        return id_from_url(str(url))
    except MalformedError:
        return ""


def _types(mapping: Mapping, here: DrChronoSide) -> Iterator[str]:
    """Profiles by id or by name; a type that no profile has is never used."""
    types = mapping.file.types
    ids = _ids(here.profiles)
    known = ids | {_folded(str(one.get("name", ""))) for one in here.profiles}
    named = {*types.profiles, *types.group_profiles}
    for profile in sorted(one for one in named if one not in ids and _folded(one) not in known):
        yield f"types: profile {profile} is not in DrChrono"
    for profile in sorted(set(types.booking_profiles.values()) - ids):
        yield f"types: booking profile {profile} is not in DrChrono"


def _folded(name: str) -> str:
    return bare(name).casefold()
