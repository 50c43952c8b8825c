"""Hold what the clinic decided, as far as the plan of a visit asks for it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sync.core.rules.merge import Which


@dataclass(frozen=True)
class Policy:
    """The clinic's decisions. `left` is DrChrono and `right` OnCall, as in `merge`."""

    record: Which = "left"
    new: Literal["record", "ask"] = "ask"
    to_drchrono: bool = True
    to_oncall: bool = True
    fees: bool = False
    window: timedelta = timedelta(days=180)
    occurrences: timedelta = timedelta(days=60)
    reopened: Literal["new_visit", "ask"] = "new_visit"
    left_scope: Literal["cancel", "ask"] = "ask"
    grace: timedelta = timedelta(minutes=10)
    imminent: timedelta = timedelta(hours=2)
