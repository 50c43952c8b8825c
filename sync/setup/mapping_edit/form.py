"""Carry what a form says into the file's text, and leave all else in it as it is.

Comments, order and spelling stay; a key whose value is the same is not touched. The form holds
doctors, types, status words and policies. What it does not hold is edited as text.
"""

import re
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from sync.core.records import Life
from sync.mapping_file import MappingError, MappingFile, Policies, StatusLife, TypeWord
from sync.mapping_file import read_mapping as read

Values = Mapping[str, str]

ONES: Final = ("drchrono", "oncall_provider", "oncall_division", "timezone", "booking_office")
LISTS: Final = ("offices", "exam_rooms")
TYPES: Final = tuple(str(one) for one in get_args(TypeWord))
LIVES: Final = tuple(str(Life(one).value) for one in get_args(StatusLife))
# Tables of a word for each key, and the words that may stand there.
WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "types.profiles": TYPES,
    "types.exam_rooms": TYPES,
    "status.drchrono": LIVES,
    "status.oncall": LIVES,
}
_LONGEST_NUMBER: Final = 18


class FormError(ValueError):
    """The file is written in a way that the form can't change; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """A doctor as the form has them; `was` is their id in the file, "" for a new one."""

    was: str
    values: Values
    remove: bool = False


@dataclass(frozen=True, slots=True)
class Filled:
    """The form, filled in. Lists are written with commas; "" stands for what is not there.

    `words` are the rows of each table of WORDS: key and word.
    """

    doctors: tuple[Row, ...]
    types: Values
    words: Mapping[str, tuple[tuple[str, str], ...]]
    policy: Values


@dataclass(frozen=True, slots=True)
class Choice:
    """One policy: its key, the words it may be (none: a number), and its default."""

    key: str
    words: tuple[str, ...]
    usual: str


def filled(file: MappingFile) -> Filled:
    """The form of a file."""
    plain = file.model_dump(mode="json")
    return Filled(
        doctors=tuple(
            Row(one["drchrono"], {key: _told(one[key]) for key in (*ONES, *LISTS)})
            for one in plain["doctors"]
        ),
        types={key: _told(plain["types"][key]) for key in ("default", "telehealth")},
        words={name: tuple(_at(plain, name).items()) for name in WORDS},
        policy={key: _told(value) for key, value in plain["policy"].items()},
    )


def choices() -> tuple[Choice, ...]:
    """Every policy, in the file's order."""
    usual = Policies().model_dump(mode="json")
    return tuple(
        Choice(key, _words(one.annotation), _told(usual[key]))
        for key, one in Policies.model_fields.items()
    )


def changed(text: str, form: Filled, name: str) -> str:
    """The text with what the form says. Raises FormError, and MappingError for a wrong text."""
    before = read(text, name)
    was = filled(before)
    try:
        document = tomlkit.parse(_without(text, was.doctors, form.doctors))
        _doctors(document, form.doctors, {row.was: row.values for row in was.doctors})
        for key, value in form.types.items():
            _set(document, ("types", key), was.types.get(key, ""), value)
        for table, rows in form.words.items():
            _words_of(document, tuple(table.split(".")), was.words[table], rows)
        for one in choices():
            told = _typed(form.policy.get(one.key, ""), one)
            _set(document, ("policy", one.key), was.policy[one.key], told)
        after = tomlkit.dumps(document)
    except (TOMLKitError, AttributeError, KeyError, TypeError) as error:
        raise FormError(_OTHERWISE) from error
    _look(after, before, form, name)
    return after


_OTHERWISE: Final = "The file is written in a way that the form can't change: edit it as text."


def _look(after: str, before: MappingFile, form: Filled, name: str) -> None:
    """Raise FormError unless the text says what the form says, and all else as before.

    A text with mistakes passes: they are told by whoever judges it.
    """
    try:
        found = read(after, name)
    except MappingError:
        return
    again = filled(found)
    kept = [row for row in form.doctors if not row.remove]
    same = [[_split(row.values.get(key, "")) for key in (*ONES, *LISTS)] for row in kept] == [
        [_split(row.values[key]) for key in (*ONES, *LISTS)] for row in again.doctors
    ]
    rest = {"text", "addresses", "markers"}
    if not same or found.model_dump(include=rest) != before.model_dump(include=rest):
        raise FormError(_OTHERWISE)


# --- doctors --------------------------------------------------------------------------------------


_ENTRY: Final = re.compile(r"""\s*\[\[\s*["']?doctors["']?\s*\]\]""")
_HEADER: Final = re.compile(r"""\s*\[(?!\s*["']?doctors["']?\s*\.)""")


def _without(text: str, was: Sequence[Row], told: Sequence[Row]) -> str:
    """The text without the doctors that are to go: their lines, and no comment around them."""
    gone = {row.was for row in told if row.remove and row.was}
    lines = text.split("\n")
    headers = [at for at, line in enumerate(lines) if _HEADER.match(line)] + [len(lines)]
    entries = [at for at in headers[:-1] if _ENTRY.match(lines[at])]
    if len(entries) != len(was):
        raise FormError(_OTHERWISE)
    for row, begins in reversed(list(zip(was, entries, strict=True))):
        if row.was in gone:
            ends = min(at for at in headers if at > begins)
            while ends - 1 > begins and re.fullmatch(r"\s*(#.*)?", lines[ends - 1]):
                ends -= 1
            del lines[begins:ends]
    return "\n".join(lines)


def _doctors(document: Any, rows: Sequence[Row], was: Mapping[str, Values]) -> None:
    tables = document.get("doctors")
    given = {row.was: row for row in rows if row.was}
    for table in tables or ():
        own = str(table["drchrono"]).strip()
        if own in given:
            _entry(table, was[own], given[own].values)
    for row in rows:
        if row.was or row.remove:
            continue
        table = tomlkit.table()
        _entry(table, {}, row.values)
        table.add(tomlkit.nl())
        if tables is None:
            if document.as_string().strip():
                document.add(tomlkit.nl())
            document["doctors"] = tomlkit.aot()
            tables = document["doctors"]
        if len(tables) and not tables[-1].as_string().endswith("\n\n"):
            tables[-1].add(tomlkit.nl())
        tables.append(table)


def _entry(table: Any, was: Values, told: Values) -> None:
    for key in ONES:
        _set(table, (key,), was.get(key, ""), told.get(key, ""))
    for key in LISTS:
        if _split(told.get(key, "")) == _split(was.get(key, "")):
            continue
        _put(table, key, [_number(one) for one in _split(told.get(key, ""))] or None)


# --- values ---------------------------------------------------------------------------------------


def _set(table: Any, path: tuple[str, ...], was: str, told: object) -> None:
    """Set one value unless it is the same; "" takes the key away."""
    if (told if isinstance(told, str) else _told(told)).strip() == was:
        return
    value = _number(told.strip()) if isinstance(told, str) else told
    for name in path[:-1]:
        table = _inner(table, name)
    _put(table, path[-1], value if value != "" else None)


def _put(table: MutableMapping[str, Any], key: str, value: object) -> None:
    if value is None:
        if key in table:
            del table[key]
    elif key in table or not isinstance(table, Table):
        table[key] = value
    else:
        # Comments below the last key stand above what follows: a new key goes before them.
        body = table.value.body
        ends = len(body)
        while ends and body[ends - 1][0] is None:
            ends -= 1
        below = body[ends:]
        del body[ends:]
        table[key] = value
        body.extend(below)


def _inner(table: Any, name: str) -> Any:
    if name not in table:
        table[name] = tomlkit.table()
    return table[name]


def _words_of(
    document: Any,
    path: tuple[str, ...],
    was: Sequence[tuple[str, str]],
    told: Sequence[tuple[str, str]],
) -> None:
    wanted = {key.strip(): word for key, word in told if key.strip()}
    before = dict(was)
    if wanted == before:
        return
    table = document
    for name in path:
        table = _inner(table, name)
    for key in [one for one in table if one.strip() not in wanted]:
        del table[key]
    for key, word in wanted.items():
        if before.get(key) != word:
            table[key] = word


def _typed(told: str, one: Choice) -> object:
    """A policy's value as the file holds it: true and false, a number, or a word."""
    if set(one.words) == {"true", "false"}:
        return {"true": True, "false": False}.get(told, told)
    return told


def _number(told: str) -> int | str:
    """A plain number bare, as the file's examples have it; anything else stays text."""
    plain = told.isascii() and told.isdigit() and (told == "0" or not told.startswith("0"))
    return int(told) if plain and len(told) <= _LONGEST_NUMBER else told


def _told(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(value) if isinstance(value, list | tuple) else str(value)


def _split(told: str) -> list[str]:
    return [one.strip() for one in told.split(",") if one.strip()]


def _at(plain: Mapping[str, Any], name: str) -> dict[str, str]:
    outer, inner = name.split(".")
    found: dict[str, str] = plain[outer][inner]
    return found


def _words(annotation: Any) -> tuple[str, ...]:
    """The words that a policy may be; none for a number."""
    if annotation is bool:
        return ("false", "true")
    if get_origin(annotation) is Literal:
        return tuple(str(one) for one in get_args(annotation))
    if get_origin(annotation) in {Union, UnionType}:
        return ()
    return tuple(str(one.value) for one in annotation) if hasattr(annotation, "__members__") else ()
