"""Say who does a deed, and by which door they came."""

from dataclasses import dataclass
from typing import Final, Literal

ActorKind = Literal["operator", "user", "staff", "service"]
Door = Literal["ops", "terminal", "oauth", "iframe", "web", "worker", "beat"]

LONGEST_NAME: Final = 80


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts; the audit names them so.

    `kind` and `name`: an operator by the name of their sign-in, a user of the operating system as
    `uid 1000`, staff by their DrChrono user id, or a process of the service by its owner name.
    `request` is the id in the log lines of the request, empty where there is none.
    """

    kind: ActorKind
    name: str
    door: Door
    request: str = ""

    def __post_init__(self) -> None:
        """Refuse a name that the audit could not keep whole."""
        if not 0 < len(self.name) <= LONGEST_NAME:
            raise ValueError(f"an actor's name has 1 to {LONGEST_NAME} characters")
