"""Answer from the mapping which doctor is which provider, and what the clinic has decided.

Read once from one TOML file; frozen. What the API alone knows (doctors' zones, names of profiles)
is laid over it with `with_zones` and `with_profiles`, which do not change its version.
"""

import hashlib
import json
from collections.abc import Mapping as Map
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from sync.core.addresses import Table
from sync.core.records import Absent, Life, Visit, VisitType
from sync.core.rules.lifecycle import StatusTable
from sync.core.texts import bare
from sync.core.zones import known_zone
from sync.hosting import reason
from sync.mapping_file import (
    Direction,
    DoctorTable,
    MappingError,
    MappingFile,
    Policies,
    read_mapping,
)
from sync.text_file import TextFileError, read_text

__all__ = [
    "Direction",
    "DoctorTable",
    "Mapping",
    "MappingError",
    "Policies",
    "UnmappedError",
    "ZoneUnknownError",
    "changed_at",
    "load",
    "parse",
]


class UnmappedError(LookupError):
    """The mapping lacks what a translation needs. `key` says what to add to the file."""

    def __init__(self, key: str) -> None:
        """Name the key to add."""
        super().__init__(f"the mapping lacks {key}")
        self.key = key


class ZoneUnknownError(UnmappedError):
    """Neither the mapping nor DrChrono tells a usable time zone of a doctor."""

    def __init__(self, doctor: str) -> None:
        """Name the doctor."""
        super().__init__(f"timezone of doctor {doctor}")
        self.doctor = doctor


_TYPE_LABELS: Final = {
    VisitType.ONLINE: "Video visit",
    VisitType.PHONE: "Phone visit",
    VisitType.INPERSON: "Visit",
}


@dataclass(frozen=True)
class Mapping:
    """The mapping. Ids are strings; DrChrono doctors are named by their DrChrono id."""

    file: MappingFile
    version: str
    zones: Map[str, str] = field(default_factory=dict)
    profile_names: Map[str, str] = field(default_factory=dict)
    profile_lengths: Map[str, int] = field(default_factory=dict)

    @classmethod
    def empty(cls) -> "Mapping":
        """A mapping in which nothing is in scope."""
        return cls.of(MappingFile())

    @classmethod
    def of(cls, file: MappingFile) -> "Mapping":
        """The mapping of a valid file, versioned by what it says (comments don't count)."""
        text = json.dumps(file.model_dump(mode="json"), sort_keys=True)
        return cls(file, hashlib.sha256(text.encode()).hexdigest()[:16])

    def with_zones(self, zones: Map[str, str]) -> "Mapping":
        """The same with doctors' zones as the API tells them; unusable names are left out."""
        known = {doctor: known_zone(name) for doctor, name in zones.items()}
        return replace(self, zones={doctor: zone for doctor, zone in known.items() if zone})

    def with_profiles(
        self, names: Map[str, str], minutes: Map[str, int] | None = None
    ) -> "Mapping":
        """The same with the names and lengths of appointment profiles, by profile id."""
        return replace(self, profile_names=dict(names), profile_lengths=dict(minutes or {}))

    @property
    def policy(self) -> Policies:
        """The clinic's policies."""
        return self.file.policy

    @property
    def doctors(self) -> tuple[DoctorTable, ...]:
        """Every mapped doctor, in the file's order."""
        return self.file.doctors

    def doctor(self, doctor: str) -> DoctorTable | None:
        """The entry of that DrChrono doctor, or None when they are not in scope."""
        return self._by_doctor.get(doctor)

    def zone(self, doctor: str) -> str | None:
        """The zone of that doctor's wall clock: the file's, else the API's, else None."""
        entry = self.doctor(doctor)
        if entry is not None and entry.timezone is not None:
            return entry.timezone
        return self.zones.get(doctor)

    @property
    def without_zone(self) -> tuple[str, ...]:
        """The mapped doctors whose zone nobody tells in a usable form: their visits wait."""
        return tuple(d.drchrono for d in self.doctors if self.zone(d.drchrono) is None)

    def profile_minutes(self, profile: str | None) -> int | None:
        """The length of a visit with that profile, in minutes, or None where it has none."""
        return None if profile is None else self.profile_lengths.get(profile)

    def doctor_for(self, provider: str | None, division: str | None) -> str | None:
        """The doctor that an OnCall provider stands for in a division, or None.

        Without a division the provider must stand for one doctor only.
        """
        if provider is None:
            return None
        if division is not None:
            return self._by_pair.get((provider, division))
        doctors = [d.drchrono for d in self.doctors if d.oncall_provider == provider]
        return doctors[0] if len(doctors) == 1 else None

    def only_doctor_in(self, division: str) -> str | None:
        """The one doctor mapped in that division; None when there are several or none."""
        doctors = [d.drchrono for d in self.doctors if d.oncall_division == division]
        return doctors[0] if len(doctors) == 1 else None

    def works_in(self, doctor: str, office: str) -> bool:
        """Whether that doctor's visits in that office are in scope (no offices listed: all are)."""
        entry = self.doctor(doctor)
        return entry is not None and (not entry.offices or office in entry.offices)

    def booking_office(self, doctor: str) -> str | None:
        """The office in which visits coming from OnCall are booked, or None when none is named."""
        entry = self.doctor(doctor)
        if entry is None:
            return None
        return entry.booking_office or (entry.offices[0] if len(entry.offices) == 1 else None)

    def exam_rooms(self, doctor: str) -> tuple[str, ...]:
        """The rooms (1-based indexes) in which we may book, in order; room 1 when none is named."""
        entry = self.doctor(doctor)
        return (entry.exam_rooms if entry is not None else ()) or ("1",)

    def visit_type(
        self,
        profile: str | None,
        exam_room: str | None,
        telehealth: bool | None,
        *,
        office: str | None = None,
    ) -> VisitType | None:
        """The type of a DrChrono appointment; None means out of scope.

        The profile (by id, then by name) comes first, then the exam room (of that office, then of
        any), then `is_telehealth`, then the default.
        """
        types = self.file.types
        word = None
        if profile is not None:
            word = types.profiles.get(profile) or self._by_profile_name.get(self._named(profile))
        if word is None and exam_room is not None:
            word = types.exam_rooms.get(f"{office}:{exam_room}") or types.exam_rooms.get(exam_room)
        if word is None and telehealth:
            word = types.telehealth
        word = word or types.default
        return None if word == "skip" else VisitType(word)

    def is_group(self, profile: str | None) -> bool:
        """Whether appointments with that profile are group visits."""
        if profile is None:
            return False
        groups = {_folded(name) for name in self.file.types.group_profiles}
        return profile in groups or self._named(profile) in groups

    @property
    def has_groups(self) -> bool:
        """Whether the clinic has group visits at all."""
        return bool(self.file.types.group_profiles)

    def booking_profile(self, doctor: str, visit_type: VisitType) -> str:
        """The profile for a visit coming from OnCall: the doctor's own, else everybody's.

        Raises UnmappedError when there is none, or when that profile means another type: the visit
        would change its type on its way back.
        """
        entry = self.doctor(doctor)
        own = entry.booking_profiles.get(visit_type.value) if entry is not None else None
        profile = own or self.file.types.booking_profiles.get(visit_type.value)
        if profile is None:
            raise UnmappedError(f"types.booking_profiles.{visit_type.value}")
        if self.visit_type(profile, None, None) is not visit_type:
            raise UnmappedError(f"types.profiles.{profile} as {visit_type.value}")
        return profile

    @cached_property
    def statuses(self) -> StatusTable:
        """The status table with the clinic's words."""
        words = self.file.status
        written = {Life(life): word for life, word in words.written.items()}
        if Life.CANCELLED in written:
            written[Life.DELETED] = written[Life.CANCELLED]
        return StatusTable.with_overrides(words.drchrono, words.oncall, written)

    @cached_property
    def addresses(self) -> Table:
        """Which e-mail addresses are nobody's own."""
        told = self.file.addresses
        return Table.of(
            told.placeholders, told.shared, usual=told.usual_placeholders, families=told.families
        )

    def title(self, visit_type: VisitType) -> str:
        """The title of a visit in OnCall, which patients get by mail."""
        return self.file.text.title.format(type=_TYPE_LABELS[visit_type])

    def visit_link(self, oncall_id: str) -> str:
        """The address staff open from DrChrono, "" when the clinic named none."""
        return self.file.text.visit_link.format(oncall_id=oncall_id)

    @property
    def may_write_drchrono(self) -> bool:
        """Whether the direction lets anything be written to DrChrono."""
        return self.policy.direction is not Direction.TO_ONCALL

    @property
    def may_write_oncall(self) -> bool:
        """Whether the direction lets anything be written to OnCall."""
        return self.policy.direction is not Direction.TO_DRCHRONO

    @cached_property
    def _by_doctor(self) -> dict[str, DoctorTable]:
        return {entry.drchrono: entry for entry in self.doctors}

    @cached_property
    def _by_pair(self) -> dict[tuple[str, str], str]:
        return {(d.oncall_provider, d.oncall_division): d.drchrono for d in self.doctors}

    @cached_property
    def _by_profile_name(self) -> dict[str, str]:
        return {_folded(name): word for name, word in self.file.types.profiles.items()}

    def _named(self, profile: str) -> str:
        return _folded(self.profile_names.get(profile, ""))


def parse(text: str, name: str = "mapping.toml") -> Mapping:
    """The mapping in `text`; raises MappingError, which names `name`, line and key."""
    return Mapping.of(read_mapping(text, name))


def load(path: Path) -> Mapping:
    """The mapping in that file. Raises MappingError, also when it can't be read."""
    try:
        return parse(read_text(path), path.name)
    except FileNotFoundError:
        raise MappingError(f"{path} is not there") from None
    except TextFileError as error:
        raise MappingError(f"{path} {error}") from None


def changed_at(path: Path) -> float:
    """When that file was last changed, in seconds; 0 when there is none. Raises MappingError."""
    try:
        return path.stat().st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return 0.0
    except OSError as error:
        raise MappingError(f"{path} can't be looked at ({reason(error)})") from None


def _folded(name: str) -> str:
    return bare(name).casefold()


def out_of_scope(mapping: Mapping | None, shown: Visit | None) -> bool:
    """Whether the body alone shows that the appointment is none of ours."""
    if mapping is None or shown is None:
        return False
    if shown.is_break or shown.virtual_base or shown.type is None:
        return True
    doctor, office = shown.provider, shown.office
    if isinstance(doctor, Absent):
        return False
    if mapping.doctor(doctor) is None:
        return True
    return not isinstance(office, Absent) and not mapping.works_in(doctor, office)


def in_scope(mapping: Mapping, shown: Visit) -> bool:
    """Whether an appointment is one that the mapping has synced."""
    told = bool(shown.patient) and not isinstance(shown.provider, Absent)
    return told and not out_of_scope(mapping, shown)
