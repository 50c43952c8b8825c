"""Read a mapping file, and tell a mistake by file, line, key and what to write.

The shape alone; the questions the service asks of it are in `sync.mapping`.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from string import Formatter
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from sync.core.records import Life
from sync.core.texts import plain
from sync.core.zones import known_zone

TITLE_PLACES: Final = frozenset({"type"})
LINK_PLACES: Final = frozenset({"oncall_id"})


class MappingError(ValueError):
    """The mapping file can't be used; the text names each line, key and remedy."""


def _id_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _known_zone(name: str) -> str:
    known = known_zone(name)
    if known is None:
        raise ValueError("write a time zone's name, such as America/New_York")
    return known


def _only_places(text: str, allowed: frozenset[str]) -> str:
    hint = ", ".join(f"{{{name}}}" for name in sorted(allowed))
    try:
        parts = [(name, spec, how) for _, name, spec, how in Formatter().parse(text)]
    except ValueError:
        raise ValueError(f"a brace stands alone; only {hint} may be used") from None
    if any(name is not None and (name not in allowed or spec or how) for name, spec, how in parts):
        raise ValueError(f"only {hint} may be used")
    return text


Id = Annotated[str, BeforeValidator(_id_text), Field(pattern=r"^[0-9]{1,20}$")]
# Rooms count from 1; a break shows 0 (docs/api-facts.md, D36).
Room = Annotated[str, BeforeValidator(_id_text), Field(pattern=r"^[1-9][0-9]{0,3}$")]
# A status that is written; an empty one would say that nothing has ended.
StatusWord = Annotated[str, Field(min_length=1, max_length=100)]
TypeWord = Literal["online", "inperson", "phone", "skip"]
HeldType = Literal["online", "inperson", "phone"]
ZoneName = Annotated[str, AfterValidator(_known_zone)]
StatusLife = Literal[Life.OPEN, Life.CANCELLED, Life.NO_SHOW, Life.COMPLETE, Life.RESCHEDULED]


class Direction(StrEnum):
    """Which way changes are carried."""

    BOTH = "both"
    TO_ONCALL = "to_oncall"
    TO_DRCHRONO = "to_drchrono"


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DoctorTable(_Table):
    """One doctor and the OnCall provider and division that stand for them."""

    drchrono: Id
    oncall_provider: Id
    oncall_division: Id
    timezone: ZoneName | None = None
    offices: tuple[Id, ...] = ()
    booking_office: Id | None = None
    exam_rooms: tuple[Room, ...] = ()
    booking_profiles: dict[HeldType, Id] = {}

    @model_validator(mode="after")
    def _books_where_it_works(self) -> Self:
        if self.offices and self.booking_office and self.booking_office not in self.offices:
            raise ValueError("booking_office must be one of offices")
        return self


class TypesTable(_Table):
    """What makes a DrChrono appointment online, in person, by phone, or none of ours."""

    default: TypeWord = "skip"
    telehealth: TypeWord | None = None
    profiles: dict[str, TypeWord] = {}
    exam_rooms: dict[Annotated[str, Field(pattern=r"^([0-9]+:)?[0-9]+$")], TypeWord] = {}
    group_profiles: tuple[Annotated[str, BeforeValidator(_id_text)], ...] = ()
    booking_profiles: dict[HeldType, Id] = {}


class StatusTables(_Table):
    """The clinic's own status words, over the defaults of `core.rules.lifecycle`."""

    drchrono: dict[str, StatusLife] = {}
    oncall: dict[str, StatusLife] = {}
    written: dict[Literal["cancelled", "no_show", "complete"], StatusWord] = {}


class Policies(_Table):
    """What the clinic wants where more than one thing would be right."""

    system_of_record: Literal["drchrono", "oncall"] = "drchrono"
    direction: Direction = Direction.BOTH
    new_patients: Literal["create", "ask", "never"] = "create"
    on_first_difference: Literal["record", "ask"] = "ask"
    reopened: Literal["new_visit", "ask"] = "new_visit"
    left_scope: Literal["cancel", "ask"] = "ask"
    merged_charts: Literal["ask", "take_over"] = "ask"
    on_zone_change: Literal["ask", "carry"] = "ask"
    people: Literal["visits", "all"] = "visits"
    demographics_back: bool = False
    patients_from_contacts: bool = False
    fee_bearing_writes: bool = False
    window_days: Annotated[int, Field(ge=1, le=180)] = 180


class TextTable(_Table):
    """Words that patients or staff see. The title is mailed: nothing medical fits into it."""

    title: Annotated[str, Field(min_length=1, max_length=100)] = "Virtual visit"
    visit_link: Annotated[str, Field(pattern=r"^(https://\S+)?$", max_length=500)] = ""

    @field_validator("title")
    @classmethod
    def _title_places(cls, title: str) -> str:
        return _only_places(title, TITLE_PLACES)

    @field_validator("visit_link")
    @classmethod
    def _link_places(cls, link: str) -> str:
        if "#" in link:
            raise ValueError("write it without a #: the marker goes there")
        return _only_places(link, LINK_PLACES)


class AddressesTable(_Table):
    """Which e-mail addresses are nobody's own, over the usual ones of `core.addresses`."""

    placeholders: tuple[Annotated[str, Field(min_length=1, max_length=254)], ...] = ()
    usual_placeholders: bool = True
    shared: tuple[Annotated[str, Field(pattern=r"^[^@\s*]+@[^@\s*]+$", max_length=254)], ...] = ()
    families: Annotated[int, Field(ge=0, le=1000)] = 5


class MarkersTable(_Table):
    """Where markers are kept: names of the two DrChrono fields, id of the OnCall contact field."""

    appointment_field: Annotated[str, Field(min_length=1, max_length=60)] = "OnCall visit"
    patient_field: Annotated[str, Field(min_length=1, max_length=60)] = "OnCall link"
    contact_field: Id | None = None


class MappingFile(_Table):
    """The whole file."""

    doctors: tuple[DoctorTable, ...] = ()
    types: TypesTable = TypesTable()
    status: StatusTables = StatusTables()
    policy: Policies = Policies()
    text: TextTable = TextTable()
    addresses: AddressesTable = AddressesTable()
    markers: MarkersTable = MarkersTable()


def read_mapping(text: str, name: str) -> MappingFile:
    """The mapping in `text`; `name` is the file's in errors. Raises MappingError with them all."""
    try:
        data = _plain(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{name}: not TOML: {error}") from None
    try:
        found = MappingFile.model_validate(data)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        told = [Problem.of(text, problem["loc"], problem) for problem in problems]
        raise MappingError("\n".join(problem.told(name) for problem in told)) from None
    twice = _twice(found)
    if twice:
        told = [Problem(line_of(text, path), _key(path), what) for path, what in twice]
        raise MappingError("\n".join(problem.told(name) for problem in told))
    return found


def _plain(value: Any) -> Any:
    """What the file says without what nobody sees: it is compared with what the APIs say."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {plain(key): _plain(one) for key, one in value.items()}
    return value


@dataclass(frozen=True)
class Problem:
    """One mistake: the line (1 is the first; 0 when unknown), the key, and what to write."""

    line: int
    key: str
    what: str

    @classmethod
    def of(cls, text: str, path: Sequence[str | int], problem: Any) -> "Problem":
        """From what pydantic found; what stood there is not repeated."""
        real = [part for part in path if part != "[key]"]
        what = _REMEDIES.get(problem["type"], problem["msg"]).removeprefix("Value error, ")
        return cls(line_of(text, real), _key(real), what)

    def told(self, name: str) -> str:
        """One line of text for it."""
        return f"{name} line {self.line}: {self.key}: {self.what}"


_REMEDIES: Final = {
    "extra_forbidden": "no such key here; remove it or correct its spelling",
    "missing": "is missing; add it",
    "string_pattern_mismatch": "not of the right form; write an id as a plain number, "
    "an exam room as room or office:room, an address with https://",
    "string_type": "write text in quotes",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "tuple_type": "write a list in square brackets",
    "dict_type": "write a table",
    "model_type": "write a table",
}


def _twice(file: MappingFile) -> list[tuple[list[str | int], str]]:
    """Doctors, and pairs of provider and division, that stand in the file twice."""
    problems: list[tuple[list[str | int], str]] = []
    doctors: set[str] = set()
    pairs: set[tuple[str, str]] = set()
    for index, doctor in enumerate(file.doctors):
        if doctor.drchrono in doctors:
            problems.append((["doctors", index, "drchrono"], "this doctor has an entry already"))
        pair = (doctor.oncall_provider, doctor.oncall_division)
        if pair in pairs:
            what = "another doctor has this provider and division; each needs their own"
            problems.append((["doctors", index, "oncall_provider"], what))
        doctors.add(doctor.drchrono)
        pairs.add(pair)
    return problems


def _key(path: Sequence[str | int]) -> str:
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".") or "the file"


_HEADER: Final = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?")
_ASSIGNED: Final = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w.\s-])+?)\s*=""")
_PART: Final = re.compile(r""""([^"]*)"|'([^']*)'|([\w-]+)""")


def line_of(text: str, path: Sequence[str | int]) -> int:
    """The line (from 1) on which the key at `path` stands, else its nearest table's; 0: nowhere.

    tomllib keeps no positions, so headers and keys are looked for again in the text. Lines end as
    in TOML, at LF or CRLF; other signs that Python splits lines at may stand in a text.
    """
    best, depth = 0, 0
    where: list[str | int] = []
    counts: dict[str, int] = {}
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        header = _HEADER.fullmatch(line)
        assigned = _ASSIGNED.match(line)
        if header is not None:
            where = [*_parts(header[2])]
            if header[1] == "[[":
                counts[header[2]] = counts.get(header[2], -1) + 1
                where.append(counts[header[2]])
            here = where
        elif assigned is not None:
            here = [*where, *_parts(assigned[1])]
        else:
            continue
        if len(here) > depth and list(path[: len(here)]) == here:
            best, depth = number, len(here)
    return best


def _parts(dotted: str) -> list[str]:
    return [a or b or c for a, b, c in _PART.findall(dotted)]
