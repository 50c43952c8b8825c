"""Pair by hand: an appointment with an OnCall visit, a patient with a contact.

What is equal is settled; what differs is carried or asked by the clinic's policy, as for a match.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from sync.core.errors import Gone
from sync.core.records import Absent, Attendee, Person, State, Visit, present
from sync.core.rules import people
from sync.core.rules.lifecycle import terminal
from sync.core.rules.merge import Action, FieldSide, Seen, merge
from sync.core.rules.same import agreed, participants_of, who_comes
from sync.core.rules.views import FIELDS
from sync.core.wording import Json
from sync.drchrono import translate as drchrono
from sync.oncall import translate as oncall
from sync.oncall.translate import participants_wire
from sync.operations.hand import by_hand, group_pairing
from sync.operations.hand.by_hand import NotPossibleError, Preview
from sync.operations.hand.group_pairing import BothVisits
from sync.operations.lookup import UnknownError, object_in_words, remote_object
from sync.people import charts, contact_search, contacts
from sync.run import transfer
from sync.runtime import Ring, Sync
from sync.store import attention
from sync.store.lanes import Hints, Lane
from sync.store.tables import (
    attendances,
    baselines,
    decisions,
    links,
    person_index,
)
from sync.store.tables.links import Obj
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed
from sync.store.visits import visits
from sync.visits.linking import twins

_BY_HAND: Final = Deed("pair")


@dataclass(frozen=True)
class _People:
    """A patient and a contact as read now."""

    here: dict[str, Json]
    there: dict[str, Json]
    left: Person
    right: Person


def pair_preview(sync: Sync, kind: str, a: str, b: str) -> Preview:
    """What pairing leads to.

    `a` is DrChrono's appointment or patient, `b` OnCall's visit or contact. Raises UnknownError,
    NotPossibleError, and the RemoteErrors of the reads.
    """
    if kind == "person":
        both = _read_people(sync, a, b)
        with sync.store.read() as conn:
            _free_people(conn, both)
        told = list(_differences(sync, contact_search.FIELDS, both.left, both.right))
        return Preview((f"contact {b} becomes one of patient {a} (0 mails)", *(t for t, _ in told)))
    found = _read_visits(sync, a, b)
    if found.left.group:
        with sync.store.read() as conn:
            group_pairing.check(conn, found)
        return group_pairing.preview(found)
    with sync.store.read() as conn:
        _free_visits(conn, found)
    told = list(_differences(sync, FIELDS, found.left, found.right))
    mails = int(sync.live and any(written for _, written in told))
    lines = (
        f"OnCall visit {b} stands for appointment {a}; both get our marker (0 mails)",
        *(line for line, _ in told),
        f"OnCall is written to {'once (1 mail)' if mails else 'by the marker alone (0 mails)'}",
    )
    return Preview(lines, mails)


def pair(sync: Sync, kind: str, a: str, b: str, deed: Deed = _BY_HAND) -> tuple[Ring, ...]:
    """Link the two, and have them looked at. Returns what to ring.

    `deed` is what the person did, who may have answered a question; the two are added to it.

    Raises UnknownError, NotPossibleError, BusyError, and the RemoteErrors of the reads.
    """
    if kind == "person":
        both = _read_people(sync, a, b)
        with sync.store.write() as conn:
            key = _pair_people(conn, sync, both)
            _decided(conn, sync, deed, ("patient", a), ("contact", b))
            return (by_hand.raise_again(conn, key, sync.clock()),)
    found = _read_visits(sync, a, b)
    with sync.store.write() as conn:
        paired = group_pairing.pair if found.left.group else _pair_visits
        key = paired(conn, sync, found)
        _decided(conn, sync, deed, ("appointment", a), ("visit", b))
        return (by_hand.raise_again(conn, key, sync.clock()),)


def _decided(
    conn: Connection, sync: Sync, deed: Deed, one: decisions.Who, other: decisions.Who
) -> None:
    decisions.forget_apart(conn, one, other)
    here, there, now = f"{one[0]}:{one[1]}", f"{other[0]}:{other[1]}", sync.clock()
    decisions.note(conn, "pair", here, there, now=now)
    deeds.note(conn, replace(deed, subjects=(*deed.subjects, one, other)), now)


def _differences(
    sync: Sync, names: tuple[str, ...], left: object, right: object
) -> Iterator[tuple[str, bool]]:
    """A line for each field that differs, and whether OnCall is written for it."""
    policy = sync.mapping.policy
    for name in names:
        here, there = getattr(left, name), getattr(right, name)
        if isinstance(here, Absent) or isinstance(there, Absent) or here == there:
            continue
        action = merge(
            FieldSide(Seen.NEW, here),
            FieldSide(Seen.NEW, there),
            record="left" if policy.system_of_record == "drchrono" else "right",
            new=policy.on_first_difference,
            to_left=sync.mapping.may_write_drchrono,
            to_right=sync.mapping.may_write_oncall,
        ).action
        said = {
            Action.TO_RIGHT: "DrChrono's is written to OnCall",
            Action.TO_LEFT: "OnCall's is written to DrChrono",
            Action.HELD: "waits for its direction to be allowed",
            Action.ASK: "they differ and stay so until: drchrono-oncall keep",
        }
        if action in said:
            yield f"{name}: {said[action]}", action is Action.TO_RIGHT


# --- visits ---------------------------------------------------------------------------------------


def _read_visits(sync: Sync, a: str, b: str) -> BothVisits:
    """Both sides, open, and the attendee whom the patient is."""
    ticket = sync.task_ticket(Lane.LIVE)
    with sync.store.read() as conn:
        remote_object(conn, "appointment", a)
        remote_object(conn, "oncall-appointment", b)
    try:
        here = sync.drchrono.get_appointment(ticket, a, verbose=True)
        there = sync.oncall.get_appointment(ticket, b)
        left, right = drchrono.to_visit(here, sync.mapping), oncall.to_visit(there, sync.mapping)
        if not left.patient or isinstance(left.patient, Absent):
            raise NotPossibleError("That appointment has no patient.")
        patient = sync.drchrono.get_patient(ticket, left.patient)
    except Gone:
        raise UnknownError("One of the two is not there any more.") from None
    for state in (left.state, right.state):
        if not isinstance(state, State) or terminal(state):
            raise NotPossibleError("One of the two is over: only open visits are paired.")
    who = drchrono.to_person(patient, sync.mapping.addresses)
    attendee = None if left.group else _attendee(who, right)
    return BothVisits(here, there, left, right, patient, attendee)


def _attendee(patient: Person, right: Visit) -> Attendee:
    coming = who_comes(right.attendees)
    for found in (participants_of(patient, coming), coming):
        if len(found) == 1:
            return found[0]
    raise NotPossibleError("Which participant the patient is can't be told by the e-mail.")


def _free_visits(conn: Connection, both: BothVisits) -> None:
    """Raises NotPossibleError when one of the two is linked with another one already."""
    for kind, remote_id in (
        ("appointment", both.left.remote_id),
        ("oncall-appointment", both.right.remote_id),
    ):
        obj = remote_object(conn, kind, remote_id)
        for other in links.objects_of(conn, obj.aggregate) if obj else []:
            if other.kind == "appointment" and other.id != obj.id and other.state != "gone":  # type: ignore[union-attr]
                named = object_in_words(other)
                raise NotPossibleError(f"{kind} {remote_id} is linked with {named}: unlink first.")


def _pair_visits(conn: Connection, sync: Sync, both: BothVisits) -> int:
    now = sync.clock()
    _free_visits(conn, both)
    here = _row(conn, "drchrono", both.left.remote_id, sync)
    there = _row(conn, "oncall", both.right.remote_id, sync)
    key, source = here.aggregate, there.aggregate
    held = by_hand.holding(conn, sync, key, source)
    if source != key:
        transfer.absorb(held, source, key, hints=Hints.both())
    generation = links.generation_of(conn, key)
    links.change(conn, here.id, state="live", has_marker=False)
    links.change(conn, there.id, state="live", has_marker=False, generation=generation)
    _settle(conn, sync, here, there, both)
    person = _attend(conn, sync, here, both)
    visits.change(conn, key, state="open", hold_until=None, starts_at=both.left.starts)
    twins.take_slot(conn, key, both.left, person)
    attention.close_rest(conn, key, now)
    return key


def _row(conn: Connection, system: str, remote_id: str, sync: Sync) -> Obj:
    return links.first_sight(conn, system, "appointment", remote_id, now=sync.clock())


def _settle(conn: Connection, sync: Sync, here: Obj, there: Obj, both: BothVisits) -> None:
    """Settle what is equal; the rest was never agreed on, whatever was known of it."""
    equal = {"patient", "state"} | agreed(both.left, both.right)
    sides = (
        (here, drchrono.wire("appointment", both.here), both.left.zone),
        (there, oncall.wire("appointment", both.there), None),
    )
    for obj, wire, zone in sides:
        baselines.forget(conn, obj.id)
        sent = {name: value for name, value in wire.items() if name in equal}
        _settle_fields(conn, sync, obj, sent, zone)


def _settle_fields(
    conn: Connection, sync: Sync, obj: Obj, wire: Mapping[str, Json], zone: str | None = None
) -> None:
    digests = sync.digests.fields(obj.id, wire)
    baselines.settle(conn, obj.id, digests, sync.digests.key_id, zone=zone)


def _attend(conn: Connection, sync: Sync, here: Obj, both: BothVisits) -> int:
    """Note who attends; returns the person."""
    assert both.attendee is not None  # noqa: S101 - a group is paired by `group_pairing`
    now, who = sync.clock(), both.attendee.remote_id
    patient = known_patient(conn, sync, both.patient)
    participant = links.find(conn, "oncall", "participant", who) or links.add(
        conn, here.aggregate, "oncall", "participant", who, now=now
    )
    _settle_fields(conn, sync, participant, participants_wire(both.there)[who])
    values = {
        "appointment": here.id,
        "participant": participant.id,
        "person": patient.aggregate,
    }
    current = [a for a in attendances.attendances(conn, here.aggregate) if a.current]
    if current:
        attendances.change_attendance(conn, current[0].id, **values)
    else:
        attendances.attend(conn, here.aggregate, **values)
    return patient.aggregate


def known_patient(conn: Connection, sync: Sync, json: dict[str, Json]) -> Obj:
    """The row of a patient as read now, in the index from now on."""
    shown = drchrono.to_person(json, sync.mapping.addresses)
    obj = links.first_sight(conn, "drchrono", "patient", shown.remote_id, now=sync.clock())
    if not baselines.stored_fields(conn, [obj.id]):
        _settle_fields(conn, sync, obj, drchrono.wire("patient", json))
    person_index.remember(conn, sync.digests, obj.aggregate, people.known_by(shown))
    return obj


# --- people ---------------------------------------------------------------------------------------


def _read_people(sync: Sync, a: str, b: str) -> _People:
    ticket = sync.task_ticket(Lane.LIVE)
    with sync.store.read() as conn:
        remote_object(conn, "patient", a)
        remote_object(conn, "contact", b)
    try:
        here = sync.drchrono.get_patient(ticket, a)
        there = sync.oncall.get_contact(ticket, b)
    except Gone:
        raise UnknownError("One of the two is not there any more.") from None
    left, right = charts.read(sync, here), charts.contact(sync, there)
    return _People(here, there, left, right)


def _free_people(conn: Connection, both: _People) -> None:
    """Raises NotPossibleError when the contact is another's, or its place is taken."""
    obj = links.find(conn, "oncall", "contact", both.right.remote_id)
    patient = links.find(conn, "drchrono", "patient", both.left.remote_id)
    if obj is not None:
        owner = links.patient_row(conn, obj.aggregate)
        if owner is not None and (patient is None or owner.id != patient.id):
            raise NotPossibleError(f"That contact is patient {owner.remote_id}'s: unlink it first.")
    place = (present(both.right.provider, ""), present(both.right.division, ""))
    taken = contacts.of(conn, patient.aggregate, *place) if patient else None
    if taken is not None and taken.remote_id != both.right.remote_id:
        raise NotPossibleError(
            f"The patient has contact {taken.remote_id} there already: unlink that one first."
        )


def _pair_people(conn: Connection, sync: Sync, both: _People) -> int:
    now = sync.clock()
    _free_people(conn, both)
    patient = known_patient(conn, sync, both.here)
    obj = links.find(conn, "oncall", "contact", both.right.remote_id)
    theirs = (obj.aggregate,) if obj is not None else ()
    held = by_hand.holding(conn, sync, patient.aggregate, *theirs)
    if obj is None:
        obj = links.add(conn, patient.aggregate, "oncall", "contact", both.right.remote_id, now=now)
    elif obj.aggregate != patient.aggregate:
        transfer.absorb(held, obj.aggregate, patient.aggregate, hints=Hints.both())
    provider, division = present(both.right.provider, None), present(both.right.division, None)
    links.change(conn, obj.id, seen_at=now, provider=provider, division=division)
    baselines.forget(conn, obj.id)
    attention.close_rest(conn, patient.aggregate, now)
    contact_search.adopt(conn, sync, links.get(conn, obj.id), both.left, both.right, both.there)
    return patient.aggregate
