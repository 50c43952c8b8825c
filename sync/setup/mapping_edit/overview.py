"""Say how the mapping file stands: who is in it, whether it is right, whether it is taken up."""

from dataclasses import dataclass
from pathlib import Path

from sync.mapping import Mapping
from sync.mapping_file import DoctorTable, MappingError, MappingFile, read_mapping
from sync.runtime import Sync
from sync.setup.mapping_edit import candidate
from sync.setup.mapping_edit.place import Place
from sync.store.tables import facts


@dataclass(frozen=True, slots=True)
class Overview:
    """The file as it is now, without a call.

    `unmapped` are doctors whom DrChrono has shown and the file does not name, by id. `taken_up`:
    the service works by this version already. `mistakes` are told by line, and nothing else is
    known of such a file.
    """

    path: Path
    there: bool
    digest: str
    read_only: str
    mistakes: tuple[str, ...]
    version: str
    taken_up: bool
    doctors: tuple[DoctorTable, ...]
    zones: dict[str, str]
    unmapped: tuple[str, ...]
    policy: dict[str, str]


def file_of(here: Place) -> MappingFile:
    """What the file says; nothing where there is none. Raises MappingError."""
    if here.unreadable:
        raise MappingError(f"{here.path.name} {here.unreadable}")
    return read_mapping(here.text, here.path.name)


def overview(sync: Sync) -> Overview:
    """How it stands. Raises SQLAlchemyError."""
    here = candidate.file_in_force(sync)
    mistakes: tuple[str, ...] = ()
    found = Mapping.empty()
    try:
        found = Mapping.of(file_of(here))
    except MappingError as error:
        mistakes = tuple(str(error).splitlines())
    with sync.store.read() as conn:
        shown = facts.zones(conn)
    named = {one.drchrono for one in found.doctors}
    plain = found.policy.model_dump(mode="json")
    return Overview(
        path=here.path,
        there=here.there,
        digest=here.digest[:12],
        read_only=here.read_only,
        mistakes=mistakes,
        version=found.version,
        taken_up=candidate.known_version(sync) == found.version,
        doctors=found.doctors,
        zones=shown,
        unmapped=tuple(sorted(shown.keys() - named, key=lambda one: (len(one), one))),
        policy={key: str(value).lower() for key, value in plain.items()},
    )
