"""Rebuild the links from the markers of both systems, without a database.

A marker names the visit it belongs to and its counterpart. OnCall's is written with the visit, so
it says most; an appointment's may have been copied along by a clone. Pure.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sync.core.records import Absent, Life, Marker, State, Visit
from sync.core.rules.lifecycle import terminal

# The installation that wrote a marker, and the number of a visit there.
Name = tuple[str, int]


@dataclass(frozen=True)
class Family:
    """What the markers say is one visit.

    `visits` are OnCall's, one for each generation, the present one last; `appointments` DrChrono's
    of the present one, several in a group. `lost` is the counterpart that a marker names and that
    no list showed: whether it is there is for a read by id to say. `unmarked` stand where a group
    does without a marker (not every account lets us have the field): who they are with decides.
    """

    name: Name
    visits: tuple[Visit, ...]
    appointments: tuple[Visit, ...]
    group: bool = False
    lost: str | None = None
    unmarked: tuple[Visit, ...] = ()

    @property
    def generation(self) -> int:
        """The visit's present generation."""
        found = [marker_of(one) for one in self.visits or self.appointments]
        return max(marker.generation for marker in found if marker is not None)

    @property
    def claims(self) -> tuple[tuple[str, str], ...]:
        """What it says is its own, as (system, id)."""
        shown = [(one.system, one.remote_id) for one in (*self.visits, *self.appointments)]
        if self.lost is not None:
            shown.append(("drchrono" if self.visits else "oncall", self.lost))
        return tuple(shown)

    @property
    def present(self) -> Visit | None:
        """The present OnCall visit, where a list showed it."""
        return self.visits[-1] if self.visits else None

    @property
    def occurrence(self) -> str | None:
        """The occurrence of a series that it is."""
        marker = marker_of(self.present)
        return marker.occurrence if marker is not None else None


def marker_of(shown: Visit | None) -> Marker | None:
    """The marker that an object bears, if it was returned and there is one."""
    marker = shown.marker if shown is not None else None
    return marker if isinstance(marker, Marker) else None


def families(
    here: Sequence[Visit], there: Sequence[Visit], ours: frozenset[str]
) -> tuple[Family, ...]:
    """Every visit that a marker of ours names, by its number.

    `here` are DrChrono's appointments with their custom fields, `there` OnCall's visits, `ours` the
    installations whose markers count. What bears none, or a copy of another's, is in no family;
    nor are two that claim the same.
    """
    named: dict[Name, list[Visit]] = defaultdict(list)
    for one in here:
        if (name := _name(one, ours)) is not None:
            named[name].append(one)
    by_id = {one.remote_id: one for one in here}
    by_occurrence = {one.occurrence_key: one for one in here if one.occurrence_key}
    found: dict[Name, Family] = {}
    for name, visits in _by_name(there, ours).items():
        lives = _generations(visits, named.get(name, ()))
        family = _family(name, lives, named.get(name, []), by_id, by_occurrence, ours)
        if family is not None:
            unmarked = _unmarked(family, here) if family.group else ()
            found[name] = replace(family, unmarked=unmarked)
    shown = {one.remote_id for one in there}
    for name, appointments in named.items():
        if name not in found:
            alone = _without_visit(name, appointments, shown)
            if alone is not None:
                found[name] = alone
    once = _claimed_once(found.values())
    return tuple(found[name] for name in sorted(found) if once(found[name]))


def _claimed_once(families: Iterable[Family]) -> Callable[[Family], bool]:
    """Whether nobody else claims an object of a family: which of two it is, a person is asked."""
    claims = Counter(claim for one in families for claim in one.claims)
    return lambda one: all(claims[claim] == 1 for claim in one.claims)


def _name(one: Visit, ours: frozenset[str]) -> Name | None:
    marker = marker_of(one)
    if marker is None or marker.installation not in ours:
        return None
    return marker.installation, marker.aggregate


def _by_name(there: Iterable[Visit], ours: frozenset[str]) -> Mapping[Name, list[Visit]]:
    found: dict[Name, list[Visit]] = defaultdict(list)
    for one in there:
        if (name := _name(one, ours)) is not None:
            found[name].append(one)
    return found


def _generations(visits: Sequence[Visit], named: Sequence[Visit]) -> tuple[Visit, ...]:
    """One visit of each generation: the one that appointments name, else the first one made.

    Two of one generation are one and a copy of it: whoever copies a visit may copy its metadata.
    """
    pointed = {marker.other for one in named if (marker := marker_of(one)) is not None}
    best: dict[int, Visit] = {}
    for one in sorted(visits, key=lambda v: (v.remote_id not in pointed, _number(v.remote_id))):
        marker = marker_of(one)
        if marker is not None:
            best.setdefault(marker.generation, one)
    return tuple(best[generation] for generation in sorted(best))


def _number(remote_id: str) -> tuple[int, str]:
    return (len(remote_id), remote_id)


def _family(
    name: Name,
    visits: tuple[Visit, ...],
    named: Sequence[Visit],
    by_id: Mapping[str, Visit],
    by_occurrence: Mapping[str, Visit],
    ours: frozenset[str],
) -> Family | None:
    present = visits[-1]
    told = marker_of(present)
    assert told is not None  # noqa: S101 - it is what brought it here
    pointing = [one for one in named if _other(one) == present.remote_id]
    if told.other is None or any(one.group for one in pointing):
        return Family(name, visits, _members(pointing), group=True)
    first = by_id.get(told.other) or by_occurrence.get(told.occurrence or "")
    if first is not None and _name(first, ours) not in {None, name}:
        return None  # it stands for another visit since
    if first is not None and _life(first) is Life.RESCHEDULED:
        first = _successor(first, pointing)
    if first is not None:
        return Family(name, visits, (first,))
    if len(pointing) == 1:
        return Family(name, visits, (pointing[0],))
    return Family(name, visits, (), lost=told.other)


def _members(pointing: Sequence[Visit]) -> tuple[Visit, ...]:
    """One appointment of each patient: a clone bears the marker of the one it was made from."""
    best: dict[str, Visit] = {}
    for one in sorted(pointing, key=lambda v: (_is_over(v), _number(v.remote_id))):
        best.setdefault(str(one.patient), one)
    return tuple(sorted(best.values(), key=lambda v: _number(v.remote_id)))


def _unmarked(group: Family, here: Sequence[Visit]) -> tuple[Visit, ...]:
    """Appointments with a group profile and no marker that stand where the group's visit does."""
    present = group.present
    if present is None or isinstance(present.starts, Absent):
        return ()
    return tuple(
        one
        for one in here
        if one.group
        and marker_of(one) is None
        and one.starts == present.starts
        and (isinstance(present.provider, Absent) or one.provider == present.provider)
    )


def _successor(first: Visit, pointing: Sequence[Visit]) -> Visit:
    """The open clone that stands for the visit since its appointment was rescheduled, again too."""
    last, seen = first, {first.remote_id}
    while True:
        clones = [one for one in pointing if one.cloned_from == last.remote_id]
        standing = [one for one in clones if not _is_over(one)] or clones
        if len(standing) != 1 or standing[0].remote_id in seen:
            return first if _is_over(last) else last
        last = standing[0]
        seen.add(last.remote_id)


def _without_visit(name: Name, named: Sequence[Visit], shown: set[str]) -> Family | None:
    """Appointments whose OnCall visit no list showed; None for copies of a shown one's marker."""
    others = {other for one in named if (other := _other(one)) is not None}
    if len(others) != 1 or others & shown:
        return None
    (lost,) = others
    group = any(one.group for one in named)
    members = _members(named) if group else tuple(named[:1]) if len(named) == 1 else ()
    return Family(name, (), members, group=group, lost=lost) if members else None


def _other(one: Visit) -> str | None:
    marker = marker_of(one)
    return marker.other if marker is not None else None


def _life(one: Visit) -> Life | None:
    return one.state.life if isinstance(one.state, State) else None


def _is_over(one: Visit) -> bool:
    if not isinstance(one.state, State):
        return False
    return terminal(one.state) or one.state.life is Life.RESCHEDULED
