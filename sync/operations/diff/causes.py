"""Say in staff's words by what something differs, and what explains it."""

from typing import Final, NamedTuple


class Said(NamedTuple):
    """A cause as a heading, what it means, and what to do."""

    title: str
    sentence: str
    do: str


_LOOK: Final = "Open its timeline; `drchrono-oncall resync` has it looked at now."

CAUSES: Final[dict[str, Said]] = {
    "fields_differ": Said(
        "Visits that say different things",
        "Both systems have the visit, and its start, length, type or provider differ.",
        _LOOK,
    ),
    "state_differs": Said(
        "Over in one system only",
        "The visit is over in one system and stands in the other, or it ended in different ways.",
        _LOOK,
    ),
    "patient_differs": Said(
        "Another patient has the appointment",
        "The appointment's patient is not the one whom the OnCall visit is with.",
        _LOOK,
    ),
    "left_scope": Said(
        "No longer synced, but open in OnCall",
        "The mapping leaves the appointment out, and its OnCall visit still stands.",
        "Cancel it in OnCall, or bring it back into the mapping.",
    ),
    "missing_in_oncall": Said(
        "Appointments without an OnCall visit",
        "The appointment is one that is synced, and no OnCall visit stands for it.",
        "Ask `drchrono-oncall why appointment ID`.",
    ),
    "missing_in_drchrono": Said(
        "OnCall visits without an appointment",
        "The OnCall visit is to come, and no appointment stands for it.",
        "Ask `drchrono-oncall why oncall-appointment ID`.",
    ),
    "participant_missing": Said(
        "Patients who are not in their OnCall visit",
        "The appointment stands for a participant whom the OnCall visit does not list.",
        _LOOK,
    ),
    "participant_extra": Said(
        "Participants without an appointment",
        "The OnCall visit lists a participant for whom no appointment stands.",
        "Book them in DrChrono, or leave them: a co-host needs none.",
    ),
    "contact_differs": Said(
        "Contacts that say something else than the chart",
        "The chart and the patient's contact in OnCall differ in a name, an address or a number.",
        "Open the person's timeline; `drchrono-oncall keep` takes over one side.",
    ),
    "participant_differs": Said(
        "Participants who are named otherwise than the chart",
        "A participant of a visit to come has another name or e-mail than the patient's chart.",
        _LOOK,
    ),
    "contact_missing": Said(
        "Patients without a contact",
        "The patient has a visit to come, or all patients are mirrored, and OnCall has no contact.",
        "Ask `drchrono-oncall why patient ID`.",
    ),
    "contact_gone": Said(
        "Contacts that are gone",
        "The contact that stands for the patient is in OnCall no more.",
        "Ask `drchrono-oncall why patient ID`.",
    ),
    "chart_gone": Said(
        "Charts that are gone",
        "The chart that the contact stands for is in DrChrono no more.",
        "Ask `drchrono-oncall why patient ID`.",
    ),
    "chart_missing": Said(
        "Contacts without a chart",
        "Contacts become patients by the mapping's policy, and this one stands for no chart.",
        "Bring it in: `drchrono-oncall backfill patients --from oncall`.",
    ),
}

# What explains a difference, in a few words that a table has room for.
WHY: Final[dict[str, str]] = {
    "asked": "somebody was asked",
    "waits": "it waits",
    "paused": "it is paused",
    "not_live": "nothing is written in this mode",
    "not_accepted": "going live was not accepted",
    "one_way": "that direction is switched off",
    "settled": "it was settled so",
    "never_agreed": "both keep their own since they were linked",
    "not_seen_yet": "the next catch-up takes it over",
    "working": "a worker is at it",
    "queued": "it waits for a worker",
    "written": "it was written just now",
    "successor": "it waits for the appointment that follows it",
    "far": "it is too far ahead",
    "not_wanted": "no policy wants one",
    "excluded": "the patient is excluded",
    "noted_only": "ends that cost a fee are not written",
    "ended": "both are over",
}

# Why a list or everything could not be told, where the code alone says too little.
TROUBLES: Final[dict[str, str]] = {
    "not_connected": "the two accounts are not connected: drchrono-oncall connect",
    "mapping_unusable": "the mapping file can't be used: drchrono-oncall check",
    "wrong_account": "the account is not the connected one",
    "misfit": "this process does not belong to its database: drchrono-oncall check",
    "budget": "the budget of calls is used up",
    "database": "the database could not be reached",
    "database_behind": "the database is older than what the systems show: relink first",
}
# Why one visit or person could not be compared.
UNDECIDED: Final[dict[str, str]] = {
    "zone_unknown": "its doctor's time zone is not known",
    "no_time": "nobody said when it begins",
    "not_told": "a list does not say enough of it, and the reads by id were used up",
    "unread": "reading it by its id failed",
    "malformed": "what was read of it can't be read",
    "forbidden": "DrChrono does not let us read it",
}
