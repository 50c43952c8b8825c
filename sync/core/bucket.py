"""Limit how many unknown ids are read: two token buckets, both of which must hold a token.

`soon` keeps a burst from taking every worker's next second; `share` keeps a flood of invented ids
from taking more than its part of the hour. A token comes back when the read finds the object, so
real bookings cost none.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """At most so many at once, and how many come back in a second by themselves."""

    most: float
    per_second: float


@dataclass(frozen=True, slots=True)
class Level:
    """What both buckets hold."""

    soon: float
    share: float

    @property
    def may(self) -> bool:
        """Whether one more id may be read."""
        return self.soon >= 1.0 and self.share >= 1.0

    def taken(self, tokens: int = 1) -> "Level":
        """So many tokens less in each; below zero when two took the last one at once."""
        return Level(self.soon - tokens, self.share - tokens)


@dataclass(frozen=True, slots=True)
class Rates:
    """The two buckets of one credential."""

    soon: Rate
    share: Rate

    @property
    def full(self) -> Level:
        """What a credential begins with."""
        return Level(self.soon.most, self.share.most)

    def later(self, level: Level, seconds: float) -> Level:
        """What they hold after so many seconds; a clock that was set back adds nothing."""
        past = max(0.0, seconds)
        return Level(
            min(self.soon.most, level.soon + past * self.soon.per_second),
            min(self.share.most, level.share + past * self.share.per_second),
        )

    def given_back(self, level: Level) -> Level:
        """One token more in each: what was read is there."""
        return Level(min(self.soon.most, level.soon + 1.0), min(self.share.most, level.share + 1.0))

    def holds_half(self, level: Level) -> bool:
        """Whether at least half of what may go at once is left."""
        return level.soon * 2 >= self.soon.most

    def is_calm(self, level: Level) -> bool:
        """Whether at least half of the share is left: nobody is flooding."""
        return level.share * 2 >= self.share.most


SOON = Rate(most=12.0, per_second=2.0)
UNLIMITED = 12_000  # calls an hour of a system that names no limit, for this purpose


def rates(hourly: int | None, share: float) -> Rates:
    """The buckets for a system that allows `hourly` calls; `share` of them may go to unknown ids.

    Half of the share may go at once, so no hour sees more than one and a half of it. Without a
    limit of the remote's own, half a call a second may go on for ever.
    """
    hour = max(4.0, (hourly or UNLIMITED) * share)
    return Rates(SOON, Rate(most=hour / 2, per_second=hour / 3600))
