"""Plan what a run would do now, and why: both sides are read, nothing is written to them.

A visit's plan is the run's own function. Values stay unsaid: systems, field names, mails.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from sync.core.causes import table
from sync.core.errors import Gone
from sync.core.records import Absent, Attendee, Person, present
from sync.core.rules import inviting
from sync.core.rules.effects import (
    Book,
    CancelParticipant,
    CreateAppointment,
    CreateOncall,
    Effect,
    Invite,
    Mark,
    NextGeneration,
    Patch,
    SendAway,
    TakeSlot,
)
from sync.core.rules.people import NAMES
from sync.core.rules.views import Plan
from sync.core.wire import MalformedError
from sync.drchrono import translate as drchrono
from sync.mapping import UnmappedError
from sync.oncall import translate as oncall
from sync.operations.lookup import BusyError, aggregate_of
from sync.operations.report import Explanation, Line
from sync.outbound.gate import Ticket
from sync.people import charts, contact_search, contacts, due_fields, sharing
from sync.people.model import PersonRun
from sync.run.changes import compare
from sync.run.outcomes import AbsorbedError, LaterError, NothingThereError
from sync.runtime import Sync
from sync.store.lanes import Lane
from sync.store.tables import attendances, baselines, claims, links, work
from sync.store.tables.claims import Lease
from sync.store.tables.links import Obj
from sync.store.visits import visits
from sync.visits import reconcile
from sync.visits.state.load import load
from sync.visits.state.model import VisitRun

# OnCall mails the patient when a visit or a participant is made, changed or cancelled
# (docs/api-facts.md, O17). A marker, a contact, and what is written to DrChrono mails nobody.
MAILED: Final = frozenset({"appointment", "participant"})
PARTS: Final = ("effects", "conflicts", "asks", "why")
_SOON: Final = timedelta(seconds=1)


def plan(sync: Sync, kind: str, object_id: str) -> Explanation:
    """A dry run of one visit or person; KIND and ID as for `resync`. Works in every mode.

    Takes the aggregate's lease while it reads, so that no worker changes what is being explained,
    and gives it back with everything that was wanted. Raises UnknownError (a LookupError),
    BusyError while a worker is at it, MappingError, and the RemoteErrors of the reads.
    """
    with sync.store.read() as conn:
        key = aggregate_of(conn, kind, object_id)
        its_kind = links.kind_of(conn, key) or ""
    with _leased(sync, key) as lease:
        try:
            return _of_visit(sync, lease) if its_kind == "visit" else _of_person(sync, lease)
        except MalformedError as error:
            return _stopped(sync, its_kind, key, f"{error.field} can't be read")
        except UnmappedError as error:
            return _stopped(sync, its_kind, key, str(error))
        except LaterError:
            reason = "what was read may be older than what is known: a run looks again"
            return _stopped(sync, its_kind, key, reason, skipped="too_soon")
        except NothingThereError:
            reason = "nothing is there under an id that only a webhook told of"
            return _stopped(sync, its_kind, key, reason, skipped="not_there")


@contextmanager
def _leased(sync: Sync, key: int) -> Iterator[Lease]:
    with sync.store.write() as conn:
        now = sync.clock()
        lease = claims.try_lock(
            conn, key, owner=sync.owner, now=now, seconds=sync.settings.lease_seconds
        )
    if lease is None:
        with sync.store.read() as conn:
            until = work.lease_until(conn, key)
        raise BusyError("a worker is at it", until or now + _SOON)
    absorbed = False
    try:
        yield lease
    except AbsorbedError:
        absorbed = True  # the read has shown what we know by another id, which is raised
        raise BusyError("it is known by another id", sync.clock() + _SOON) from None
    finally:
        if not absorbed:
            with sync.store.write() as conn:
                claims.give_back(conn, lease)


def _explained(
    sync: Sync, kind: str, key: int, parts: Mapping[str, list[Line]], **more: object
) -> Explanation:
    """Give the answer: a summary, then each of PARTS, empty where `parts` lacks it."""
    effects = parts.get("effects", [])
    mails = sum(int(str(effect.values["mails"])) for effect in effects)
    summary = Line.of(
        mode=str(sync.settings.sync_mode),
        writes_now=sync.live and bool(effects),
        mails=mails,
        **more,
    )
    return Explanation(kind, key, summary, {name: tuple(parts.get(name, ())) for name in PARTS})


def _stopped(
    sync: Sync, kind: str, key: int, reason: str, skipped: str = "unusable"
) -> Explanation:
    why = [Line({"why": reason}, reason)]
    return _explained(sync, kind, key, {"why": why}, skipped=skipped)


# --- visits ---------------------------------------------------------------------------------------


def _of_visit(sync: Sync, lease: Lease) -> Explanation:
    with sync.store.read() as conn:
        state = load(conn, lease, sync.clock())
    run = VisitRun(sync, lease, Ticket(Lane.LIVE, lease), sync.mapping, state)
    found = reconcile.without_effects(run)
    return _explained(
        sync,
        "visit",
        state.key,
        {
            "effects": [line for effect in found.effects for line in _effect(effect)],
            "conflicts": [_conflict(system, name) for system, name in found.conflicts],
            "asks": [_ask(cause) for cause in found.asks],
            "why": [Line({"why": reason}, reason) for reason in found.why],
        },
        generation=state.generation,
        skipped=found.skipped,
        held=list(found.held),
        settled_without_a_call=_names(found),
        wait_until=found.wait_until,
        closed=found.closed,
    )


def _names(planned: Plan) -> list[str]:
    return sorted({name for _system, name in planned.adopt})


def _ask(cause: str) -> Line:
    """What a person would be asked, in the words of `attention ls`."""
    said = table.say(cause)
    return Line({"cause": cause, "sentence": said.sentence, "press": said.press}, said.sentence)


def _conflict(system: str, name: str) -> Line:
    return Line({"system": system, "field": name}, f"{name}: the edit in {system} is overwritten")


def _effect(effect: Effect) -> Iterator[Line]:
    match effect:
        case Invite() | CancelParticipant():
            yield from _of_people(effect)
        case CreateOncall():
            yield _line("oncall", "create", "appointment")
        case CreateAppointment() | Book():
            yield _line("drchrono", "create", "appointment")
        case Patch(system, values, name):
            yield _line(system, name, "appointment", tuple(values))
        case Mark(system):
            yield _line(system, "marker", "appointment")
        case NextGeneration(cancel_old):
            if cancel_old:
                yield _line("oncall", "cancel", "appointment", ("state",))
            yield _line("oncall", "create", "appointment")
        case TakeSlot() | SendAway():
            pass  # no call


def _of_people(effect: Invite | CancelParticipant) -> Iterator[Line]:
    if isinstance(effect, CancelParticipant):
        yield _line("oncall", "cancel", "participant", ("state",))
        return
    added = len(effect.joins) + len(effect.again)
    if effect.anew or effect.making:
        yield _line("oncall", "create", "appointment")  # with the first of them in it
        added -= 1
    for _ in range(added):
        yield _line("oncall", "create", "participant", ("participants",))


def _line(
    system: str, action: str, target: str, fields: tuple[str, ...] = (), remote_id: str = ""
) -> Line:
    mails = int(system == "oncall" and action != "marker" and target in MAILED)
    named = f"{system} {target} {remote_id}".rstrip()
    words = f"{action} {named}"
    if fields:
        words += f": {', '.join(fields)}"
    told = Line.of(
        system=system,
        action=action,
        target=target,
        id=remote_id or None,
        fields=fields,
        mails=mails,
    )
    return Line(told.values, f"{words} ({mails} mail{'' if mails == 1 else 's'})")


# --- persons --------------------------------------------------------------------------------------


def _of_person(sync: Sync, lease: Lease) -> Explanation:
    key = lease.aggregate
    with sync.store.read() as conn:
        patient = links.patient_row(conn, key)
    if patient is None:
        return _stopped(sync, "person", key, "no DrChrono patient is known")
    ticket = Ticket(Lane.LIVE, lease)
    try:
        json = sync.drchrono.get_patient(
            ticket, str(patient.remote_id), verbose=not patient.has_marker
        )
    except Gone:
        return _stopped(sync, "person", key, "the DrChrono patient is gone")
    with sync.store.read() as conn:
        stored = baselines.stored_fields(conn, [patient.id])
    seen = compare(sync.digests, patient.id, drchrono.wire("patient", json), stored)
    run = PersonRun(sync, lease, ticket, patient, [], charts.read(sync, json), json, seen)
    effects: list[Line] = []
    left: list[Line] = []
    cause = inviting.unreachable(run.person) or _shared_by_many(run)
    if cause:
        return _explained(sync, "person", key, {"asks": [_ask(cause)]})
    for target in _targets(sync, key):
        _compare(run, target, effects, left)
    effects += _contacts_to_make(run)
    why = "names and addresses flow from the chart; what was never agreed on is left as it is"
    parts = {"effects": effects, "conflicts": left, "why": [Line({"why": why}, why)]}
    return _explained(sync, "person", key, parts)


def _shared_by_many(run: PersonRun) -> str:
    with run.sync.store.read() as conn:
        found = sharing.crowd(conn, run.sync, present(run.person.email, ""))
    return sharing.CAUSE if found is not None else ""


def _targets(sync: Sync, key: int) -> list[Obj]:
    """The person's contacts, and their participants of open visits still to come."""
    with sync.store.read() as conn:
        attended = attendances.open_attendances_of_person(conn, key, now=sync.clock())
        participants = [one.participant for one in attended if one.participant is not None]
        found = [one for one in links.objects_of(conn, key) if one.kind == "contact"]
        found += [links.get(conn, participant) for participant in participants]
    return [one for one in found if one.known]


def _compare(run: PersonRun, target: Obj, effects: list[Line], left: list[Line]) -> None:
    """What a contact or participant shows against the chart: what is written, what stays."""
    names = contact_search.FIELDS if target.kind == "contact" else NAMES
    try:
        shown = _read(run, target)
    except Gone:
        words = f"oncall {target.kind} {target.remote_id} is gone"
        left.append(Line({"system": "oncall", "target": target.kind, "gone": True}, words))
        return
    differs = [name for name in names if _differs(run.person, shown, name)]
    # The run's own question: is the baseline over there what the chart says?
    due = due_fields.of(run, target, names, target.kind)
    if due:
        fields = tuple(due)
        effects.append(_line("oncall", "update", target.kind, fields, str(target.remote_id)))
    for name in differs:
        if name not in due:
            told = Line.of(system="oncall", target=target.kind, id=target.remote_id, field=name)
            words = (
                f"{name}: oncall {target.kind} {target.remote_id} says another thing and keeps it"
            )
            left.append(Line(told.values, words))


def _read(run: PersonRun, target: Obj) -> Person | Attendee:
    client, remote_id = run.sync.oncall, str(target.remote_id)
    table = run.sync.mapping.addresses
    if target.kind == "contact":
        return oncall.to_person(client.get_contact(run.ticket, remote_id), table)
    return oncall.to_attendee(client.get_participant(run.ticket, remote_id), table)


def _differs(chart: Person, shown: Person | Attendee, name: str) -> bool:
    here, there = getattr(chart, name), getattr(shown, name)
    return not isinstance(here, Absent) and not isinstance(there, Absent) and here != there


def _contacts_to_make(run: PersonRun) -> Iterator[Line]:
    """A contact for each mapped doctor with whom the person has an open visit."""
    sync, key = run.sync, run.lease.aggregate
    with sync.store.read() as conn:
        attended = attendances.open_attendances_of_person(conn, key, now=sync.clock())
        for doctor in visits.doctors_of(conn, [one.visit for one in attended]):
            entry = sync.mapping.doctor(doctor)
            if entry is None:
                continue
            place = (entry.oncall_provider, entry.oncall_division)
            if contacts.of(conn, key, *place) is None:
                line = _line("oncall", "create", "contact")
                yield Line(line.values, "find or " + line.text)
