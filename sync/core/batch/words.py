"""Name kinds, states, fates and outcomes of batches as people read them."""

from typing import Final

from sync.core.batch.model import Fate, Kind, Outcome, State

KINDS: Final = {
    Kind.IMPORT_PATIENTS: "Patients of a file",
    Kind.IMPORT_APPOINTMENTS: "Appointments of a file",
    Kind.BACKFILL_PATIENTS: "Patients of the record",
    Kind.BACKFILL_APPOINTMENTS: "Appointments of the record",
}

STATES: Final = {
    State.CHOOSING: "waits for its columns",
    State.PLANNING: "is being read",
    State.PLANNED: "waits to be started",
    State.RUNNING: "is being sent",
    State.PAUSED: "paused",
    State.ENDING: "is being ended",
    State.DONE: "done",
    State.CANCELLED: "cancelled",
    State.FAILED: "can’t be used",
}

# In the order in which they are shown.
FATES: Final = {
    Fate.CREATE: "will be created",
    Fate.UPDATE: "will be updated",
    Fate.ALREADY_THERE: "already there",
    Fate.QUESTION: "question",
    Fate.PROBLEM: "problem",
    Fate.LEFT_OUT: "left out",
}

OUTCOMES: Final = {
    Outcome.CREATED: "created",
    Outcome.UPDATED: "updated",
    Outcome.ALREADY_THERE: "already there",
    Outcome.QUESTION: "question",
    Outcome.PROBLEM: "problem",
    Outcome.LEFT_OUT: "left out",
}
