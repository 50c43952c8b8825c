"""Say where in a list somebody is: below a time and a number, whatever is added above meanwhile."""

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, and_, or_

_WRITTEN: Final = re.compile(r"([0-9TZ:.+-]{10,40})~([0-9]{1,18})")


class Place(NamedTuple):
    """One row's place: its time, and its number among those of the same time."""

    at: datetime
    number: int

    def written(self) -> str:
        """As a word for an address."""
        told = self.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return f"{told}~{self.number}"


def read(word: str) -> Place | None:
    """The place that a word means; None for one that means none."""
    found = _WRITTEN.fullmatch(word)
    if found is None:
        return None
    try:
        at = datetime.fromisoformat(found[1])
    except ValueError:
        return None
    return Place(at.astimezone(UTC), int(found[2])) if at.tzinfo is not None else None


def below(
    at: ColumnElement[datetime], number: ColumnElement[int], place: Place
) -> ColumnElement[bool]:
    """Whether a row comes after a place, newest first."""
    # The first says the same as a part of the second, and is what an index is walked by.
    return and_(
        at <= place.at,
        or_(at < place.at, and_(at == place.at, number < place.number)),
    )
