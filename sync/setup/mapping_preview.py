"""Count what another mapping file would touch, before it acts: visits and mails.

Each appointment to come is read with both files. Values of neither are kept or told.
"""

import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from sync.core.records import Absent, State, Visit, present
from sync.core.rules.lifecycle import terminal
from sync.drchrono import translate as drchrono
from sync.mapping import Mapping, in_scope
from sync.runtime import Sync
from sync.store.tables import facts, links


@dataclass(frozen=True, slots=True)
class MappingPreview:
    """Visits to come by what the other file means for them, and the mails it may cause at most.

    `linked` stand in both systems; of those `touched` have another type, time or provider, and
    `leave` are not synced any more. `enter` begin to be. Not `whole`: some were not looked at.
    """

    linked: int
    touched: int
    enter: int
    leave: int
    mails: int
    whole: bool = True


def preview(
    sync: Sync, other: Mapping, *, pages: int | None = None, seconds: float | None = None
) -> MappingPreview:
    """Compare the file in force with another one, on a fresh list of appointments.

    At most so many pages are read, and none is begun after so many seconds; None: all of them.
    Raises MappingError for the file in force, and the RemoteErrors of the list.
    """
    now, old = sync.clock(), sync.mapping
    with sync.store.read() as conn:
        new = facts.told(conn, other)
    days = min(max(old.policy.window_days, new.policy.window_days), sync.settings.window_days)
    first, last = (now - timedelta(days=1)).date(), (now + timedelta(days=days)).date()
    found: Counter[str] = Counter()
    began, whole = time.monotonic(), True
    listed = sync.drchrono.list_appointments(
        sync.task_ticket(), date_range=f"{first.isoformat()}/{last.isoformat()}"
    )
    for number, page in enumerate(listed, start=1):
        for json in page.results:
            before, after = drchrono.to_visit(json, old), drchrono.to_visit(json, new)
            # A zone that only the other file tells makes a visit's time known at all.
            starts = present(before.starts, present(after.starts, now))
            if starts < now or _is_over(before):
                continue
            linked = _is_linked(sync, before.remote_id)
            found["linked"] += linked
            found[_meaning(old, new, before, after, linked=linked)] += 1
        late = seconds is not None and time.monotonic() - began >= seconds
        if page.next and (late or number == pages):
            whole = False
            break
    leaving = found["leave"] if new.policy.left_scope == "cancel" else 0
    return MappingPreview(
        linked=found["linked"],
        touched=found["touched"],
        enter=found["enter"],
        leave=found["leave"],
        mails=found["touched"] + found["enter"] + leaving,
        whole=whole,
    )


def _meaning(old: Mapping, new: Mapping, before: Visit, after: Visit, *, linked: bool) -> str:
    was, will = in_scope(old, before), in_scope(new, after)
    if not linked:
        return "enter" if will and not was else ""
    if not will:
        return "leave"
    same = (before.type, before.starts, _place(old, before)) == (
        after.type,
        after.starts,
        _place(new, after),
    )
    return "" if same else "touched"


def _place(mapping: Mapping, shown: Visit) -> tuple[str, str] | None:
    """The OnCall provider and division that a visit's doctor is."""
    entry = None if isinstance(shown.provider, Absent) else mapping.doctor(shown.provider)
    return None if entry is None else (entry.oncall_provider, entry.oncall_division)


def _is_over(shown: Visit) -> bool:
    return isinstance(shown.state, State) and terminal(shown.state)


def _is_linked(sync: Sync, remote_id: str) -> bool:
    with sync.store.read() as conn:
        obj = links.find(conn, "drchrono", "appointment", remote_id)
        objects = links.objects_of(conn, obj.aggregate) if obj else []
    return any(o.system == "oncall" and o.kind == "appointment" and o.known for o in objects)
