"""How what a remote shows now stands to what is stored of it: same, changed, ours, new."""

from collections.abc import Mapping

from sync.core.merge import Seen
from sync.core.wording import Json
from sync.digests import Digests, UnknownKeyError
from sync.store.baselines import Stored

StoredFields = Mapping[tuple[int, str], Stored]


def compare(
    digests: Digests, object_id: int, wire: Mapping[str, Json], stored: StoredFields
) -> dict[str, Seen]:
    """How each field that was sent stands to its baseline and to our pending writes."""
    return {
        field: _one(digests, object_id, field, value, stored.get((object_id, field), Stored()))
        for field, value in wire.items()
    }


def _one(digests: Digests, object_id: int, field: str, value: Json, known: Stored) -> Seen:
    def equals(key_id: str | None, digest: str | None) -> bool:
        if key_id is None:
            return False
        try:
            return digests.field(object_id, field, value, key_id) == digest
        except UnknownKeyError:
            return False

    if equals(known.key_id, known.digest):
        return Seen.SAME
    if any(equals(key_id, digest) for key_id, digest, _call in known.ours):
        return Seen.OURS
    return Seen.NEW if known.digest is None else Seen.CHANGED


def unchanged(seen: Mapping[str, Seen]) -> bool:
    """Whether nothing differs from what is settled."""
    return all(value is Seen.SAME for value in seen.values())


def matches(
    sent: Mapping[str, str], key_id: str | None, object_id: int, stored: StoredFields
) -> bool:
    """Whether the digests of a delivery, or of a line of a list, equal the baselines now.

    One made without digests, or with another key than the baselines, never matches. Nor does what
    equals a pending write only: that is a write of ours that landed late, over a newer state.
    """
    if not sent:
        return False
    for field, digest in sent.items():
        known = stored.get((object_id, field), Stored())
        if (known.key_id, known.digest) != (key_id, digest):
            return False
    return True
