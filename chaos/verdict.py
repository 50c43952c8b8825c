"""Judge a run: what was lost, what is there twice, which mails were too many.

Held against what people said (`chaos.staff`), from both systems' own state. Of the service only
two things are asked: which halves belong together, to name them, and which conflicts it recorded.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from chaos.agreement import DOCTORS, OVER_HERE, OVER_THERE, TYPES, Shown, differences
from chaos.desk import PROFILES
from chaos.faults import Kind
from chaos.groups import Group
from chaos.plan import Do, Said, Side
from chaos.staff import Ledger, Staff, Visit
from cli.world.world import World
from sync.store.schema import conflict, object_

Row = dict[str, Any]
# The clinic's groups are online, as `chaos.run` tells the mapping.
PROFILE_TYPES = {**TYPES, **{one["group"]: "online" for one in PROFILES.values()}}


class Snapshot:
    """Both systems' objects at one moment."""

    def __init__(self, world: World) -> None:
        self._objects = {
            str(side): world.control.state(str(side))["objects"] for side in Side
        }  # fmt: skip

    def of(self, remote: str, kind: str) -> list[Row]:
        """Every object of a kind on one side."""
        rows: list[Row] = self._objects[remote][kind]
        return rows


@dataclass(slots=True)
class Verdict:
    """What is wrong, one line each with the visits' ids; empty lists are what a run is for."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong_charts: list[str] = field(default_factory=list)
    surplus_mails: list[str] = field(default_factory=list)
    met: int = 0  # of two people who changed one field at once, the one who gave way unrecorded

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.wrong_charts or self.surplus_mails)


def judge(world: World, staff: Staff) -> Verdict:
    """Compare both systems field by field with what was said; ask when nothing waits any more."""
    for visit in staff.ledger.visits.values():
        staff.other_half(visit)
    staff.find_groups()
    with world.sync.store.read() as conn:
        recorded = _conflicts(conn)
    return weigh(Snapshot(world), staff.ledger, recorded, world.control.mails())


def weigh(
    shown: Shown, ledger: Ledger, recorded: set[tuple[str, str, str]], mails: list[Row]
) -> Verdict:
    """The verdict on what both systems show; `recorded` is (system, id, field) of each conflict."""
    verdict = Verdict()
    judging = _Judging(shown, ledger, recorded, verdict)
    judging.visits()
    judging.groups()
    _doubles(shown, ledger, verdict)
    _mails(mails, ledger, verdict)
    named_already = bool(verdict.lost or verdict.doubled)
    for line in differences(shown, types=PROFILE_TYPES):
        if line[0].isdigit():
            verdict.doubled.append(line)
        elif not (line.startswith("only in") and named_already):
            verdict.lost.append(line)
    return verdict


class _Judging:
    def __init__(
        self,
        shown: Shown,
        ledger: Ledger,
        recorded: set[tuple[str, str, str]],
        verdict: Verdict,
    ) -> None:
        self._ledger = ledger
        self._recorded = recorded
        self._verdict = verdict
        self._rows = {side: _by_id(shown.of(str(side), "appointments")) for side in Side}
        self._charts = _by_id(shown.of("drchrono", "patients"))

    def visits(self) -> None:
        for visit in self._ledger.visits.values():
            for problem in self._problems(visit):
                self._verdict.lost.append(f"{named(visit)}: {problem}")

    def groups(self) -> None:
        for group in self._ledger.groups.values():
            for problem in self._of_group(group):
                self._verdict.lost.append(f"{named_group(group)}: {problem}")

    def _of_group(self, group: Group) -> Iterator[str]:
        here, there = Side.DRCHRONO, Side.ONCALL
        for who, appointment in group.appointments.items():
            row = self._rows[here][appointment]
            if is_open(here, row) == (who in group.left):
                what = "still open" if who in group.left else "over, and nobody said so"
                yield f"the appointment {appointment} is {what}"
            if who in group.members and _value("starts", here, row) != group.said.value:
                yield f"the appointment {appointment} is not at {group.said.value}"
        rows = [self._rows[there][one] for one in group.visits if one in self._rows[there]]
        open_ones = [row for row in rows if is_open(there, row)]
        if len(open_ones) != min(1, len(group.members)):
            yield f"has {len(open_ones)} open visits in OnCall"
        for row in open_ones:
            if _value("starts", there, row) != group.said.value:
                yield f"is in OnCall at {row['datetime']}, not at {group.said.value}"
        come = sorted(
            (one["first_name"], one["last_name"], one["email"])
            for row in open_ones
            for one in row["participants"]
            if not one["cancelled"]
        )
        charts = [self._charts[str(self._ledger.charts[who])] for who in group.members]
        if come != sorted((one["first_name"], one["last_name"], one["email"]) for one in charts):
            yield f"{len(come)} come in OnCall, {len(charts)} in DrChrono, or they differ"

    def _problems(self, visit: Visit) -> Iterator[str]:
        rows = {side: self._rows[side].get(visit.ids.get(side, "")) for side in Side}
        if visit.ended:
            for side, row in rows.items():
                if row is not None and is_open(side, row):
                    said = visit.ended[-1]
                    yield f"still open in {side}, ended in {said.side} (edit {said.edit})"
            return
        for side, row in rows.items():
            if row is None:
                yield f"is not in {side}"
            elif not is_open(side, row):
                yield f"is over in {side}, and nobody ended it"
        here, there = rows[Side.DRCHRONO], rows[Side.ONCALL]
        if here is not None and not self._is_theirs(visit, here):
            self._verdict.wrong_charts.append(f"{named(visit)}: patient {here['patient']}")
        if here is None or there is None:
            return
        for name, all_said in visit.said.items():
            shows = {_value(name, Side.DRCHRONO, here), _value(name, Side.ONCALL, there)}
            yield from self._field(visit, name, all_said, shows)
        yield from self._person(here, there)

    def _is_theirs(self, visit: Visit, here: Row) -> bool:
        """Whether an appointment is in the chart of whom it was booked for."""
        known = self._ledger.charts.get(visit.person)
        if known is not None:
            return str(here["patient"]) == str(known)
        chart, names = self._charts[str(here["patient"])], self._ledger.names.get(visit.person)
        return names is None or all(chart[name] == value for name, value in names.items())

    def _field(
        self, visit: Visit, name: str, said: list[Said], shows: set[str]
    ) -> Iterator[str]:  # fmt: skip
        last = said[-1]
        if shows == {last.value}:
            return
        others = [one for one in said if one.side is not last.side][-1:]
        if len(shows) == 1 and others and shows == {others[0].value}:
            if any((side, visit.ids[side], name) in self._recorded for side in Side):
                return
            if last.met and others[0].met:
                self._verdict.met += 1
                return
        yield (
            f"{name} is {' and '.join(sorted(shows))}, last said to be {last.value} in "
            f"{last.side} (edit {last.edit})"
        )

    def _person(self, here: Row, there: Row) -> Iterator[str]:
        chart = self._charts[str(here["patient"])]
        open_ones = [one for one in there["participants"] if not one["cancelled"]]
        for name in ("first_name", "last_name", "email"):
            if [one[name] for one in open_ones] != [chart[name]]:
                yield f"the {name} in OnCall is not that of the chart {chart['id']}"


def named(visit: Visit) -> str:
    """A visit by its ids."""
    ids = ", ".join(f"{side} {visit.ids.get(side, '-')}" for side in Side)
    return f"visit {visit.number} ({ids})"


def named_group(group: Group) -> str:
    """A group by its ids."""
    here = ", ".join(group.appointments.values())
    return (
        f"group {group.number} (drchrono {here}; oncall {', '.join(sorted(group.visits)) or '-'})"
    )


def is_open(side: Side, row: Row) -> bool:
    """Whether an appointment is still to be held."""
    if side is Side.DRCHRONO:
        return row["status"] not in OVER_HERE and not row["deleted_flag"]
    nobody = all(one["cancelled"] for one in row["participants"])
    return not row["cancelled"] and row["status"] not in OVER_THERE and not nobody


def _value(name: str, side: Side, row: Row) -> str:
    """A field as people say it: a UTC time, minutes, a type."""
    if name == "minutes":
        return str(row["duration"])
    if side is Side.ONCALL:
        return str(row["datetime"] if name == "starts" else row["type"])
    if name == "type":
        return TYPES[row["profile"]]
    wall = datetime.fromisoformat(row["scheduled_time"])
    return f"{wall.replace(tzinfo=DOCTORS[row['doctor']][2]).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _by_id(rows: list[Row]) -> dict[str, Row]:
    return {str(row["id"]): row for row in rows}


def _conflicts(conn: Connection) -> set[tuple[str, str, str]]:
    """(system, remote id, field) of every conflict that was recorded."""
    rows = conn.execute(
        select(object_.c.system, object_.c.remote_id, conflict.c.field).join(
            conflict, conflict.c.object == object_.c.id
        )
    )
    return {(row.system, str(row.remote_id), row.field) for row in rows}


def _doubles(shown: Shown, ledger: Ledger, verdict: Verdict) -> None:
    """Visits that nobody booked, open or not: made twice, whatever became of them since."""
    for side in Side:
        known = {visit.ids.get(side) for visit in ledger.visits.values()}
        for group in ledger.groups.values():
            known |= group.visits if side is Side.ONCALL else set(group.appointments.values())
        for row in shown.of(str(side), "appointments"):
            if str(row["id"]) not in known:
                verdict.doubled.append(f"{side} {row['id']} was booked by nobody")


def _mails(mails: list[Row], ledger: Ledger, verdict: Verdict) -> None:
    """For each visit and kind: what our writes mailed, and what DrChrono's edits are worth."""
    groups = {one: group.number for group in ledger.groups.values() for one in group.visits}
    by_id = {visit.ids.get(Side.ONCALL): visit for visit in ledger.visits.values()}
    # A group's are counted together: nobody is invited twice, whichever visit of it they come to.
    sent = Counter(
        (groups.get(str(mail["appointment"]), str(mail["appointment"])), mail["kind"])
        for mail in mails
        if mail["caused_by"] == "app"
    )
    for (whose, kind), count in sent.items():
        name, worth = f"OnCall {whose}", 0
        if isinstance(whose, int):
            name = named_group(ledger.groups[whose])
            worth = _worth_of_group(ledger.groups[whose], kind, ledger)
        elif whose in by_id:
            name, worth = named(by_id[whose]), _worth(by_id[whose], kind, ledger)
        if count > worth:
            verdict.surplus_mails.append(f"{name}: {count} mails of {kind}, worth {worth}")


def _worth_of_group(group: Group, kind: str, ledger: Ledger) -> int:
    """The same of a group, whose members get one mail each."""
    if kind == "invitation":
        return sum(1 + len(_later(ledger, who, edit)) for who, edit in group.joined.items())
    if kind == "cancellation":
        return sum(said.side is Side.DRCHRONO for said in group.left.values())
    return group.moved_here * len(group.appointments)


def _later(ledger: Ledger, who: int, booked: int) -> list[int]:
    """The edits of somebody's address since an edit."""
    return [edit for edit in ledger.addresses.get(who, []) if edit > booked]


def _worth(visit: Visit, kind: str, ledger: Ledger) -> int:
    """The most mails of a kind that DrChrono's edits of a visit may cause, one for each edit."""
    here = Side.DRCHRONO
    booked = visit.said["starts"][0].edit
    if kind == "invitation":
        # OnCall invites whoever gets a new address, for as long as the visit is open there.
        return int(visit.side is here) + len(_later(ledger, visit.person, booked))
    if kind == "cancellation":
        return int(any(said.side is here for said in visit.ended))
    edits = {said.edit for all_said in visit.said.values() for said in all_said
             if said.side is here and said.edit != booked}  # fmt: skip
    return len(edits)


@dataclass(slots=True)
class Report:
    """What a run came to. Times are seconds; calls and mails are those of our application."""

    seed: int
    edits: Counter[tuple[Do, Side]]
    refused: list[str]
    passed: int
    faults: Counter[Kind]
    restarts: int
    reconnected: int
    played: float
    quiet: float
    converged: float
    conflicts: int
    questions: Counter[str]
    calls: Mapping[str, int]
    mails: int
    idle_writes: list[str]
    verdict: Verdict
    forged: Counter[str] = field(default_factory=Counter)  # by their answer's status
    arrivals: list[float] = field(default_factory=list)  # seconds, of what nothing disturbed

    @property
    def good(self) -> bool:
        """Whether nothing was lost, nothing is twice, no mail too many, and then it is quiet."""
        return self.verdict.good and not self.idle_writes
