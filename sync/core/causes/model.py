"""Define a cause as staff read it: what happened, what to do, and which deed answers it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

About = Literal["visit", "person", "service"]


class Remedy(StrEnum):
    """What an operator can press. Of those that a cause names, the first is the usual one."""

    RESOLVE = "resolve"  # say which candidate it is
    KEEP = "keep"  # have one side's value overwrite the other's
    RETRY = "retry"  # close the item and try again
    DROP = "drop"  # close the item and leave things as they are
    LOOK_AGAIN = "look_again"  # read both sides now
    CONNECT = "connect"  # attach the DrChrono account
    EDIT_MAPPING = "edit_mapping"
    GO_LIVE = "go_live"  # accept the first matching
    ACCEPT_ZONES = "accept_zones"  # move visits to a doctor's new time zone
    RESUME = "resume"  # let the service write
    INCLUDE = "include"  # sync an excluded patient again
    NONE = "none"  # nothing: it ends by itself, or is put right outside of this service


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause. `name` may hold one `*`, for a family of causes.

    `sentence` says what happened, `press` what to do ("" where nothing is to be done). Neither
    holds a value of a chart, a visit or a person.
    """

    name: str
    about: About
    sentence: str
    press: str
    deeds: tuple[Remedy, ...]


_COMMANDS: Final = {
    Remedy.RESOLVE: "attention resolve {item}",
    Remedy.RETRY: "attention retry {item}",
    Remedy.DROP: "attention drop {item}",
    Remedy.LOOK_AGAIN: "resync {subject}",
    Remedy.KEEP: "keep drchrono|oncall {subject}",
    Remedy.CONNECT: "connect",
    Remedy.EDIT_MAPPING: "mapping check FILE",
    Remedy.GO_LIVE: "go-live --dry-run",
    Remedy.ACCEPT_ZONES: "zones --accept",
}


def command(deed: Remedy, *, item: int | None = None, subject: str = "KIND ID") -> str:
    """The command that does a deed, without the program's name; "" where there is none.

    `item` is the attention item's number, `subject` KIND and ID of what it is about.
    """
    pattern = _COMMANDS.get(deed, "")
    if "{item}" in pattern and item is None:
        return ""
    return pattern.format(item=item, subject=subject)
