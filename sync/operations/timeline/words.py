"""Say in staff's words what a stored word stands for, and by which rule (docs/rules.md)."""

from typing import Final, NamedTuple

from sync.core.printable import printable

NAMES: Final = {"drchrono": "DrChrono", "oncall": "OnCall"}


class Said(NamedTuple):
    """A sentence, and the number of the rule that it was done by; "" for none."""

    sentence: str
    rule: str


# What a delivery came to.
_OUTCOMES: Final = {
    "unchanged": Said("Nothing in it was new, so nothing was looked at.", "R5"),
    "raised": Said("Both sides were to be looked at.", "R1"),
}
_SEEN: Final = {
    "scan": "{system} was seen in a list",
    "scan_deleted": "{system} listed it as deleted",
}
# What a write is for, as the gate and the brake name it.
_EFFECTS: Final = {
    "create": Said("Made in {system}", "R14"),
    "update": Said("Changed in {system}", "R8"),
    "cancel": Said("Cancelled in {system}", "R7"),
    "blank": Said("Emptied in {system}", "R8"),
    "marker": Said("Our marker put into {system}", "R39"),
}
_SENT: Final = Said("Sent to {system}", "")
# How a call ended; what is not here went well.
_STATES: Final = {
    "open": "no answer yet",
    "refused": "refused",
    "unresolved": "no answer came: it may have been done, and is looked for",
    "looked": "no answer came: what became of it was looked up",
    "redirected": "led to another address, nothing was done at this one",
    "unsent": "never left this machine",
}
_READ_STATES: Final = {
    **_STATES,
    "unresolved": "no answer came",
    "looked": "no answer came",
    "redirected": "led to another address",
}
_CONFLICTS: Final = {
    "overwritten": Said(
        "Both systems had changed {field}; the system of record’s went over the other’s.", "R8"
    ),
    "overwritten_in_gap": Said(
        "{field} was edited between our read and our write, which went over it.", "R8"
    ),
}
_DEEDS: Final = {
    "resync": "Asked to look again",
    "retry": "Tried again",
    "drop": "Left as it is",
    "resolve": "Answered",
    "look": "Looked at the candidates",
    "keep": "Kept one side’s",
    "pair": "Paired by hand",
    "unlink": "Told apart by hand",
    "exclude": "Excluded the patient",
    "include": "Included the patient again",
}


def told(event: str, system: str, outcome: str) -> Said:
    """What a delivery was, and what it came to."""
    named = NAMES.get(system, printable(system))
    seen = _SEEN.get(event)
    came = f"{named} sent {printable(event, 60)}" if seen is None else seen.format(system=named)
    made = _OUTCOMES.get(outcome, Said(f"It came to {printable(outcome)}.", ""))
    return Said(f"{came}. {made.sentence}", made.rule)


def read(system: str, endpoint: str, state: str, status: int | None) -> str:
    """A read, and how it ended."""
    ended = _READ_STATES.get(state, "")
    answered = "" if status is None or status == 200 else f"answered {status}"
    told = ended or answered
    what = f"{NAMES.get(system, printable(system))}’s {printable(endpoint).replace('_', ' ')} read"
    return f"{what}: {told}." if told else f"{what}."


def written(system: str, effect: str, state: str) -> Said:
    """A write, and how it ended."""
    made = _EFFECTS.get(effect, _SENT)
    words = made.sentence.format(system=NAMES.get(system, printable(system)))
    ended = _STATES.get(state, "")
    return Said(f"{words}: {ended}." if ended else f"{words}.", made.rule)


def conflict(field: str, how: str) -> Said:
    """An edit that was overwritten."""
    found = _CONFLICTS.get(how)
    if found is None:
        return Said(f"{printable(field)}: {printable(how)}.", "")
    return Said(found.sentence.format(field=printable(field)), found.rule)


def deed(action: str, outcome: str) -> str:
    """What somebody did."""
    words = _DEEDS.get(action, printable(action).replace("_", " ").capitalize())
    return f"{words}." if outcome == "done" else f"{words} ({printable(outcome)})."


def who(kind: str, name: str, door: str) -> str:
    """Who did something, and where they came in."""
    return f"{printable(kind)} {printable(name)} ({printable(door)})"
