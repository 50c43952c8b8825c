"""Say how much is measured: in full, and small for whether it works at all."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many of what; `late` and `settle` are seconds."""

    rounds: int
    visits: int  # that stand in both systems
    webhooks: int  # at the door, of each kind and round
    at_once: int  # changes that wait while remotes answer at once
    waiting: int  # changes that wait while remotes answer late
    late: float
    late_rounds: int
    processes: tuple[int, ...]
    idle: int  # changes told one at a time, each way and round
    costed: int  # changes whose calls and statements are counted, of each kind
    flooded: int  # visits that are told of many times
    settle: float
    links: int  # visits that are over, and calls, of the database of some years
    calls: int


FULL = Sizes(
    rounds=3,
    visits=200,
    webhooks=800,
    at_once=100,
    waiting=200,
    late=0.3,
    late_rounds=1,
    processes=(1, 2, 4),
    idle=20,
    costed=7,
    flooded=60,
    settle=1.0,
    links=50_000,
    calls=250_000,
)
SMALL = Sizes(
    rounds=1,
    visits=8,
    webhooks=32,
    at_once=8,
    waiting=8,
    late=0.05,
    late_rounds=1,
    processes=(1, 2),
    idle=2,
    costed=3,
    flooded=4,
    settle=0.2,
    links=200,
    calls=1_000,
)
