"""Put together what the pages of a batch show: counts, lines, progress; no value of the file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import request

from sync.batches import showing
from sync.core.batch import causes, words
from sync.core.batch.model import OVER, Batch, Fate, Item, Outcome, State
from sync.operations import clinic_clock
from sync.runtime import Sync
from sync.sheets import fields
from sync.store.tables.links import HIGHEST

LINES: Final = 50  # of one page
BASES: Final = {"import": True, "backfill": False}  # the word of an address: are they of a file
# What is said of a state by a page of its own shape; another shape has the whole page drawn anew.
_MOVING: Final = frozenset({State.PLANNING, State.RUNNING, State.PAUSED, State.ENDING})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines are asked for: those of one fate or outcome, after a line."""

    what: Fate | Outcome | None
    after: int

    @property
    def chosen(self) -> dict[str, str]:
        """The filter as the page's links and forms have it."""
        return {"which": self.what.value} if self.what else {}


def base_of(batch: Batch) -> str:
    """The word in the addresses of a batch."""
    return "import" if batch.kind.is_import else "backfill"


def started(batch: Batch) -> bool:
    """Whether outcomes count, and not fates."""
    return batch.started_at is not None


def wanted(batch: Batch) -> Wanted:
    """What the request asks for; what is no word of ours asks for all."""
    told = request.values.get("which", "")
    what: Fate | Outcome | None = None
    if started(batch):
        what = Outcome(told) if told in list(Outcome) else None
    else:
        what = Fate(told) if told in list(Fate) else None
    after = request.values.get("after", "")
    digits = after.isascii() and after.isdigit() and len(after) <= len(str(HIGHEST))
    return Wanted(what, min(int(after), HIGHEST) if digits else 0)


def lines(sync: Sync, batch: Batch, asked: Wanted) -> list[Item]:
    """One page of lines, and one more where there are more."""
    if isinstance(asked.what, Outcome):
        return showing.items(sync, batch.id, outcome=asked.what, after=asked.after, limit=LINES + 1)
    return showing.items(sync, batch.id, fate=asked.what, after=asked.after, limit=LINES + 1)


def counts(batch: Batch) -> list[tuple[str, str, int]]:
    """The chips: word of the address, what it is called, how many."""
    if started(batch):
        return [
            (one.value, said, batch.outcomes.get(one, 0)) for one, said in words.OUTCOMES.items()
        ]
    return [(one.value, said, batch.fates.get(one, 0)) for one, said in words.FATES.items()]


def column_names(batch: Batch) -> dict[int, str]:
    """What the columns of a file hold, by their place from 0: names of our fields only."""
    choice = batch.options.get("choice")
    told = choice.get("columns") if isinstance(choice, Mapping) else None
    if not batch.kind.is_import or not isinstance(told, Mapping):
        return {}
    titles = {one.name: one.title for one in fields.FIELDS[batch.kind]}
    return {int(place): titles[name] for name, place in told.items() if name in titles}


def of_now(sync: Sync, batch: Batch) -> dict[str, Any]:
    """What the part that keeps itself fresh shows."""
    return {
        "batch": batch,
        "base": base_of(batch),
        "progress": showing.progress(sync, batch.id),
        "state": words.STATES[batch.state],
        "chips": counts(batch) if started(batch) else [],
        "waits": causes.say(batch.cause) if batch.cause and batch.state not in OVER else "",
        "moving": batch.state in _MOVING,
        "zone": clinic_clock.zone(sync),
    }


def of_page(sync: Sync, batch: Batch) -> dict[str, Any]:
    """What a batch's page shows beside that."""
    asked = wanted(batch)
    has_lines = batch.state is not State.CHOOSING and batch.state is not State.PLANNING
    found = lines(sync, batch, asked) if has_lines else []
    planned = batch.state is State.PLANNED
    return {
        **of_now(sync, batch),
        "kind": words.KINDS[batch.kind],
        "asked": asked,
        "chips": counts(batch) if has_lines else [],
        "lines": found[:LINES],
        "after": found[LINES - 1].number if len(found) > LINES else None,
        "names": column_names(batch),
        "say": causes.say,
        "fates": words.FATES,
        "outcomes": words.OUTCOMES,
        "foreseen": showing.foreseen(sync, batch.id) if planned else None,
        "planned": planned,
        "over": batch.state in OVER,
        "why": causes.say(batch.cause) if batch.cause else "",
    }
