"""Recognise columns by their headers, in the spellings that exports of health records use.

What may mean somebody else than the patient (a guarantor's address, a referring doctor) is left to
a person: a guess would be a wrong patient.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from typing import TYPE_CHECKING, Final

from sync.core.batch.model import Kind
from sync.core.rules.people import normal_name
from sync.core.texts import bare
from sync.sheets import spellings
from sync.sheets.values import dates, words
from sync.sheets.values.times import is_midnight

if TYPE_CHECKING:
    from collections.abc import Sequence

_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_WORD: Final = re.compile(r"[^a-z0-9#]+")
_LONGEST: Final = 80
_WHEN: Final = frozenset({"start", "date", "time"})


def folded(header: str) -> str:
    """A header as it is compared: words without case, accents and punctuation, one blank between.

    `PatientFirstName`, `patient_first_name` and `Patient: First Name*` are one.
    """
    words = _CAMEL.sub(" ", bare(header))
    return " ".join(_NO_WORD.sub(" ", normal_name(words)).replace("#", " number ").split())


def recognised(
    kind: Kind, headers: Sequence[str], samples: Sequence[Sequence[str]] = ()
) -> dict[int, str]:
    """The field of each column whose header says it, by the column's place.

    The first rows, where they are given, tell a time from a date with its time, and an id from a
    name. Of two columns for one field the one that says it better is taken; of two that say it
    alike neither is.
    """
    found: dict[str, list[tuple[int, int]]] = {}
    for column, header in enumerate(headers):
        meant = spellings.meant(kind, folded(header)) if len(header) <= _LONGEST else None
        if meant is not None:
            cells = [row[column] for row in samples if column < len(row) and row[column]]
            field, rank = _shown(meant[0], cells), meant[1]
            if field is None:
                continue
            found.setdefault(field, []).append((rank, column))
    chosen: dict[int, str] = {}
    for field, columns in found.items():
        columns.sort()
        alike = len(columns) > 1 and columns[0][0] == columns[1][0]
        if not alike:
            chosen[columns[0][1]] = field
    return dict(sorted(_whole(kind, chosen).items()))


def header_digest(kind: Kind, headers: Sequence[str]) -> str:
    """What a choice of columns is remembered under: of the kind, and the names in their order."""
    names = [unicodedata.normalize("NFC", header).strip() for header in headers]
    text = json.dumps([kind.value, names], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _shown(field: str, cells: list[str]) -> str | None:
    """The field of a column, having seen its first cells; None where they are of another matter."""
    if not cells:
        return field
    if field in _WHEN:
        found = [one for cell in cells for one in dates.readings(cell).values()]
        if not found:
            return "time" if field == "start" else None if field == "date" else field
        with_time = any(not is_midnight(one.rest) for one in found)
        if field == "date":
            return "start" if with_time else field
        return "start" if with_time or field == "time" else "date"
    if field == "full_name" and all(any(map(str.isdigit, cell)) for cell in cells):
        return "record"
    if field == "type" and not any(normal_name(cell) in words.TYPES for cell in cells):
        return None
    return field


def _whole(kind: Kind, chosen: dict[int, str]) -> dict[int, str]:
    """The choice without what another column says better."""
    fields = set(chosen.values())
    out: set[str] = set()
    if {"first_name", "last_name"} <= fields:
        out |= {"full_name", "full_name_reversed"}
    elif fields & {"full_name", "full_name_reversed"}:
        out |= {"first_name", "last_name"}
    if "full_name" in fields:
        out.add("full_name_reversed")
    if kind is Kind.IMPORT_APPOINTMENTS:
        if "start" in fields:
            out |= {"date", "time"}
        if "minutes" in fields:
            out.add("end_time")
    return {column: field for column, field in chosen.items() if field not in out}
