"""End a run other than done: later, or parked until something changes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sync.store.lanes import Hints

# A read can be some seconds old (docs/api-facts.md, D4).
LOOK_AGAIN = timedelta(seconds=3)
# How soon it is tried again when another worker holds what is needed.
BUSY = timedelta(seconds=1)


@dataclass
class LaterError(Exception):
    """Give the item back and come again at `due` (aware UTC); `failed` counts an attempt.

    `own`: no webhook's body explains the next look, as what was read asks for it.
    """

    due: datetime
    hints: Hints | None = None
    failed: bool = False
    own: bool = False


class AbsorbedError(Exception):
    """This aggregate was merged into another one, which is raised: nothing is to be given back."""

    def __init__(self, into: int) -> None:
        super().__init__(into)
        self.into = into


class NothingThereError(Exception):
    """Nothing is there under an id that only a caller told of: the run is over, nothing is kept."""


@dataclass
class ParkedError(Exception):
    """This object waits until (kind, ref) changes; everything else goes on.

    `cause` opens an attention item; None where the wait is nobody's business to decide.
    `candidates` are ids and field names only. `also` are further (kind, ref) of which any wakes it.
    """

    kind: str  # of `sync.run.waiting`, or mapping | mode | auth
    ref: str
    cause: str | None = None
    object_id: int = 0
    candidates: tuple[str, ...] = ()
    also: tuple[tuple[str, str], ...] = ()
