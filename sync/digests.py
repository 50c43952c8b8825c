"""Make keyed digests, so that a value can be compared later without being kept.

HMAC-SHA256 over canonical JSON. Field digests are of that side's own wire form and salted by the
object's row and the field, so equal values of two patients don't look alike in a stolen database.
"""

import hashlib
import hmac
import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

from sync.core.wording import Json

SHORTEST_KEY: Final = 32
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


class UnknownKeyError(LookupError):
    """A digest was made with a key that is no longer configured."""


class Digests:
    """Makes digests with the current key, and with older ones to compare with what is stored."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """`keys`: the first is current, the others still read. Raises ValueError on weak ones."""
        if not keys:
            raise ValueError("no digest key is configured")
        if any(len(key) < SHORTEST_KEY for key in keys):
            raise ValueError(f"a digest key has fewer than {SHORTEST_KEY} bytes")
        self._keys = {_key_id(key): key for key in reversed(keys)}
        self.key_id = _key_id(keys[0])

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Every configured key's id."""
        return tuple(self._keys)

    def field(self, object_id: int, field: str, wire: Json, key_id: str | None = None) -> str:
        """The digest of one field of our object row, 64 hex digits. Raises UnknownKeyError."""
        return self._digest(["field", object_id, field, wire], key_id)

    def same(
        self, object_id: int, field: str, wire: Json, key_id: str | None, digest: str | None
    ) -> bool | None:
        """Whether a stored digest is that of a value; None when its key is not configured.

        Nothing may follow from None: it is neither a change nor none (ADR 0018).
        """
        if key_id is None or digest is None:
            return False
        if key_id not in self._keys:
            return None
        return hmac.compare_digest(self.field(object_id, field, wire, key_id), digest)

    def proof(self, key_id: str) -> str:
        """What is kept of a key to tell it from another, 64 hex digits. Raises UnknownKeyError."""
        return self._digest(["proof"], key_id)

    def derived(self, purpose: str, key_id: str) -> bytes:
        """A key for one purpose only, of a key of ours. Raises UnknownKeyError."""
        key = self._keys.get(key_id)
        if key is None:
            raise UnknownKeyError("a stored row names a key that is not configured")
        return hmac.new(key, purpose.encode(), hashlib.sha256).digest()

    def seal(self, bound: Sequence[Json], key_id: str | None = None) -> str:
        """The seal of a marker, 24 hex digits, with a key that is derived for nothing else."""
        derived = self.derived("marker seal", self.key_id if key_id is None else key_id)
        text = json.dumps(list(bound), separators=(",", ":"), allow_nan=False)
        return hmac.new(derived, text.encode(), hashlib.sha256).hexdigest()[:24]

    def sealed(self, bound: Sequence[Json], seal: str) -> bool:
        """Whether a seal was made with any of our keys."""
        return any(hmac.compare_digest(self.seal(bound, key), seal) for key in self._keys)

    def account(self, *parts: str, key_id: str | None = None) -> str:
        """What is kept of an account's address and credential, 64 hex digits."""
        return self._digest(["account", *parts], key_id)

    def holds(self, key_id: str | None) -> bool:
        """Whether that key is configured."""
        return key_id in self._keys

    def fields(
        self, object_id: int, wire: Mapping[str, Json], key_id: str | None = None
    ) -> dict[str, str]:
        """The digests of all fields that were sent, with a key (the current). As `field`."""
        return {name: self.field(object_id, name, value, key_id) for name, value in wire.items()}

    def person(self, what: str, *parts: str, key_id: str | None = None) -> str:
        """The digest by which a known person is found; case, width and spaces don't matter."""
        return self._digest(["person", what, *(_normal(part) for part in parts)], key_id)

    def installation(self, practice_group: str, oncall_org: str, key_id: str | None = None) -> str:
        """The installation's id, 16 hex digits, from both accounts and a key (the current)."""
        return self._digest(["installation", practice_group, oncall_org], key_id)[:16]

    def installations(self, practice_group: str, oncall_org: str) -> frozenset[str]:
        """The ids under every configured key: markers written before a key change are ours too."""
        return frozenset(self.installation(practice_group, oncall_org, key) for key in self._keys)

    def _digest(self, parts: list[Json], key_id: str | None) -> str:
        key = self._keys.get(self.key_id if key_id is None else key_id)
        if key is None:
            raise UnknownKeyError("a stored digest names a key that is not configured")
        return hmac.digest(key, _CANONICAL(parts).encode(), "sha256").hex()


def _key_id(key: bytes) -> str:
    return hmac.new(key, b"key id", hashlib.sha256).hexdigest()[:8]


def _normal(part: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", part).casefold().split())
