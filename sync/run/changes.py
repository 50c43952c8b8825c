"""Compare what a remote shows with what is stored of it: same, changed, ours, new, unknown."""

from collections.abc import Mapping

from sqlalchemy import Connection

from sync.core.rules.merge import Seen
from sync.core.wording import Json, as_sent
from sync.digests import Digests
from sync.store.tables import journal
from sync.store.tables.baselines import Stored, StoredFields


def compare(
    digests: Digests, object_id: int, wire: Mapping[str, Json], stored: StoredFields
) -> dict[str, Seen]:
    """How each field that was sent stands to its baseline and to our pending writes."""
    return {
        field: _one(digests, object_id, field, value, stored.get((object_id, field), Stored()))
        for field, value in wire.items()
    }


def _one(digests: Digests, object_id: int, field: str, value: Json, known: Stored) -> Seen:
    settled = digests.same(object_id, field, value, known.key_id, known.digest)
    sent = as_sent(value)
    if settled is False and sent != value:
        # A baseline of an earlier version is of the text as it was sent, with what nobody sees.
        settled = digests.same(object_id, field, sent, known.key_id, known.digest)
    if settled:
        return Seen.SAME
    ours = [digests.same(object_id, field, value, key, digest) for key, digest, _call in known.ours]
    if any(ours):
        return Seen.OURS
    if settled is None or None in ours:
        return Seen.UNKNOWN
    return Seen.NEW if known.digest is None else Seen.CHANGED


def unchanged(seen: Mapping[str, Seen]) -> bool:
    """Whether nothing differs from what is settled."""
    return all(value is Seen.SAME for value in seen.values())


def settled(
    digests: Digests, object_id: int, wire: Mapping[str, Json], stored: StoredFields
) -> bool:
    """Whether all of what is shown equals the baselines, under whichever of our keys they are.

    What equals a pending write only does not: that is a write of ours that landed late, over a
    newer state.
    """
    return bool(wire) and unchanged(compare(digests, object_id, wire, stored))


def was_told(conn: Connection, digests: Digests, object_id: int, wire: Mapping[str, Json]) -> bool:
    """Whether the newest delivery that carried an object said the same, under any key of ours.

    One under a key that we don't have may have said anything.
    """
    key_id, told = journal.last_told(conn, object_id)
    if key_id is None or not digests.holds(key_id):
        return False
    return told == digests.fields(object_id, wire, key_id)


def matches(
    sent: Mapping[str, str], key_id: str | None, object_id: int, stored: StoredFields
) -> bool:
    """Whether the digests of a delivery, or of a line of a list, equal the baselines now.

    One made without digests, or with another key than the baselines, never matches: it explains
    nothing, and a read does. Nor does what equals a pending write only.
    """
    if not sent:
        return False
    for field, digest in sent.items():
        known = stored.get((object_id, field), Stored())
        if (known.key_id, known.digest) != (key_id, digest):
            return False
    return True
