"""Read records of either system, and believe the markers in them only when their seal holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from sync.core.records import Marker, Person, Visit
from sync.drchrono import translate as drchrono
from sync.oncall import translate as oncall
from sync.run.evidence.sealing import is_broken

if TYPE_CHECKING:
    from sync.core.wording import Json
    from sync.matching.scan import Scan


def here(scan: Scan, json: Json) -> Visit:
    """An appointment, without a marker that was edited or copied from another. As `to_visit`."""
    return _believed(scan, drchrono.to_visit(json, scan.mapping), "appointment")


def there(scan: Scan, json: Json) -> Visit:
    """The same for an OnCall visit."""
    return _believed(scan, oncall.to_visit(json, scan.mapping), "appointment")


def patient(scan: Scan, json: Json) -> Person:
    """The same for a patient."""
    return _believed(scan, drchrono.to_person(json, scan.mapping.addresses), "patient")


def contact(scan: Scan, json: Json) -> Person:
    """The same for an OnCall contact."""
    return _believed(scan, oncall.to_person(json, scan.mapping.addresses), "contact")


def _believed(scan: Scan, shown: AnyRecord, kind: str) -> AnyRecord:
    marker, place = shown.marker, (shown.system, kind, shown.remote_id)
    if not isinstance(marker, Marker) or marker.installation not in scan.ours:
        return shown  # another installation's is told as such
    return replace(shown, marker=None) if is_broken(scan.sync.digests, marker, *place) else shown


AnyRecord = TypeVar("AnyRecord", Visit, Person)
