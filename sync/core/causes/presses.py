"""Say what a page has for each deed that answers a cause: a button, or where it is done.

Every Remedy is in here. What a button can't do is said in a sentence, with its command.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from sync.core.causes.model import Remedy


class How(Enum):
    """How a deed is done on a page."""

    AT_ONCE = "at once"  # one button
    SHOWN_FIRST = "shown first"  # a button that shows what follows, and one that does it
    CHOSEN = "chosen"  # a button at each candidate
    ELSEWHERE = "elsewhere"  # on another page where there is one, else by a command
    NOT = "not"  # nothing to press


@dataclass(frozen=True, slots=True)
class Press:
    """What stands on the button, and what pressing it does; without a button what to do instead.

    `pages`: the pages on which it is done, the first that is there.
    """

    how: How
    label: str
    words: str
    pages: tuple[str, ...] = ()


PRESSES: Final = {
    Remedy.RESOLVE: Press(
        How.CHOSEN,
        "It is this one",
        "Say which it is: they are linked, and what waits for it goes on.",
    ),
    Remedy.KEEP: Press(
        How.SHOWN_FIRST,
        "Keep this side",
        "Shows what would be written over the other side, before it is done.",
    ),
    Remedy.RETRY: Press(
        How.AT_ONCE, "Try again", "Closes this and tries again. It is asked anew if it fails again."
    ),
    Remedy.DROP: Press(
        How.AT_ONCE, "Leave it as it is", "Closes this. Nothing is written, and nothing is tried."
    ),
    Remedy.LOOK_AGAIN: Press(
        How.AT_ONCE,
        "Look again now",
        "Reads both sides anew. This ends by itself if its cause is gone.",
    ),
    Remedy.CONNECT: Press(
        How.ELSEWHERE,
        "Connect the account",
        "An admin connects the DrChrono account by its own sign-in.",
        ("setup",),
    ),
    Remedy.EDIT_MAPPING: Press(
        How.ELSEWHERE,
        "Go to the mapping",
        "The mapping file is edited; a check shows first what it would change.",
        ("mapping", "setup"),
    ),
    Remedy.GO_LIVE: Press(
        How.ELSEWHERE,
        "Go to the set-up",
        "Look at what going live would do, then accept it.",
        ("setup",),
    ),
    Remedy.ACCEPT_ZONES: Press(
        How.SHOWN_FIRST,
        "Move the visits",
        "Shows how many visits move and how many patients get a mail, before it is done.",
    ),
    Remedy.RESUME: Press(
        How.AT_ONCE, "Resume it", "Lets it go on. What waited for it is done now."
    ),
    Remedy.INCLUDE: Press(
        How.SHOWN_FIRST,
        "Sync this patient again",
        "Shows how many visits are taken up again, before it is done.",
    ),
    Remedy.NONE: Press(
        How.NOT, "", "There is nothing to press: it ends by itself once its cause is gone."
    ),
}
