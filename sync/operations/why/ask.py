"""Ask why something isn't there: by its id, from a pasted text, or for a doctor's whole day."""

from sync.operations.lookup import UnknownError, remote_object
from sync.operations.why import address, known, patients, rules, visits
from sync.operations.why.answer import Answer
from sync.operations.why.asking import Asker
from sync.operations.why.facts import KINDS, Kind
from sync.runtime import Sync


def why(sync: Sync, kind: Kind, object_id: str) -> Answer:
    """Why an appointment, an OnCall visit or a patient isn't in the other system, or since when.

    `object_id` is the remote's own. At most two calls, in the lane of people who wait (one for a
    patient): what was asked for, and its counterpart or its chart. Where a system can't be asked,
    the answer is from what is known and says so. Nothing is written but the calls' own rows.
    Raises UnknownError (a LookupError) for what can't be an id, and SQLAlchemyError.
    """
    with sync.store.read() as conn:
        row = remote_object(conn, kind, object_id)
    asker = Asker(sync)
    if kind == "patient":
        return rules.answer(patients.gather(asker, object_id, row))
    return rules.answer(visits.gather(asker, kind, object_id, row))


def kind_of(word: str) -> Kind:
    """One of the three kinds that can be asked about. Raises UnknownError for any other word."""
    for kind in KINDS:
        if kind == word:
            return kind
    raise UnknownError(f"{word} is none of {', '.join(KINDS)}.")


def of_text(sync: Sync, text: str) -> tuple[Answer, ...]:
    """The answer to whatever somebody pasted: an address of either system, or an id.

    An id alone can be an appointment's or a visit's: the one that is known here is meant, both
    where both are; of one that nobody has heard of both systems are asked. Nothing is fetched from
    a pasted address. Raises UnknownError (a LookupError) with a sentence for any other text.
    """
    mapping = known.mapping(sync)
    link = mapping.file.text.visit_link if mapping is not None else ""
    found = address.meant(text, sync.settings, link)
    if len(found) > 1:
        with sync.store.read() as conn:
            here = [one for one in found if remote_object(conn, one.kind, one.id) is not None]
        found = tuple(here) or found
    answers = [why(sync, one.kind, one.id) for one in found]
    there = [one for one in answers if one.cause != "never_heard_of"]
    return tuple(there or answers)
