"""Say what a parked visit or person waits for: a blocker's kind and reference, in staff's words."""

from typing import Final

from sync.core.causes import table
from sync.core.printable import printable

EXCLUDED: Final = "excluded:"
# References of `operator` whose sentence is a cause's.
_CAUSE_OF: Final = {
    "frozen": "too_many_writes",
    "go-live": "not_accepted",
}
_SENTENCES: Final = {
    "patient": "It waits for the chart of patient {ref} to change.",
    "visit": "It waits for appointment {ref} to change.",
    "run": "It waits for visit {ref} of this service.",
    "address": "It waits until fewer charts share the e-mail address.",
    "email": "It waits for a chart with that e-mail address.",
    "fact": "It waits until OnCall's list has shown something new.",
    "mapping": "It waits for the mapping file to change.",
    "mode": "It waits until the service may write.",
    "pause": "It waits because an operator has paused {ref}.",
    "auth": "It waits for the credentials of DrChrono or OnCall.",
    "zone": "It waits for the time zone of doctor {ref}.",
}


def cause_of(ref: str) -> str:
    """The cause that a reference of `operator` stands for; it may be none of the table."""
    named = ref.partition(":")[0]
    return _CAUSE_OF.get(named, named)


def sentence(kind: str, ref: str) -> str:
    """What is waited for; ids only."""
    shown = printable(ref, 80)
    if kind != "operator":
        return _SENTENCES.get(kind, "It waits.").format(ref=shown)
    if ref.startswith(EXCLUDED):
        return f"Patient {shown.removeprefix(EXCLUDED)} is excluded by hand."
    found = table.find(cause_of(ref))
    return "It waits for a person to decide." if found is None else found.sentence
