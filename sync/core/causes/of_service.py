"""List the causes that concern the service as a whole: accounts, lists, the host, the mapping."""

from typing import Final

from sync.core.causes.model import Cause, Remedy


def _cause(name: str, sentence: str, press: str, *deeds: Remedy) -> Cause:
    return Cause(name, "service", sentence, press, deeds)


CAUSES: Final = (
    # The two accounts
    _cause(
        "auth",
        "DrChrono or OnCall does not take this service's credentials. What needs them waits.",
        "Connect the DrChrono account again; if OnCall is meant, put its key (ONCALL_KEY) right.",
        Remedy.CONNECT,
    ),
    _cause(
        "not_connected",
        "No DrChrono account is connected, so nothing can be read or written.",
        "Connect the DrChrono account.",
        Remedy.CONNECT,
    ),
    _cause(
        "token_lost",
        "DrChrono's permission for this service was lost while it was being renewed.",
        "Connect the DrChrono account again.",
        Remedy.CONNECT,
    ),
    _cause(
        "wrong_account",
        "A connected account is another practice's or another organisation's. Everything waits, "
        "and nothing that it shows is believed.",
        "Connect as a user of the practice, or put OnCall's key (ONCALL_KEY) right.",
        Remedy.CONNECT,
    ),
    _cause(
        "connected_elsewhere",
        "This is a copy of the service whose database is in use elsewhere; it makes no calls.",
        "If this copy shall work, connect an account for it.",
        Remedy.CONNECT,
    ),
    _cause(
        "doctor_unseen",
        "DrChrono does not show this doctor's appointments any more. Nothing missing of this "
        "doctor is taken for deleted; it waits.",
        "Share the doctor's patients with the connected user in DrChrono, or connect as a user "
        "who sees every doctor.",
        Remedy.CONNECT,
        Remedy.NONE,
    ),
    # Lists and tasks
    _cause(
        "*_list_incomplete",
        "{task} lacks many visits that should be in it. None of that is believed; each visit is "
        "read by itself.",
        "Run the check: it says which right or scope is missing.",
        Remedy.NONE,
    ),
    _cause(
        "*_refused",
        "{task} is refused: a right or a scope is missing, or its next page is at a host that is "
        "not known.",
        "Run the check: it says which right is missing. It goes on by itself once it is given.",
        Remedy.NONE,
    ),
    _cause(
        "*_keeps_failing",
        "{task} has failed for a long time. The other system may be down or slow.",
        "Nothing, unless it lasts: it goes on by itself once the system answers.",
        Remedy.NONE,
    ),
    _cause(
        "malformed_record",
        "A list shows a record that can't be read, without a usable id.",
        "Look at it in that system, then close this.",
        Remedy.DROP,
    ),
    _cause(
        "unknown_ids_flood",
        "Somebody sends notices of many visits that do not exist. They may know a webhook's "
        "secret; they can delay new bookings by minutes, nothing more.",
        "Have the webhook's secret changed in DrChrono, or OnCall's token.",
        Remedy.NONE,
    ),
    # The service itself
    _cause(
        "database_behind",
        "The database is an older copy. All work stops until the links are rebuilt from the "
        "visits themselves; nothing is made twice.",
        "Nothing: it is rebuilt within minutes.",
        Remedy.NONE,
    ),
    _cause(
        "clock_off",
        "The clock of a host is wrong by more than five seconds.",
        "Have that host's clock put right.",
        Remedy.NONE,
    ),
    _cause(
        "mapping_unusable",
        "The mapping file can't be read. What needs it waits.",
        "Correct the file; the check names the line.",
        Remedy.EDIT_MAPPING,
    ),
    _cause(
        "profile_renamed",
        "Appointment profiles that the mapping knows by their names were renamed in DrChrono. "
        "What is booked now is read by the new names.",
        "Put the profile's id, or its new name, into the mapping file.",
        Remedy.EDIT_MAPPING,
        Remedy.DROP,
    ),
    _cause(
        "zone_unknown",
        "A doctor has no usable time zone, so nobody can tell when their visits begin. They wait.",
        "Set the doctor's time zone in DrChrono, or in the mapping file.",
        Remedy.EDIT_MAPPING,
        Remedy.NONE,
    ),
    _cause(
        "zone_changed",
        "A doctor's time zone was changed in DrChrono. Visits to come stay where they are until "
        "somebody decides.",
        "Move them to the new zone (patients get a mail), or drop this to leave them.",
        Remedy.ACCEPT_ZONES,
        Remedy.DROP,
    ),
    _cause(
        "email_shared",
        "More charts share one e-mail address than a family has. Nobody new is invited by it.",
        "Put each patient's own address into the chart, or name the address in the mapping file "
        "if it may be shared.",
        Remedy.EDIT_MAPPING,
        Remedy.NONE,
    ),
    _cause(
        "not_accepted",
        "Both systems are compared first, and nobody has accepted going live yet. Nothing is made.",
        "Look at what going live would do, then accept it.",
        Remedy.GO_LIVE,
    ),
)

# The beat's tasks, and what else a cause of a family names, as staff would say it.
TASKS: Final = {
    "mapping": "Reading the mapping file",
    "mode": "Taking up the service's mode",
    "token": "Renewing DrChrono's permission",
    "zones": "Reading the doctors' time zones",
    "account": "Checking the connected accounts",
    "matching": "Matching both systems",
    "practice": "Reading the practice's set-up",
    "addresses": "Counting who shares an address",
    "window": "Taking up visits that come near",
    "drchrono": "DrChrono's list",
    "drchrono_appointments": "DrChrono's list of changed appointments",
    "drchrono_patients": "DrChrono's list of changed patients",
    "drchrono_window": "DrChrono's list of the visits to come",
    "oncall": "OnCall's list",
    "oncall_newest": "OnCall's list of the newest visits",
    "oncall_walk": "OnCall's whole list of visits",
    "diff": "Comparing both systems",
    "oncall_tiers": "Looking at OnCall's visits that come near",
    "oncall_contacts": "OnCall's list of contacts",
    "prune": "Cleaning up the database",
    "missed": "Looking again at what changed meanwhile",
    "pauses": "Ending pauses",
    "imports": "Deleting files that were brought in",
    "alerts": "Telling alerts",
    "sample": "Noting how it stands each minute",
    "audit": "Telling the end of the audit (to AUDIT_SINK)",
    "appointment_field": "Making our field of appointments in DrChrono",
    "patient_field": "Making our field of charts in DrChrono",
}
