"""Read the form that names a file's columns, and say what it shows."""

from dataclasses import dataclass, field
from typing import Any, Final

from werkzeug.datastructures import MultiDict

from sync.batches.showing import Columns
from sync.core.batch.model import Batch
from sync.mapping import MappingError
from sync.runtime import Sync
from sync.sheets import fields
from sync.sheets.errors import ChoiceError
from sync.sheets.values.dates import TITLES

_ASKS_FORMAT: Final = ("date_format_asked", "date_format_unfit")
_LONGEST: Final = 80


@dataclass(frozen=True, slots=True)
class Typed:
    """What the form says: fields by the column's place, a format of dates, a provider."""

    columns: dict[int, str] = field(default_factory=dict)
    date_format: str = ""
    provider: str = ""


def typed(told: MultiDict[str, str], found: Columns) -> Typed:
    """The form as it was filled in; the columns that it leaves open have no field."""
    columns = {
        at: told[f"c{at}"][:_LONGEST] for at in range(len(found.headers)) if told.get(f"c{at}", "")
    }
    return Typed(
        columns, told.get("date_format", "")[:_LONGEST], told.get("provider", "")[:_LONGEST]
    )


def shown(
    sync: Sync, batch: Batch, found: Columns, told: Typed, wrong: ChoiceError | None
) -> dict[str, Any]:
    """What the page of the columns shows."""
    several = {name for each in found.date_formats.values() if len(each) > 1 for name in each}
    asked = wrong is not None and wrong.code in _ASKS_FORMAT
    formats = [name for name in TITLES if name in several] or (list(TITLES) if asked else [])
    return {
        "headers": found.headers,
        "chosen": told.columns,
        "remembered": found.remembered,
        "fields": fields.FIELDS[batch.kind],
        "formats": [(name, TITLES[name]) for name in formats],
        "date_format": told.date_format,
        "providers": _providers(sync),
        "provider": told.provider,
    }


def _providers(sync: Sync) -> list[tuple[str, str]]:
    """The mapped doctors, by DrChrono's id, and which provider each is: one may be several."""
    try:
        doctors = sync.mapping.doctors
    except MappingError:
        return []
    return [(one.drchrono, one.oncall_provider) for one in doctors]
