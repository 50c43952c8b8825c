"""Say what a world on one machine is like, and when it has not settled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cli.output import TroubleError
from cli.world.ports import DEFAULT, Ports


class NotSettledError(TroubleError):
    """Something still waits; the service goes on with it."""


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """What a world is like. `settings` are further settings by name, over those it makes.

    `saved`: its clinic is written to a file every few seconds, so that a later run can go on with
    it. The sandbox answers nobody meanwhile, for tenths of a second where there are many visits.
    """

    ports: Ports = DEFAULT
    workers: int = 2
    beats: int = 1
    keep: bool = False
    seed: str = "clinic"
    saved: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)


AS_IT_SHIPS: Final = WorldOptions()
