"""List the causes that concern a patient, a contact or a participant."""

from typing import Final

from sync.core.causes.model import Cause, Remedy


def _cause(name: str, sentence: str, press: str, *deeds: Remedy) -> Cause:
    return Cause(name, "person", sentence, press, deeds)


CAUSES: Final = (
    # What a chart lacks
    _cause(
        "patient_without_email",
        "The patient's chart has no e-mail address (or an invented one), and OnCall invites by "
        "e-mail.",
        "Put the patient's e-mail address into the chart in DrChrono. It goes on by itself.",
        Remedy.LOOK_AGAIN,
    ),
    _cause(
        "patient_email_unclear",
        "What the chart has as an e-mail address is not surely one.",
        "Put one whole address into the chart in DrChrono. It goes on by itself.",
        Remedy.LOOK_AGAIN,
    ),
    _cause(
        "patient_without_name",
        "The chart has no name, or one that can't be a name.",
        "Put the patient's name into the chart in DrChrono. It goes on by itself.",
        Remedy.LOOK_AGAIN,
    ),
    _cause(
        "patient_inactive",
        "The patient's chart is inactive or deceased. Nobody is invited, and no change is mailed.",
        "Cancel the visit, or make the chart active in DrChrono.",
        Remedy.LOOK_AGAIN,
    ),
    _cause(
        "patient_gone",
        "DrChrono does not show the appointment's chart.",
        "Look at the chart in DrChrono: it may be archived, or not shared with the connected user.",
        Remedy.LOOK_AGAIN,
    ),
    _cause(
        "birth_date_implausible",
        "A birth date can't be right (before 1880, or in the future). It is left out.",
        "Put it right in the chart in DrChrono.",
        Remedy.DROP,
    ),
    _cause(
        "charts_merged",
        "The appointment names another chart than before. Both may be the same patient, merged in "
        "DrChrono, but their e-mail addresses differ.",
        "Say whether the chart of now is the same patient (choose it), or another one (none).",
        Remedy.RESOLVE,
    ),
    # Who a participant is
    _cause(
        "patient_unsure",
        "Somebody in an OnCall visit may be one of these patients; it is not sure which.",
        "Say which patient it is, or none of them.",
        Remedy.RESOLVE,
    ),
    _cause(
        "new_patient",
        "Nobody in DrChrono is this participant of an OnCall visit, and the clinic wants to be "
        "asked before a chart is made.",
        "Name the patient's chart, or answer none to have one made.",
        Remedy.RESOLVE,
    ),
    _cause(
        "participant_unmatched",
        "Nobody in DrChrono is this participant of an OnCall visit. They may be a co-host or a "
        "relative.",
        "Make the chart in DrChrono if they are a patient, else drop this.",
        Remedy.DROP,
    ),
    _cause(
        "duplicate_patient",
        "DrChrono did not take a new chart: it says that one like it is there.",
        "Name the chart that it is.",
        Remedy.RESOLVE,
    ),
    _cause(
        "identity_incomplete",
        "Somebody unknown booked in OnCall without a whole name or a sure address. No chart is "
        "made before these are there.",
        "Complete the participant in OnCall, or name the patient's chart.",
        Remedy.RESOLVE,
    ),
    _cause(
        "participant_without_email",
        "A participant of an OnCall visit has no e-mail address of their own.",
        "Put the address into OnCall, or name the patient's chart.",
        Remedy.RESOLVE,
    ),
    _cause(
        "participant_email_unclear",
        "What OnCall has as a participant's e-mail address is not surely one.",
        "Put it right in OnCall, or name the patient's chart.",
        Remedy.RESOLVE,
    ),
    # Contacts
    _cause(
        "contact_unsure",
        "The patient may be one of these contacts in OnCall; it is not sure which.",
        "Say which contact it is, or none of them.",
        Remedy.RESOLVE,
    ),
    _cause(
        "contact_differs",
        "A contact in OnCall says something else of the patient than the chart.",
        "Keep DrChrono to write the chart's values to the contact, or drop this to leave it.",
        Remedy.KEEP,
        Remedy.DROP,
    ),
    _cause(
        "contact_refused",
        "OnCall did not take a changed name or address of a contact.",
        "Put the contact right in OnCall. The chart's next value is tried again.",
        Remedy.RETRY,
        Remedy.DROP,
    ),
    _cause(
        "contact_twice",
        "The patient has two contacts with one provider in OnCall. The second is left alone.",
        "Merge them in OnCall, then drop this.",
        Remedy.DROP,
    ),
    _cause(
        "participant_refused",
        "OnCall did not take a changed name or address of a participant.",
        "Put the participant right in OnCall. The chart's next value is tried again.",
        Remedy.RETRY,
        Remedy.DROP,
    ),
    _cause(
        "doctor_unmapped",
        "The mapping file does not say which OnCall provider the patient's doctor is.",
        "Add the doctor to the mapping file.",
        Remedy.EDIT_MAPPING,
    ),
    _cause(
        "not_brought_back",
        "OnCall was given a name or an e-mail address that no chart can have. The chart stays as "
        "it is.",
        "Put it right in OnCall; or change the chart, which is written over it.",
        Remedy.DROP,
    ),
)
