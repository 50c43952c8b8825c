"""List what can be answered: each cause with its sentence, what to do, and the deed."""

from dataclasses import dataclass
from typing import Final

from sync.core.causes.model import Remedy


@dataclass(frozen=True, slots=True)
class Words:
    """One answer's words. `sentence` and `press` may name what `rules.Said` fills in."""

    sentence: str
    press: str = ""
    deed: Remedy = Remedy.NONE


_AGAIN: Final = "Look again"
_SOON: Final = "Nothing: it goes on by itself."

ANSWERS: Final = {
    # It is there
    "there": Words("Nothing is wrong: {what} is in {other} since {since}, as {there}."),
    "differs": Words(
        "{what} is in {other} as {there}, but the two differ: {fields}.",
        "Look again to have it carried over now.",
        Remedy.LOOK_AGAIN,
    ),
    "there_but": Words("{what} is in {other} as {there}. But: {said}"),
    "being_carried": Words(
        "{what} is {life} in {here}; {there} still stands in {other} and is about to follow.",
        _SOON,
        Remedy.LOOK_AGAIN,
    ),
    "about_to_be_replaced": Words(
        "{what} is in {other} as {there}, which is about to be replaced or cancelled: its patient, "
        "profile, doctor or office is another one now.",
        _SOON,
        Remedy.LOOK_AGAIN,
    ),
    "left_open": Words(
        "{what} is {life} in {here}. {there} stays as it is in {other}: the mapping file does not "
        "let such an end be written, which can charge the patient or goes against its direction.",
        "End it in {other} if it shall be over there too; or see fee_bearing_writes and direction "
        "in the mapping file.",
        Remedy.EDIT_MAPPING,
    ),
    # It is over, or not there at all
    "never_heard_of": Words(
        "{here} has no {noun} with the id {id}: it was asked just now.",
        "Compare the id with the one that {here} shows.",
    ),
    "deleted": Words(
        "{what} was deleted in {here}, so {other} has none of it.",
        "Book it again in {here} if it shall take place.",
    ),
    "cancelled": Words(
        "{what} is {life} in {here}, so {other} does not show it as a visit to come.",
        "Book it again in {here} if it shall take place.",
    ),
    "finished": Words("{what} is over in {here} ({life}); nothing is made for it any more."),
    "rescheduled": Words(
        "{what} was rescheduled in {here}: the appointment that took its place is the visit now.",
        "Ask for the new appointment's id.",
    ),
    "deleted_there": Words(
        "{there}, which stood for it, was deleted in {other}.",
        "Book it anew, or look again.",
        Remedy.LOOK_AGAIN,
    ),
    "cancelled_there": Words(
        "{there}, which stood for it, is {there_life} in {other}.",
        "Book it anew if it shall take place.",
        Remedy.LOOK_AGAIN,
    ),
    "forbidden": Words(
        "{here} does not let this service read {what}.",
        "Give the connected user the right to see it. The check says which one is missing.",
    ),
    # The mapping leaves it out
    "break": Words("{what} is a break: it blocks time and has no patient. Breaks are not synced."),
    "no_patient": Words(
        "{what} has no patient, so there is nobody to invite.",
        "Choose the patient in {here}.",
    ),
    "series_base": Words(
        "{what} stands for a whole series. Each of its days is a visit of its own.",
        "Ask for the appointment of the day that is meant.",
    ),
    "type_skipped": Words(
        "The mapping file says that appointments of this profile are not synced.",
        "Choose another profile in {here}, or add this one to the mapping file.",
        Remedy.EDIT_MAPPING,
    ),
    "doctor_unmapped": Words(
        "Doctor {doctor} is not in the mapping file, so their visits are not synced.",
        "Add the doctor to the mapping file.",
        Remedy.EDIT_MAPPING,
    ),
    "office_not_listed": Words(
        "Office {office} is not among those that the mapping file lists for doctor {doctor}.",
        "Add the office to the doctor in the mapping file.",
        Remedy.EDIT_MAPPING,
    ),
    "direction_off": Words(
        "The mapping file lets nothing be made in {other} (direction).",
        "Change the direction in the mapping file if it shall.",
        Remedy.EDIT_MAPPING,
    ),
    # Its time
    "past": Words(
        "{what} began on {when}. Visits that have begun are not made in {other} any more.",
    ),
    "beyond_window": Words(
        "{what} is on {when}, which is too far ahead. It comes into {other} on {until}.",
        _SOON,
    ),
    # Its patient
    "patient_email_placeholder": Words(
        "The chart of patient {patient} has an invented e-mail address, which counts as none.",
        "Put the patient's own e-mail address into the chart in DrChrono.",
        Remedy.LOOK_AGAIN,
    ),
    "patient_excluded": Words(
        "Patient {patient} was excluded by hand: nothing about them is synced.",
        "Take the patient in again if that is over.",
        Remedy.INCLUDE,
    ),
    "no_visit_yet": Words(
        "Patient {patient} has no visit to come that is synced. A contact in OnCall is made with "
        "the first one.",
        "Book a visit, or ask why a visit is not there.",
    ),
    "left_alone": Words(
        "Somebody was asked about it, and closed the question without an answer. It is left as it "
        "is until it changes.",
        f"{_AGAIN} to have it tried anew.",
        Remedy.LOOK_AGAIN,
    ),
    "waits_for_another": Words("{said}", _SOON, Remedy.LOOK_AGAIN),
    # The service
    "being_matched": Words(
        "Doctor {doctor} was added to the mapping file: what both systems have of them is compared "
        "before anything is made.",
        _SOON,
    ),
    "shadow": Words(
        "The service is not live yet: it compares and plans, and makes nothing (SYNC_MODE).",
        "Have it set to live.",
        Remedy.RESUME,
    ),
    "paused": Words(
        "The service is paused: it takes everything in and works on nothing (SYNC_MODE).",
        "Have it resumed.",
        Remedy.RESUME,
    ),
    "paused_by_hand": Words(
        "An operator has paused {paused} since {since}, {end}.",
        "Resume it when it shall go on. What waits is done then.",
        Remedy.RESUME,
    ),
    "waits_for_budget": Words(
        "It waits its turn: {asked} allows no more calls before about {until}.",
        _SOON,
    ),
    "system_down": Words(
        "{asked} does not answer as it should just now. What is to be done is tried again.",
        _SOON,
    ),
    "being_worked_on": Words("It is being worked on right now.", "Ask again in a minute."),
    "queued": Words("It is in the queue, and due at {until}.", "Ask again in a minute."),
    "overdue": Words(
        "It is due since {until} and waits for a worker.",
        "Ask again in a minute. If it stays so, have the service's processes looked at.",
    ),
    "being_made": Words(
        "It is being made in {other}; the answer has not come yet.", "Ask again in a few minutes."
    ),
    "not_heard_of": Words(
        "{what} is in {here}, but this service has not heard of it yet.",
        f"{_AGAIN}: it is taken up at once.",
        Remedy.LOOK_AGAIN,
    ),
    "about_to_be_made": Words(
        "Nothing is in its way any more; it is made with the next look.",
        f"{_AGAIN}: it is done at once.",
        Remedy.LOOK_AGAIN,
    ),
    "unknown": Words(
        "What is known here does not say why {what} is not in {other}.",
        f"{_AGAIN}; if it stays so, see what is known of it.",
        Remedy.LOOK_AGAIN,
    ),
}
NOTE: Final = " ({asked} could not be asked just now: {reason}. This is what was known before.)"
REASONS: Final = {
    "waits_for_budget": "no more calls before about {until}",
    "system_down": "it does not answer as it should",
    "auth": "its account or key is not taken",
}
