"""Show what both systems have of an item's candidates now: audited first, kept nowhere.

Why somebody looks is one of a few words, and a ticket's number where there is one. A free text
would be read by nobody who can check it, and would hold names: the audit is kept for years.
"""

import re
from dataclasses import dataclass
from typing import Final

from sync.operations.hand import resolve
from sync.operations.hand.by_hand import NotPossibleError
from sync.operations.hand.look import Look, look
from sync.operations.inbox.one import One
from sync.operations.inbox.sides import Side
from sync.operations.lookup import UnknownError
from sync.runtime import Sync
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed

REASONS: Final = {
    "to_answer": "To answer this question",
    "patient_asked": "The patient or their family asked",
    "clinic_asked": "Somebody of the clinic asked",
    "to_check": "To check that this service is right",
}
# A tracker's key and number, as INC-2041. No name, birth date or telephone number looks so.
TICKET: Final = r"[A-Za-z]{2,4}-?[0-9]{1,7}"
LONGEST_TICKET: Final = 12


class ReasonError(ValueError):
    """No reason was given, or none that may be kept; the text says what is wanted."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One side, and what its system shows of it; None: it is not there any more."""

    side: Side
    shown: Look | None


def because(reason: str, ticket: str) -> tuple[tuple[str, str], ...]:
    """Why somebody looks, as the audit keeps it. Raises ReasonError."""
    if reason not in REASONS:
        raise ReasonError("Say why you look: choose a reason.")
    number = ticket.strip().upper()
    if not number:
        return (("reason", reason),)
    if not re.fullmatch(TICKET, number):
        raise ReasonError(
            "A ticket’s number is letters and digits, as INC-2041. Leave it out else."
        )
    return ("reason", reason), ("ticket", number)


def show(sync: Sync, one: One, why: tuple[tuple[str, str], ...]) -> tuple[Seen, ...]:
    """Read every side of an open item now, who looks and why being in the audit before.

    One call for each side, one more for a participant. Raises UnknownError and NotPossibleError
    where there is nothing to be shown, SQLAlchemyError where the look can't be written down (then
    nothing was read), and the RemoteErrors of the reads.
    """
    found = one.sides
    if not found.sides:
        raise NotPossibleError(found.trouble or "There is nothing of it to be shown.")
    if found.choice is not None:
        question = resolve.question(sync, one.row.item.id, why)
        asked = Side(question.asked.kind, question.asked.id, asked=True)
        addresses = {side.id: side.address for side in found.sides}
        return (
            Seen(asked, question.asked),
            *(
                Seen(Side(question.kind, each.id, address=addresses.get(each.id, "")), each.shown)
                for each in question.candidates
            ),
        )
    with sync.store.write() as conn:
        subjects = tuple((side.kind, side.id) for side in found.sides)
        deed = Deed("look", (("item", one.row.item.id), *why, *subjects))
        deeds.note(conn, deed, sync.clock())
    return tuple(Seen(side, _look(sync, side)) for side in found.sides)


def _look(sync: Sync, side: Side) -> Look | None:
    try:
        return look(sync, side.kind, side.id)
    except UnknownError:
        return None
