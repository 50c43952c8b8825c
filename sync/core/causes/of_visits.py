"""List the causes that concern one visit."""

from typing import Final

from sync.core.causes.model import Cause, Remedy


def _cause(name: str, sentence: str, press: str, *deeds: Remedy) -> Cause:
    return Cause(name, "visit", sentence, press, deeds)


CAUSES: Final = (
    # What the visit says
    _cause(
        "no_time",
        "The visit has no time that can be read.",
        "Give it a date and a time. It goes on by itself.",
        Remedy.LOOK_AGAIN,
    ),
    _cause(
        "no_length",
        "The visit has no length, and its profile has none either.",
        "Give it a length. It goes on by itself.",
        Remedy.LOOK_AGAIN,
    ),
    _cause(
        "time_implausible",
        "The visit stands years away, which looks like a slip of the keys. Nothing is carried.",
        "Put its date right. It goes on by itself.",
        Remedy.LOOK_AGAIN,
    ),
    _cause(
        "type_unknown",
        "The OnCall visit is of a type that this service does not know.",
        "Give the visit another type in OnCall.",
        Remedy.LOOK_AGAIN,
    ),
    _cause(
        "malformed",
        "DrChrono or OnCall shows the visit, or its patient, in a form that can't be read.",
        "Look at it in that system and save it again. It goes on by itself.",
        Remedy.RETRY,
    ),
    _cause(
        "no_participants",
        "Nobody is in the OnCall visit who comes.",
        "Invite somebody in OnCall, or cancel the visit there.",
        Remedy.LOOK_AGAIN,
    ),
    _cause(
        "noted",
        "OnCall says that a charge failed, or that a fee was waived. That ends nothing.",
        "Read it, then close this.",
        Remedy.DROP,
    ),
    # The two sides differ
    _cause(
        "*_differs",
        "{field} differs in DrChrono and OnCall, and nobody has said which is right.",
        "Keep one side's value, or make both the same in either system.",
        Remedy.KEEP,
    ),
    _cause(
        "state_differs",
        "The visit is over in one system and open in the other, and nobody has said which is "
        "right.",
        "Keep one side's state, or end or open it in the other system.",
        Remedy.KEEP,
    ),
    _cause(
        "reopened",
        "A visit that was over is open again, and the clinic wants to be asked.",
        "End it there again, keep the other side's state, or book it anew.",
        Remedy.KEEP,
    ),
    _cause(
        "baseline_unreadable",
        "What was last agreed on can't be read: a digest key of this service was given up. What "
        "differs waits.",
        "Keep one side's values, or have the key configured again.",
        Remedy.KEEP,
    ),
    # Which visit it is
    _cause(
        "visit_unsure",
        "The other system has a visit that may be the same one. Nothing is made before somebody "
        "says so.",
        "Say which visit it is, or none of them.",
        Remedy.RESOLVE,
    ),
    _cause(
        "slot_taken",
        "The same patient stands twice at the same time with the same doctor.",
        "Cancel one of the two.",
        Remedy.LOOK_AGAIN,
    ),
    _cause(
        "create_unknown",
        "The answer was lost when the visit, or its patient, was made in the other system. It is "
        "looked for before it is made again.",
        "Nothing, or look whether it is there and try again.",
        Remedy.RETRY,
    ),
    _cause(
        "foreign_marker",
        "The visit bears a mark that was edited, copied, or made by another installation. It is "
        "left alone.",
        "Take the mark out of the visit, or have the former key configured again.",
        Remedy.RETRY,
    ),
    # What the other side, or the clinic, does not allow
    _cause(
        "refused",
        "The other system did not take what was to be written.",
        "Put the named field right in the visit or the chart. It goes on by itself.",
        Remedy.RETRY,
    ),
    _cause(
        "forbidden",
        "The other system does not allow what was to be read or written: a right is missing.",
        "Run the check: it says which right is missing.",
        Remedy.RETRY,
    ),
    _cause(
        "field_refused",
        "The other system did not take an optional field. Everything else is there.",
        "Put the named field right; it is sent again when its value changes.",
        Remedy.DROP,
    ),
    _cause(
        "overlap",
        "DrChrono says that the time is taken, and no exam room that may be used is free.",
        "Move one of the two appointments, or name more exam rooms in the mapping file.",
        Remedy.RETRY,
        Remedy.EDIT_MAPPING,
    ),
    _cause(
        "brake",
        "Too many visits were cancelled within an hour, so further cancellations of this doctor "
        "are stopped.",
        "Look why. Try again lets this doctor's cancellations through for an hour.",
        Remedy.RETRY,
        Remedy.DROP,
    ),
    _cause(
        "too_many_writes",
        "The visit was written to too often within a day, and waits.",
        "Look what keeps changing it, then try again once the day is over.",
        Remedy.RETRY,
    ),
    _cause(
        "keeps_failing",
        "The visit or the person was tried many times in vain: a system is down or slow.",
        "Nothing: it is tried again for as long as it takes.",
        Remedy.RETRY,
        Remedy.NONE,
    ),
    # The mapping
    _cause(
        "unmapped",
        "The mapping file lacks something that the visit needs.",
        "Add what is named to the mapping file. It goes on by itself.",
        Remedy.EDIT_MAPPING,
    ),
    _cause(
        "provider_unknown",
        "OnCall does not say whose visit it is, and it can't be told otherwise.",
        "Name the provider in OnCall, or map one doctor of that division only.",
        Remedy.EDIT_MAPPING,
    ),
    _cause(
        "provider_unmapped",
        "The mapping file does not say which doctor the visit's OnCall provider is.",
        "Add the provider to the mapping file.",
        Remedy.EDIT_MAPPING,
    ),
    _cause(
        "left_scope",
        "The visit's profile, doctor or office is not synced any more, and the visit still stands "
        "in OnCall.",
        "Cancel it, or put the mapping file right.",
        Remedy.EDIT_MAPPING,
        Remedy.LOOK_AGAIN,
    ),
    # Several in one visit
    _cause(
        "group_full",
        "The group has more members than OnCall takes (25). Whoever is beyond that waits.",
        "Move somebody to another group.",
        Remedy.LOOK_AGAIN,
    ),
    _cause(
        "group_member_twice",
        "One patient stands twice in the group.",
        "Take one of the two out.",
        Remedy.LOOK_AGAIN,
    ),
    _cause(
        "participant_lost",
        "A participant is not in OnCall's visit any more. No appointment is cancelled for that.",
        "Look in OnCall, then drop this.",
        Remedy.DROP,
    ),
    _cause(
        "second_patient",
        "A second patient was added in OnCall to a visit of one, and the clinic has no group "
        "profile.",
        "Book them apart, or name a group profile in the mapping file.",
        Remedy.EDIT_MAPPING,
        Remedy.DROP,
    ),
)

# Fields as staff would say them, for the families of causes that name one.
FIELDS: Final = {
    "starts": "The time",
    "minutes": "The length",
    "type": "The type",
    "provider": "The doctor",
    "state": "The state",
    "patient": "The patient",
}
