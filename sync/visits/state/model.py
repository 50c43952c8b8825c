"""Hold what is known of one visit during a run."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import RowMapping

from sync.core.records import Attendee, Life, State, Visit
from sync.core.rules.group import Slot
from sync.core.rules.lifecycle import terminal
from sync.core.rules.merge import Seen
from sync.core.rules.plan import Policy, Presence, SideView
from sync.core.wording import Json
from sync.run.context import Run
from sync.store.tables.attendances import Attendance
from sync.store.tables.baselines import Stored
from sync.store.tables.journal import Delivery
from sync.store.tables.links import Obj
from sync.store.tables.work import Lease

UNRESOLVED = ("open", "unresolved")


@dataclass
class Shown:
    """One side's object as it was read now."""

    json: dict[str, Json]
    visit: Visit
    wire: dict[str, Json]
    seen: dict[str, Seen]


@dataclass
class VisitState:
    """A visit of one generation: its rows, and what was read of both sides so far."""

    key: int
    lease: Lease
    now: datetime
    generation: int
    row: RowMapping
    objects: list[Obj]
    attendance: Attendance | None
    stored: dict[tuple[int, str], Stored]
    deliveries: list[Delivery]
    unresolved: list[RowMapping]
    read: dict[str, Shown] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    attendee: Attendee | None = None

    def object(self, system: str) -> Obj | None:
        """This generation's appointment of a system, in whatever state."""
        found = [
            obj
            for obj in self.objects
            if obj.system == system
            and obj.kind == "appointment"
            and obj.state != "skipped"
            and (system == "drchrono" or obj.generation == self.generation)
        ]
        if system == "drchrono" and self.attendance and self.attendance.appointment:
            return next((o for o in found if o.id == self.attendance.appointment), None)
        return found[-1] if found else None

    @property
    def participant(self) -> Obj | None:
        """The row of the patient's participant."""
        if self.attendance is None or self.attendance.participant is None:
            return None
        return next((o for o in self.objects if o.id == self.attendance.participant), None)

    def presence(self, system: str) -> Presence:
        """Whether a side is there, as far as we know or have just read."""
        obj = self.object(system)
        if obj is None:
            return Presence.NONE
        if obj.state == "gone" or system in self.gone:
            return Presence.GONE
        return Presence.MAKING if obj.remote_id is None else Presence.LIVE

    def view(self, system: str) -> SideView:
        """The side for the plan."""
        obj, shown = self.object(system), self.read.get(system)
        return SideView(
            presence=self.presence(system),
            visit=shown.visit if shown else None,
            seen=shown.seen if shown else self._gone_seen(obj),
            marked=obj.marked if obj else False,
        )

    def _gone_seen(self, obj: Obj | None) -> dict[str, Seen]:
        # A tombstone is written when the deletion was carried; until then it is news.
        carried = obj is not None and obj.state == "gone"
        return {"state": Seen.SAME if carried else Seen.CHANGED}


@dataclass
class VisitRun(Run):
    """What the steps of one run of a visit share."""

    state: VisitState

    @property
    def policy(self) -> Policy:
        """The clinic's policy as the plan asks for it."""
        told = self.mapping.policy
        return Policy(
            record="left" if told.system_of_record == "drchrono" else "right",
            new=told.on_first_difference,
            to_drchrono=self.mapping.may_write_drchrono,
            to_oncall=self.mapping.may_write_oncall,
            fees=told.fee_bearing_writes,
            window=timedelta(days=min(told.window_days, self.sync.settings.window_days)),
            occurrences=timedelta(days=self.sync.settings.occurrence_days),
            reopened=told.reopened,
            left_scope=told.left_scope,
            grace=timedelta(seconds=self.sync.settings.grace_seconds),
            imminent=self.sync.settings.imminent,
        )


TOLD = frozenset({"starts", "minutes", "type", "provider", "state", "patient"})


@dataclass
class Seat:
    """One current attendance: its appointment's row, and what was read of it in this run."""

    attended: Attendance
    appointment: Obj
    participant: Obj | None
    parked: bool = False
    odd: frozenset[str] = frozenset()  # causes told of what was read: values that can't be one
    shown: Shown | None = None
    gone: bool = False

    @property
    def read(self) -> bool:
        return self.shown is not None or self.gone


@dataclass
class GroupRun:
    """What the steps of one run of a group visit share."""

    started: VisitRun
    slot: Slot
    seats: list[Seat] = field(default_factory=list)
    parked: bool = False  # the visit as a whole waits for something
    emptied: bool = False  # its members have gone, and somebody else is in it

    @property
    def state(self) -> VisitState:
        return self.started.state

    def seat(self, attended: int) -> Seat:
        """The seat of an attendance."""
        return next(seat for seat in self.seats if seat.attended.id == attended)

    def overwritten(self, system: str) -> Obj | None:
        """Whose edit a conflict is about: OnCall's visit, or the first appointment for all."""
        if system == "oncall":
            return self.state.object("oncall")
        return self.seats[0].appointment if self.seats else None

    def oncall(self) -> Shown | None:
        """The OnCall visit as read in this run."""
        return self.state.read.get("oncall")

    def oncall_over(self) -> State | None:
        """How the OnCall visit ended; None when it is open, was not read, or is not made."""
        if self.state.presence("oncall") is Presence.GONE:
            return State(Life.DELETED)
        shown = self.oncall()
        ended = shown is not None and isinstance(shown.visit.state, State)
        if shown is None or not ended or not terminal(shown.visit.state):  # type: ignore[arg-type]
            return None
        return shown.visit.state  # type: ignore[return-value]
