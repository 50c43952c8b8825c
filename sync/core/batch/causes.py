"""Say in a sentence why an item was not brought in, or what a batch waits for, and what to do."""

from typing import Final

from sync.core.batch.of_rows import ROWS
from sync.core.causes import table

# Why an item is a problem. `{column}` is the name of the file's column that it is in.
PROBLEMS: Final = {
    "keeps_failing": "Bring it in once more later: it failed several times.",
    "refused": "Look at what the line or the record says: the other system refuses it.",
    "create_unknown": "Look whether it is there: its answer was lost, and no list shows it.",
    "no_provider": "Add a column that names the provider, or choose one for all lines.",
    "unmapped": "Name the doctor in the mapping: it has no OnCall provider there.",
    "not_started": "Send the file again: it was deleted after a day without being started.",
    "email_shared": "Give each person their own address: more share it than a household has.",
    "patient_unknown": "Put the id of a chart of this practice there, or leave it empty.",
    "patient_excluded": "Include the patient again: an operator has excluded them.",
    "doctor_unmapped": "Name the doctor in the mapping: it has no OnCall provider there.",
    "contact_without_email": "Give the contact an e-mail address: a patient is known by it.",
    "contact_email_unclear": "Put one whole e-mail address into the contact.",
    "contact_gone": "Nothing: the contact is not there any more.",
    "not_to_be_made": "Nothing: the visit is over, or not synced any more.",
}

# Why somebody has to look at an item; nothing is sent for it.
QUESTIONS: Final = {
    "contact_unsure": "Say which contact it is: several people there may be it.",
    "unsure": "Say who it is: more than one record fits.",
    "patient_unsure": "Say whose chart it is: some of what the line says fits another chart.",
    "patient_differs": "Look at the chart of that id: its name or birth date is another.",
}

# What a batch waits for, or why it can't be gone on with.
WAITS: Final = {
    "budget": "It goes on when the hour's calls are there again.",
    "throttled": "It goes on when the other system takes calls again.",
    "outage": "It goes on when the other system answers again.",
    "auth": "Connect the account again: a system does not take our credentials.",
    "answers": "It looks for what was sent without an answer.",
    "mapping_unusable": "Mend the mapping file: it can't be read.",
    "shadow": "Set SYNC_MODE to live: nothing is written in this mode.",
    "not_connected": "Connect both accounts first.",
    "not_accepted": "Accept the first matching first, under Set-up.",
    "direction": "Let the mapping's direction allow writing there.",
    "paused": "Resume what is paused: an operator has held it back.",
    "busy": "It goes on when others are done with the same people.",
    "file_gone": "Send the file again: it is deleted.",
    "file_changed": "Send the file again: it is not the one that was looked at any more.",
    "file_unreadable": "Send the file again: ENCRYPTION_KEYS has lost the key it was sealed with.",
    "defect": "Tell whoever looks after the service: its log says what went wrong.",
    "not_started": PROBLEMS["not_started"],
    "source_unknown": "Name what is to be read: drchrono or oncall.",
    "since_unknown": "Leave the day out: OnCall Health does not say what changed since.",
    "patients_from_contacts": "Set patients_from_contacts to true in the mapping first: it says "
    "that a contact without a visit never becomes a patient.",
    "not_matched": "Wait for the first matching: until then nobody knows what both systems have.",
}

_EVERY: Final = {**WAITS, **QUESTIONS, **ROWS, **PROBLEMS}
_UNKNOWN: Final = "Look at it by hand: it can't be brought in as it is."


def say(cause: str | None) -> str:
    """The sentence of a cause; "" of none. What a run is told of has the sentence of its table."""
    if cause is None or cause in _EVERY:
        return _EVERY.get(cause or "", "")
    told = table.find(cause)
    if told is None or not told.press:
        return _UNKNOWN
    # No run of its own goes on with an item of a batch.
    return f"{told.press.removesuffix(' It goes on by itself.')} {told.sentence}"
