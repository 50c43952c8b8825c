"""Find the visits that a page of OnCall's list shows just as they are settled.

A page shows twenty visits for one call. Seeing there that nothing about a visit changed is as good
as reading it by its id, so it counts as looked at. Whatever a page shows otherwise, or not wholly
(list items may lack fields: docs/api-facts.md, O12), is left to the read by id. A page that is some
seconds old hides a change no longer than until the visit's next turn.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from sqlalchemy import Connection

from sync.core.wire import MalformedError
from sync.core.wording import Json
from sync.digests import Digests
from sync.oncall import translate as oncall
from sync.oncall.translate import participants_wire
from sync.run import rekeying
from sync.run.changes import compare, unchanged
from sync.runtime import Sync
from sync.store import objects
from sync.store.tables import baselines, facts
from sync.store.tables.baselines import StoredFields
from sync.store.visits import listed

# Whether list items tell all that a read by id is compared by: "yes" or "no".
TELLS_ALL = "oncall_list_tells_all"
NEEDED = frozenset({"starts", "minutes", "type", "state"})
# What was made by us this recently and shows in a list proves that the list shows new objects; so
# it is looked at closely.
PROOF = timedelta(hours=1)

Fields = dict[str, Json]
Listed = dict[str, tuple[Fields, dict[str, Fields]]]  # remote id → its own, its participants'


def settled(conn: Connection, sync: Sync, records: Iterable[Mapping[str, Json]]) -> frozenset[str]:
    """The remote ids of those that show all of a linked visit as it is settled; noted as seen."""
    shown = _read(records)
    rows = listed.marked_among(conn, shown, sync.clock() - PROOF)
    if not rows:
        return frozenset()
    whole = [row for row in rows if shown[row.remote_id][0].keys() >= NEEDED]
    _learn(conn, sync, tells_all=bool(whole))
    people = listed.participants_of(conn, [row.aggregate for row in whole])
    of_all = [row.id for row in whole]
    of_all += [one for known in people.values() for one in known.values()]
    stored = baselines.stored_fields(conn, of_all)
    coming = listed.coming_to(conn, [row.aggregate for row in whole])
    names = _names(stored)
    same = [
        row
        for row in whole
        if _is_same(sync.digests, row.id, shown[row.remote_id][0], stored)
        and _same_people(
            sync.digests,
            shown[row.remote_id][1],
            people.get(row.aggregate, {}),
            coming.get(row.aggregate, set()),
            stored,
            names,
        )
    ]
    for row in same:
        own, theirs = shown[row.remote_id]
        rekeying.shown(conn, sync.digests, row.id, own, stored)
        rekeying.provider(conn, sync, row.id, stored)
        for remote_id, wire in theirs.items():
            rekeying.shown(conn, sync.digests, people[row.aggregate][remote_id], wire, stored)
    ids = [row.id for row in same]
    objects.note_seen(conn, ids, sync.clock())
    return frozenset(row.remote_id for row in same)


def _read(records: Iterable[Mapping[str, Json]]) -> Listed:
    """What the records say; one that can't be read is told of by whoever looks at it closely."""
    found: Listed = {}
    for json in records:
        try:
            remote_id = oncall.id_from_url(str(json.get("url")))
            found[remote_id] = oncall.wire("appointment", dict(json)), participants_wire(json)
        except MalformedError:
            continue
    return found


def _learn(conn: Connection, sync: Sync, *, tells_all: bool) -> None:
    word = "yes" if tells_all else "no"
    if facts.get(conn, TELLS_ALL) != word:
        facts.put(conn, TELLS_ALL, word, sync.clock())


def _is_same(digests: Digests, object_id: int, wire: Fields, stored: StoredFields) -> bool:
    """Whether all of it is settled, and nothing of it on its way."""
    on_its_way = any(stored[object_id, name].ours for name in wire if (object_id, name) in stored)
    return not on_its_way and unchanged(compare(digests, object_id, wire, stored))


def _names(stored: StoredFields) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for object_id, name in stored:
        found.setdefault(object_id, set()).add(name)
    return found


def _same_people(
    digests: Digests,
    shown: dict[str, Fields],
    known: dict[str, int],
    coming: set[int],
    stored: StoredFields,
    names: Mapping[int, set[str]],
) -> bool:
    """Whether exactly who is known is there, as settled, and everybody who is to come."""
    if not shown.keys() <= known.keys() or not coming <= {known[one] for one in shown}:
        return False
    for remote_id, wire in shown.items():
        row = known[remote_id]
        if not names.get(row, set()) <= wire.keys() or not _is_same(digests, row, wire, stored):
            return False
    return True
