"""Hold what is known of one visit during a run."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sync.core.errors import NotBefore
from sync.core.records import Attendee, State, Visit
from sync.core.rules.merge import Seen
from sync.core.rules.place import Slot
from sync.core.rules.policy import Policy
from sync.core.rules.views import Presence, SideView
from sync.core.wording import Json
from sync.mapping import Mapping
from sync.run.context import Run
from sync.runtime import Sync
from sync.store.calls import Write
from sync.store.service import installation
from sync.store.service.installation import Making
from sync.store.tables.attendances import Attendance
from sync.store.tables.baselines import Stored
from sync.store.tables.claims import Lease
from sync.store.tables.journal import Delivery
from sync.store.tables.links import Obj
from sync.store.visits.opening import Attending
from sync.store.visits.visits import VisitRow


@dataclass
class Shown:
    """One side's object as it was read now."""

    json: dict[str, Json]
    visit: Visit
    wire: dict[str, Json]
    seen: dict[str, Seen]


TOLD = frozenset({"starts", "minutes", "type", "provider", "state", "patient"})


@dataclass
class Seat:
    """One current attendance: its appointment's row, and what was read of it in this run.

    The id of an attendance that has no row yet is 0.
    """

    attended: Attendance
    appointment: Obj
    participant: Obj | None
    parked: bool = False
    odd: frozenset[str] = frozenset()  # causes told of what was read: values that can't be one
    shown: Shown | None = None
    gone: bool = False

    @property
    def read(self) -> bool:
        """Whether its appointment was read in this run."""
        return self.shown is not None or self.gone


@dataclass
class VisitState:
    """A visit of one generation: its rows, and what was read of both sides so far."""

    key: int
    lease: Lease
    now: datetime
    generation: int
    row: VisitRow
    objects: list[Obj]
    stored: dict[tuple[int, str], Stored]
    deliveries: list[Delivery]
    unresolved: list[Write]
    people: dict[int, Attending] = field(default_factory=dict)  # who attends, as the run began
    written: datetime | None = None  # when a call of an earlier run last changed OnCall's side
    unsure: bool = False  # a person was asked which of several visits it is
    told: bool = False  # somebody was told something about it, when the run began
    attendance: Attendance | None = None  # a group has none of its own: see its seats
    parked: bool = False  # it waits for something; a group: as a whole
    place: Slot | None = None  # where a group stands; None of one whose slot another visit has
    seats: list[Seat] = field(default_factory=list)
    oncall: Shown | None = None
    oncall_gone: bool = False
    attendee: Attendee | None = None
    newcomers: list[Attendee] | None = None  # of a group, once asked for
    later: dict[str, frozenset[str]] = field(default_factory=dict)  # see `later.find`, by system

    @property
    def is_group(self) -> bool:
        """Whether several attendances share the visit."""
        return bool(self.row.shared)

    @property
    def read(self) -> dict[str, Shown]:
        """What was read in this run, by system; the appointments of a group are its seats'."""
        found = {}
        for seat in () if self.is_group else self.seats:
            if seat.shown is not None:
                found["drchrono"] = seat.shown
        if self.oncall is not None:
            found["oncall"] = self.oncall
        return found

    @property
    def gone(self) -> set[str]:
        """The systems whose object a read has denied in this run."""
        alone = not self.is_group and any(seat.gone for seat in self.seats)
        return ({"drchrono"} if alone else set()) | ({"oncall"} if self.oncall_gone else set())

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

    def replace(self, row: Obj) -> None:
        """Take over how a row stands now."""
        self.objects = [row if one.id == row.id else one for one in self.objects]

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
            has_marker=obj.has_marker if obj else False,
            later=self.later.get(system, frozenset()),
        )

    def _gone_seen(self, obj: Obj | None) -> dict[str, Seen]:
        # A tombstone is written when the deletion was carried; until then it is news.
        carried = obj is not None and obj.state == "gone"
        return {"state": Seen.SAME if carried else Seen.CHANGED}


@dataclass
class VisitRun(Run):
    """What the steps of one run of a visit share."""

    state: VisitState
    closed: NotBefore | None = None  # why the budgets had no room for it, when it began
    has_written: bool = False  # anything; what was written since it began has an echo of its own

    known_making: Making | None = None  # loaded with it, where something may be made

    def making(self) -> Making:
        """What making and marking it rests on; asked for once in a run."""
        if self.known_making is None:
            with self.sync.store.read() as conn:
                self.known_making = installation.making(conn)
        return self.known_making

    def require_room(self) -> None:
        """Raise NotBefore where the budgets had no room for what a run usually reads and writes."""
        if self.closed is not None:
            raise self.closed

    @property
    def seats(self) -> list[Seat]:
        """The current attendances."""
        return self.state.seats

    @property
    def slot(self) -> Slot:
        """Where a group stands."""
        assert self.state.place is not None  # noqa: S101 - asked of groups only
        return self.state.place

    @property
    def policy(self) -> Policy:
        """The clinic's policy as the plan asks for it."""
        return policy_of(self.sync, self.mapping)

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
        return self.state.view("oncall").over


def policy_of(sync: Sync, mapping: Mapping) -> Policy:
    """The clinic's policy as the plan asks for it."""
    told, settings = mapping.policy, sync.settings
    return Policy(
        record="left" if told.system_of_record == "drchrono" else "right",
        new=told.on_first_difference,
        to_drchrono=mapping.may_write_drchrono,
        to_oncall=mapping.may_write_oncall,
        fees=told.fee_bearing_writes,
        window=timedelta(days=min(told.window_days, settings.window_days)),
        occurrences=timedelta(days=settings.occurrence_days),
        reopened=told.reopened,
        left_scope=told.left_scope,
        grace=timedelta(seconds=settings.grace_seconds),
        imminent=settings.imminent,
    )
