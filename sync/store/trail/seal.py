"""Chain the rows of the audit: each MAC covers the row and the MAC before it, under our key.

Whoever can write the database but has no digest key can change, remove or re-chain rows only so
that it is found (`trail.proof`). The end of the chain is told outside the database, as no chain
can tell that its last rows are missing.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final, Protocol

# Each of them is in the MAC, in this order.
COVERED: Final = (
    *("seq", "at", "kind", "actor", "door", "action", "subjects", "fields", "outcome"),
    *("request", "key_id", "previous"),
)


class ChainKeys(Protocol):
    """Where the key of a chain comes from: `sync.digests.Digests`."""

    key_id: str

    def holds(self, key_id: str | None) -> bool:
        """Whether that key is configured."""

    def derived(self, purpose: str, key_id: str) -> bytes:
        """A key for one purpose only. Raises UnknownKeyError."""


def mac(keys: ChainKeys, row: Mapping[str, Any]) -> str:
    """The MAC of a row, 64 hex digits, with the key that it names. Raises UnknownKeyError."""
    told = {**row, "at": row["at"].astimezone(UTC).isoformat(timespec="microseconds")}
    text = json.dumps([told[name] for name in COVERED], separators=(",", ":"), allow_nan=False)
    key = keys.derived("audit", row["key_id"])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
