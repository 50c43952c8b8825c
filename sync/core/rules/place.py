"""Say where a visit stands: its slot, for one person or for a group."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from sync.core.records import Absent, State
from sync.core.rules.group import Slot, slot_of
from sync.core.rules.lifecycle import terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sync.core.records import Visit


def slot_key(doctor: str, starts: datetime, person: int) -> str:
    """What no two open visits may share: doctor, start (UTC) and person."""
    return f"{doctor}:{starts:%Y%m%dT%H%M}:{person}"


def of_group(
    members: Sequence[Visit], there: Visit | None, office: Callable[[str], str | None]
) -> Slot | None:
    """Say where a group stands by what was read of it: as most open members, else as OnCall has it.

    `office` tells where visits from OnCall are booked with a doctor. None when it is not known.
    """
    open_ = [m for m in members if not (isinstance(m.state, State) and terminal(m.state))]
    slots = Counter(slot for one in open_ or members if (slot := slot_of(one)) is not None)
    if slots:
        most = max(slots.items(), key=lambda item: item[1])[0]
    elif there is None or any(one.group for one in members):
        return None
    else:
        shown = [*members, there]
        starts = next((v.starts for v in shown if not isinstance(v.starts, Absent)), None)
        doctor = next((v.provider for v in shown if not isinstance(v.provider, Absent)), None)
        if starts is None or doctor is None or isinstance(there.minutes, Absent):
            return None
        most = Slot(doctor, office(doctor) or "", starts, there.minutes)
    if there is None or any(one.group for one in members):
        return most
    return replace(most, born=there.remote_id)
