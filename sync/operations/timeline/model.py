"""Shape a timeline: events in one order of time, newest first, each with what it rests on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

# The sorts of event that can be asked for, with their headings.
SORTS: Final = {
    "came": "What came",
    "read": "What was read",
    "decided": "What was decided",
    "written": "What was written",
    "conflict": "Conflicts",
    "asked": "Questions",
    "done": "What people did",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """One field that was compared: with what, and whether it was equal. Never its value."""

    field: str
    equal: bool
    to: str  # "the telling before" | "what is settled now" | "what was settled"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `sentence` is for people; ids, names of fields and times only.

    `about` is the object, as system, kind and id; `rule` a number of docs/rules.md; `outcome` how
    it ended, in one word; `by` who did it; `record` and `number` where it stands among the records.
    """

    at: datetime
    sort: str
    sentence: str
    about: str = ""
    fields: tuple[str, ...] = ()
    compared: tuple[Compared, ...] = ()
    rule: str = ""
    outcome: str = ""
    by: str = ""
    record: str = ""
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Some of the events of a visit or person, newest first.

    `aggregate` is its number after mergers, `absorbed` are those that were merged into it, whose
    events are here too; `objects` belong to it, `related` are the persons of a visit or the visits
    of a person. `after` begins the next page: None at the end.
    """

    kind: str
    aggregate: int
    absorbed: tuple[int, ...]
    objects: tuple[str, ...]
    related: tuple[str, ...]
    events: tuple[Event, ...]
    after: str | None
