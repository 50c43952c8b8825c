"""Write a marker as text, and read it back.

The text is a query string: it fits a URL's `#fragment` (DrChrono's field holds an address that
staff can open), a custom field and a metadata value. A text that does not parse in full is no
marker: a half-edited one must not claim an object (docs/rules.md, R39).
"""

import re
from typing import Final
from urllib.parse import parse_qsl, urlencode

from sync.core.records import Marker
from sync.core.wording import Json

_VERSION: Final = "drchrono-oncall.1"
_INSTALLATION: Final = re.compile(r"[0-9a-f]{8,32}")
_REMOTE: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_SEAL: Final = re.compile(r"[0-9a-f]{24}")
_LONGEST_RECORD: Final = 100
_LONGEST: Final = 2000  # of the address and the marker in it


def marker_text(marker: Marker) -> str:
    """The marker as text, ASCII, without spaces. `record` is outside the seal."""
    parts = {
        "m": _VERSION,
        "i": marker.installation,
        "a": str(marker.aggregate),
        "g": str(marker.generation),
        "l": str(marker.life),
    }
    if marker.other is not None:
        parts["o"] = marker.other
    if marker.occurrence is not None:
        parts["k"] = marker.occurrence
    if marker.seal is not None:
        parts["s"] = marker.seal
    if marker.record is not None:
        parts["r"] = marker.record[:_LONGEST_RECORD]
    return urlencode(parts)


def bound(marker: Marker, system: str, kind: str, remote_id: str | None) -> list[Json]:
    """Give what a marker's seal is made of: all that it says, and the object it is in (ADR 0025).

    `remote_id` None: the object it is written into has no id yet, as it is made with the marker.
    """
    said: list[Json] = [
        marker.installation,
        marker.aggregate,
        marker.generation,
        marker.life,
        marker.other,
        marker.occurrence,
    ]
    return [*said, system, kind, remote_id]


def parse_marker(text: object) -> Marker | None:
    """The marker in `text` (bare, or in the fragment of an address), or None."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    pairs = parse_qsl(text.strip().rpartition("#")[2], keep_blank_values=True)
    parts = dict(pairs)
    if len(parts) != len(pairs) or parts.get("m") != _VERSION:
        return None
    numbers = [_number(parts.get(key, "")) for key in ("a", "g", "l")]
    aggregate, generation, life = numbers
    installation, other = parts.get("i", ""), parts.get("o")
    if aggregate is None or generation is None or life is None:
        return None
    if not _INSTALLATION.fullmatch(installation) or (other and not _REMOTE.fullmatch(other)):
        return None
    seal = parts.get("s")
    if seal is not None and not _SEAL.fullmatch(seal):
        seal = ""  # edited: it is no seal, and not a marker from before there were any
    key, record = parts.get("k"), parts.get("r")
    return Marker(installation, aggregate, generation, life, other, key, seal, record)


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None
