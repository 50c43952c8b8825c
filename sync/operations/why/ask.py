"""Ask why something isn't there: by its id, from a pasted text, or for a doctor's whole day."""

from sync.operations.lookup import UnknownError, remote_object
from sync.operations.why import patients, rules, visits
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
