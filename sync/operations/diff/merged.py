"""Say of fields that differ what the engine makes of them: carried soon, or settled like that.

By the digests that are stored of both sides, and what was just read of each by its id.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sync.core.rules.merge import Action, FieldSide, Seen, merge
from sync.operations.diff.model import Found, Standing, What
from sync.operations.diff.shown import APPOINTMENTS, CONTACTS, PATIENTS, VISITS, Shown, Thing, View
from sync.run.changes import compare
from sync.store.compared import linked
from sync.store.tables import baselines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from sync.runtime import Sync

_LISTS: Final = {
    What.VISIT: ((APPOINTMENTS, "appointment"), (VISITS, "appointment")),
    What.PERSON: ((PATIENTS, "patient"), (CONTACTS, "contact")),
}
_OF_FIELDS: Final = frozenset({"fields_differ", "contact_differs"})


def judged(conn: Connection, sync: Sync, shown: Shown, view: View, one: Found) -> Found:
    """The same difference with what becomes of it, where both sides were read by their ids."""
    if one.cause not in _OF_FIELDS or one.standing is not Standing.DIFFERENT:
        return one
    sides = [_seen(conn, sync, shown, one, at) for at in (0, 1)]
    left, right = sides
    if left is None or right is None:
        return one
    words = {_word(one, name, left, right, view) for name in one.fields}
    if words <= {"settled", "one_way", "never_agreed"} and words:
        return one.explained(Standing.EXPLAINED, sorted(words)[0])
    return replace(one, why="not_seen_yet") if "not_seen_yet" in words else one


def _seen(
    conn: Connection, sync: Sync, shown: Shown, one: Found, at: int
) -> Mapping[str, Seen] | None:
    of, kind = _LISTS[one.what][at]
    system, remote_id = (("drchrono", one.drchrono), ("oncall", one.oncall))[at]
    wire = shown.wires.get(Thing(of, remote_id))
    if wire is None:
        return None
    row = linked.known(conn, system, kind, [remote_id]).get(remote_id)
    if row is None:
        return None
    stored = baselines.stored_fields(conn, [row.row])
    return compare(sync.digests, row.row, wire, stored)


def _word(
    one: Found, name: str, left: Mapping[str, Seen], right: Mapping[str, Seen], view: View
) -> str:
    seen = left.get(name, Seen.NEW), right.get(name, Seen.NEW)
    if one.what is What.PERSON:
        return _of_a_person(seen, view)
    policy = view.policy
    # Any two values that differ: the digests say who changed.
    sides = FieldSide(seen[0], "left"), FieldSide(seen[1], "right")
    action = merge(
        *sides,
        record=policy.record,
        new=policy.new,
        to_left=policy.to_drchrono,
        to_right=policy.to_oncall,
    ).action
    if action is Action.HELD:
        return "one_way"
    if action is Action.NOTHING:
        return "settled"
    return "not_seen_yet" if action in {Action.TO_LEFT, Action.TO_RIGHT} else ""


def _of_a_person(seen: tuple[Seen, Seen], view: View) -> str:
    there = seen[1]
    if there is Seen.NEW:
        return "never_agreed"
    if there is Seen.CHANGED and not view.mapping.policy.demographics_back:
        return "one_way"
    if Seen.CHANGED in seen:
        return "not_seen_yet"
    return "settled" if seen == (Seen.SAME, Seen.SAME) else ""
