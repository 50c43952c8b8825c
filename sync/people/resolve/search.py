"""Read what tells who a participant is: their contact, and the charts like theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.addresses import is_sure
from sync.core.records import Attendee, Person, present
from sync.core.rules import people, plausible
from sync.people import contact_search
from sync.run.outcomes import ParkedError

if TYPE_CHECKING:
    from sync.core.wording import Json
    from sync.run.context import Run


def with_contact(run: Run, attendee: Attendee) -> tuple[Person | Attendee, Person | None]:
    """A participant has no birth date: take it from the contact with that e-mail and name."""
    email = present(attendee.email, "")
    if not email:
        raise ParkedError("operator", "who", "participant_without_email")
    if not is_sure(email):
        raise ParkedError("operator", "who", "participant_email_unclear")
    same = [shown for _json, shown in contact_search.by_email(run.sync, run.ticket, email)]
    found = people.match(attendee, same)
    if found.one is None or not present(found.one.birth_date, None):
        return attendee, found.one
    return found.one, found.one


def patients_like(run: Run, candidate: Person | Attendee) -> list[dict[str, Json]]:
    """Everybody who has that e-mail, and everybody who has that name.

    Lists leave out inactive patients (docs/api-facts.md, D49), who are there all the same.
    """

    def find(**filters: str) -> list[dict[str, Json]]:
        whole = {**filters, "show_inactive": "true"}
        return run.sync.drchrono.find_patients(run.ticket, verbose=False, **whole)

    by_email = find(email=present(candidate.email, ""))
    first, last = present(candidate.first_name, ""), present(candidate.last_name, "")
    # A text that can be no name is none to look for: an address has no room for it.
    named = bool(last) and plausible.name(first) and plausible.name(last)
    by_name = find(first_name=first, last_name=last) if named else []
    return list({str(json["id"]): json for json in [*by_email, *by_name]}.values())
