"""Name each cause in a few words, for a list, a filter or a heading; its sentence says the rest."""

from typing import Final

from sync.core.causes import table

TITLES: Final = {
    # of_service
    "auth": "Credentials not taken",
    "not_connected": "DrChrono not connected",
    "token_lost": "DrChrono’s permission lost",
    "wrong_account": "Another account is connected",
    "connected_elsewhere": "Copy of a database in use",
    "doctor_unseen": "A doctor is not shown",
    "*_list_incomplete": "List incomplete",
    "*_refused": "Task refused",
    "*_keeps_failing": "Task keeps failing",
    "malformed_record": "Unreadable record in a list",
    "unknown_ids_flood": "Notices of unknown visits",
    "database_behind": "Database is an older copy",
    "clock_off": "A host’s clock is wrong",
    "mapping_unusable": "Mapping file unreadable",
    "profile_renamed": "Profile renamed",
    "zone_unknown": "Time zone unknown",
    "zone_changed": "Time zone changed",
    "email_shared": "E-mail address shared by many",
    "not_accepted": "Not live yet",
    # of_people
    "patient_without_email": "No e-mail in the chart",
    "patient_email_unclear": "Unclear e-mail in the chart",
    "patient_without_name": "No name in the chart",
    "patient_inactive": "Chart inactive or deceased",
    "patient_gone": "Chart not shown",
    "birth_date_implausible": "Birth date can’t be right",
    "charts_merged": "Charts merged?",
    "patient_unsure": "Which patient is it?",
    "new_patient": "New patient: make a chart?",
    "participant_unmatched": "Participant without a chart",
    "duplicate_patient": "Chart is there already",
    "identity_incomplete": "Incomplete name or address",
    "participant_without_email": "Participant without e-mail",
    "participant_email_unclear": "Participant’s e-mail unclear",
    "contact_unsure": "Which contact is it?",
    "contact_differs": "Contact differs from the chart",
    "contact_refused": "Change of a contact not taken",
    "contact_twice": "Two contacts for one patient",
    "participant_refused": "Change of a participant not taken",
    "doctor_unmapped": "Patient’s doctor not mapped",
    "not_brought_back": "OnCall’s name or address not usable",
    # of_visits
    "no_time": "Visit without a time",
    "no_length": "Visit without a length",
    "time_implausible": "Visit years away",
    "type_unknown": "Visit of an unknown type",
    "malformed": "Visit can’t be read",
    "no_participants": "Nobody in the visit",
    "noted": "Charge failed or waived",
    "*_differs": "Both sides differ",
    "state_differs": "Over here, open there",
    "reopened": "Open again",
    "baseline_unreadable": "Last agreement unreadable",
    "visit_unsure": "Which visit is it?",
    "slot_taken": "Same patient twice at one time",
    "create_unknown": "Answer to a booking lost",
    "foreign_marker": "Mark of another service",
    "refused": "Change not taken",
    "forbidden": "A right is missing",
    "field_refused": "Optional field not taken",
    "overlap": "Time taken, no room free",
    "brake": "Cancellations stopped",
    "too_many_writes": "Changed too often in a day",
    "keeps_failing": "Tried many times in vain",
    "unmapped": "Mapping lacks something",
    "provider_unknown": "Whose visit is unknown",
    "provider_unmapped": "Provider not mapped",
    "left_scope": "Not synced any more",
    "group_full": "Group is full",
    "group_member_twice": "Twice in one group",
    "participant_lost": "Participant left the visit",
    "second_patient": "Second patient in a visit of one",
}
UNKNOWN: Final = "Something else"


def title(cause: str) -> str:
    """The cause's name; of a family, which field or task it is about too."""
    if cause in TITLES:
        return TITLES[cause]
    found = table.family(cause)
    if found is None:
        return UNKNOWN
    family, words = found
    return f"{TITLES[family]}: {words.replace('The ', 'the ', 1)}"
