"""Read what one system shows of a person or a visit now: for that moment, kept nowhere."""

from dataclasses import dataclass, field
from typing import Final

from sync.core.addresses import AS_TYPED
from sync.core.errors import Gone
from sync.core.printable import printable
from sync.core.records import Absent, Attendee, Person, Visit, present
from sync.core.rules.people import full_name
from sync.drchrono import translate as drchrono
from sync.oncall import translate as oncall
from sync.operations.lookup import REMOTE_ID, UnknownError
from sync.run.evidence import accounts
from sync.runtime import Sync
from sync.store.lanes import Lane

# What is read of each kind, as it is called on a page. A kind is named as in `hand.resolve`:
# appointment and patient are DrChrono's; visit, participant and contact OnCall's.
FIELDS: Final = {
    "patient": ("name", "e-mail", "born", "telephone"),
    "contact": ("name", "e-mail", "born", "telephone"),
    "participant": ("name", "e-mail"),
    "appointment": ("begins", "length", "patient"),
    "visit": ("begins", "length", "participants"),
}
_TOLD: Final = ("name", "e-mail", "born")  # of a person, in the terminal's line
_VISITS: Final = ("appointment", "visit")


@dataclass(frozen=True)
class Look:
    """What a system shows of one object: field and value, in the order of FIELDS."""

    kind: str
    id: str
    values: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def words(self) -> str:
        """The same in one line."""
        told = [
            (name, printable(value))
            for name, value in self.values
            if value and (name in _TOLD or self.kind in _VISITS)
        ]
        return ", ".join(f"born {value}" if name == "born" else value for name, value in told)


def look(sync: Sync, kind: str, remote_id: str) -> Look:
    """One object as it is now: one call, and where it is denied one more, which proves the account.

    Raises UnknownError for what can't be an id or is gone, and the RemoteErrors of the calls:
    nothing is said to be gone under an account that may be another one (docs/rules.md, R26).
    """
    if not REMOTE_ID.fullmatch(remote_id):
        raise UnknownError(f"That can't be the id of a {kind}.")
    began = sync.clock()
    try:
        return Look(kind, remote_id, _values(sync, kind, remote_id))
    except Gone:
        system = "drchrono" if kind in {"patient", "appointment"} else "oncall"
        accounts.require(sync, system, began)
        raise UnknownError(f"{kind} {remote_id} is not there any more.") from None


def _values(sync: Sync, kind: str, remote_id: str) -> tuple[tuple[str, str], ...]:
    ticket = sync.task_ticket(Lane.LIVE)
    match kind:
        case "patient":
            json = sync.drchrono.get_patient(ticket, remote_id)
            return _person(drchrono.to_person(json, AS_TYPED))
        case "contact":
            return _person(oncall.to_person(sync.oncall.get_contact(ticket, remote_id), AS_TYPED))
        case "participant":
            json = sync.oncall.get_participant(ticket, remote_id)
            return _person(oncall.to_attendee(json, AS_TYPED))
        case "appointment":
            json = sync.drchrono.get_appointment(ticket, remote_id)
            shown = drchrono.to_visit(json, sync.mapping)
            return (*_when(shown), ("patient", f"patient {shown.patient}"))
        case _:
            json = sync.oncall.get_appointment(ticket, remote_id)
            shown = oncall.to_visit(json, sync.mapping)
            who = [Look("participant", one.remote_id, _person(one)) for one in shown.attendees]
            return (*_when(shown), ("participants", ", ".join(one.words for one in who)))


def _person(who: Person | Attendee) -> tuple[tuple[str, str], ...]:
    name = full_name(present(who.first_name, ""), present(who.last_name, ""))
    values = [("name", name), ("e-mail", present(who.email, ""))]
    if isinstance(who, Person):
        born = present(who.birth_date, None)
        values += [("born", str(born) if born else ""), ("telephone", present(who.phone, ""))]
    return tuple(values)


def _when(shown: Visit) -> tuple[tuple[str, str], ...]:
    begins = "" if isinstance(shown.starts, Absent) else f"{shown.starts:%Y-%m-%d %H:%M} UTC"
    length = "" if isinstance(shown.minutes, Absent) else f"{shown.minutes} minutes"
    return ("begins", begins or "without a time"), ("length", length or "length unknown")
