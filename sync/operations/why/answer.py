"""Hold the answer, and say it as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sync.core.causes.model import Remedy, command


@dataclass(frozen=True, slots=True)
class Answer:
    """Why something is not in the other system, or since when it is.

    `sentence` is in staff's words and `press` says what to do ("" where nothing is to be done);
    `deed` is the button that does it, on attention item `item` where it needs one. `subject` are
    ids: what was asked, the visit or person, the counterparts. `since` and `until` are aware UTC:
    since when it is so, until when it will be as far as that is known. `only_known`: a system could
    not be asked now, so this is from what is stored. `address` is where staff open the counterpart.
    """

    cause: str
    sentence: str
    press: str = ""
    deed: Remedy = Remedy.NONE
    subject: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    item: int | None = None
    only_known: bool = False
    address: str = ""

    @property
    def command(self) -> str:
        """The command that does the deed, without the program's name; "" where there is none."""
        if self.deed is Remedy.INCLUDE:
            return f"exclude {self.subject['patient']} --undo"
        if self.deed is Remedy.RESUME and "pause" in self.subject:
            return f"resume {self.subject['pause']}"
        asked = " ".join(next(iter(self.subject.items()), ("KIND", "ID")))
        return command(self.deed, item=self.item, subject=asked)

    def as_dict(self) -> dict[str, Any]:
        """As JSON: times as ISO 8601 in UTC."""
        return {
            "cause": self.cause,
            "sentence": self.sentence,
            "press": self.press,
            "deed": self.deed.value,
            "command": self.command,
            "subject": dict(self.subject),
            "since": _iso(self.since),
            "until": _iso(self.until),
            "item": self.item,
            "only_known": self.only_known,
            "address": self.address,
        }


def _iso(at: datetime | None) -> str | None:
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
