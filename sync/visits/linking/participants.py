"""Match the members of a shared visit to its participants: found, kept, lost.

E-mail and names decide, by the keyed index; a participant of an earlier life is not taken up again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.core.rules.lifecycle import terminal
from sync.oncall import translate as oncall
from sync.oncall.translate import participants_wire
from sync.people import by_index, reconcile
from sync.run import attempts, waiting
from sync.store import attention, calls
from sync.store.tables import attendances, baselines, links
from sync.store.visits import moves
from sync.visits.state import carried
from sync.visits.state.load import has_participant
from sync.visits.state.model import TOLD, Seat, VisitRun
from sync.visits.state.summary import as_settled

if TYPE_CHECKING:
    from sync.core.records import Attendee
    from sync.core.wording import Json
    from sync.run.outcomes import ParkedError
    from sync.store.tables.links import Obj

LOST = "participant_lost"


def know_participants(conn: Connection, run: VisitRun, json: dict[str, Json]) -> bool:
    """A member without a participant whose person is there has been added: by us, or by hand.

    What we sent decides, or e-mail and names by the keyed index: of several who are that person the
    first, and none who is somebody's already. Returns whether any was found.
    """
    listed = participants_wire(json)
    attendees = oncall.to_visit(json, run.mapping).attendees
    taken = {s.participant.remote_id for s in run.seats if s.participant is not None}
    found = False
    for seat in run.seats:
        if seat.attended.person is None or has_participant(seat):
            continue
        same = [
            who
            for who in attendees
            if who.remote_id not in taken
            and who.cancelled is not True
            and (
                _is_as_sent(conn, run, seat, listed[who.remote_id])
                or _is_person(conn, run, who, seat.attended.person)
            )
            and is_free(conn, who.remote_id)
        ]
        if not same:
            continue
        keep_participant(conn, run, seat, same[0].remote_id, json)
        taken.add(same[0].remote_id)
        found = True
    return found


def tell_lost(conn: Connection, run: VisitRun, json: dict[str, Json]) -> None:
    """Tell once of a member who is in the visit's list no more; nobody is cancelled for that."""
    now = run.sync.clock()
    for seat in lost(conn, run, json):
        object_id = seat.appointment.id
        attention.open_item(conn, run.state.key, LOST, now=now, object_id=object_id)


def lost(conn: Connection, run: VisitRun, json: dict[str, Json]) -> list[Seat]:
    """The members whose participant the visit's list does not show, and who were not told of."""
    missing = unlisted(run, json)
    told = attention.told_objects(conn, run.state.key, LOST) if missing else set()
    return [seat for seat in missing if seat.appointment.id not in told]


def unlisted(run: VisitRun, json: dict[str, Json]) -> list[Seat]:
    """The members whose participant the visit's list does not show, told of or not."""
    shown = {who.remote_id for who in oncall.to_visit(json, run.mapping).attendees}
    return [
        seat
        for seat in run.seats
        if (row := seat.participant) is not None
        and row.remote_id is not None
        and row.remote_id not in shown
        and not terminal(as_settled(run, row)[0])
    ]


def awaits_any(run: VisitRun) -> bool:
    """Whether a member is known who has no participant yet, as far as is stored."""
    return any(seat.attended.person is not None and not has_participant(seat) for seat in run.seats)


def being_made(run: VisitRun) -> list[int]:
    """The rows of participants whom we began to add and who are not known to be there."""
    return [
        seat.participant.id
        for seat in run.seats
        if seat.participant is not None and seat.participant.remote_id is None
    ]


def row_of(conn: Connection, run: VisitRun, remote_id: str) -> Obj:
    """The row of a participant of this visit; a new one where it has none yet."""
    return links.find(conn, "oncall", "participant", remote_id) or links.add(
        conn, run.state.key, "oncall", "participant", remote_id, now=run.sync.clock()
    )


def settled_row_of(conn: Connection, run: VisitRun, remote_id: str, json: dict[str, Json]) -> Obj:
    """The same, with baselines as the visit's list shows the participant."""
    row, digests = row_of(conn, run, remote_id), run.sync.digests
    wire = participants_wire(json)[remote_id]
    baselines.settle(conn, row.id, digests.fields(row.id, wire), digests.key_id)
    return row


def tell_of(conn: Connection, run: VisitRun, row: Obj, why: ParkedError) -> None:
    """Tell once of a participant for whom nothing is made, and note what may change that."""
    key, now = run.state.key, run.sync.clock()
    cause, asked = why.cause or "participant_unmatched", list(why.candidates) or None
    attention.open_item(conn, key, cause, now=now, object_id=row.id, candidates=asked)
    waiting.told(conn, key, row.id, why, run.state.lease.begun)


def is_free(conn: Connection, remote_id: str) -> bool:
    """Whether a participant stands for nobody: one of an earlier life is not taken up again."""
    row = links.find(conn, "oncall", "participant", remote_id)
    return row is None or not attendances.is_participant(conn, row.id)


def is_new(
    conn: Connection, key: int, who: Attendee, *, again: bool, awaited: bool = False
) -> bool:
    """Whether a participant stands for nobody, and was not told of before.

    `again`: one who was told of counts too; with `awaited` only while a chart of theirs is awaited.
    """
    row = links.find(conn, "oncall", "participant", who.remote_id)
    if row is None:
        return True
    if attendances.is_participant(conn, row.id):
        return False
    if again and (not awaited or links.waits(conn, key, row.id)):
        return True
    return not attention.was_told(conn, key, row.id)


def _is_as_sent(conn: Connection, run: VisitRun, seat: Seat, wire: dict[str, Json]) -> bool:
    """Whether a participant says who was sent for a seat: their chart may say otherwise by now."""
    row = seat.participant
    if row is None:
        return False
    sent = baselines.stored_fields(conn, [row.id])
    return attempts.is_as_sent(run.sync.digests, row, wire, sent)


def _is_person(conn: Connection, run: VisitRun, who: Attendee, person: int) -> bool:
    return person in by_index.with_email_and_name(conn, run.sync.digests, who)


def keep_participant(
    conn: Connection, run: VisitRun, seat: Seat, remote_id: str, json: dict[str, Json]
) -> None:
    """Give a member its participant, with the baselines as the answer shows it."""
    sync, state = run.sync, run.state
    if seat.participant is not None:
        made = moves.created(conn, seat.participant, remote_id, now=sync.clock())
        row = made or seat.participant
    else:
        row = row_of(conn, run, remote_id)
    # Whoever was asked about as nobody's before their appointment was known is this member.
    attention.close_object(conn, state.key, row.id, sync.clock())
    links.unblock_object(conn, state.key, row.id)
    wire = participants_wire(json)[remote_id]
    calls.forget_sent(conn, row.id)
    baselines.settle(conn, row.id, sync.digests.fields(row.id, wire), sync.digests.key_id)
    attendances.change_attendance(conn, seat.attended.id, participant=row.id)
    carried.settle(conn, run, seat.appointment, seat.shown, TOLD)
    reconcile.tell_if_behind(conn, seat.attended.person, sync.clock())
