"""Make the dry run of going live beside the requests, and remember its counts.

It can take minutes and many calls, so a page begins it and looks how far it is. What is kept are
numbers and causes (docs/architecture.md, invariant 5).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from sync.core.errors import RemoteError
from sync.mapping import MappingError
from sync.matching import preview
from sync.matching.preview import GoLivePreview, NotConnectedError
from sync.runtime import Sync
from sync.store.tables import facts
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed

_FACT: Final = "setup:dry_run"
_COUNT: Final = "setup:dry_run:"
_DECIDE: Final = "decide:"
_RUNNING, _DONE, _FAILED = "running", "done", "failed"
# A process that ended meanwhile says nothing of it.
_LONGEST: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class DryRun:
    """The last dry run: running, done or failed; when; of which mapping; counts by name.

    `to_decide` counts, by cause, what a person will find to decide.
    """

    how: str
    at: datetime
    mapping: str = ""
    code: str = ""
    counts: Mapping[str, int] | None = None
    to_decide: Mapping[str, int] | None = None


def begin(sync: Sync) -> bool:
    """Note that a dry run begins; False while another one is under way."""
    with sync.store.write() as conn:
        now = sync.clock()
        last = latest(conn, now)
        if last is not None and last.how == _RUNNING:
            return False
        facts.put(conn, _FACT, _RUNNING, now)
        deeds.note(conn, Deed("dry_run"), now)
    return True


def make(sync: Sync) -> GoLivePreview | None:
    """Count what going live would do, and keep the counts; None when it could not be counted.

    Trouble is kept as the reason; what nobody expected is raised too.
    """
    try:
        version = sync.mapping.version
        found = preview.preview(sync)
    except RemoteError as failure:
        _failed(sync, failure.code)
    except MappingError:
        _failed(sync, "mapping_unusable")
    except NotConnectedError:
        _failed(sync, "not_connected")
    except Exception:
        _failed(sync, "defect")
        raise
    else:
        keep(sync, found, version)
        return found
    return None


def keep(sync: Sync, found: GoLivePreview, version: str) -> None:
    """Keep the counts of a dry run, in the place of those before."""
    told = asdict(found)
    decide = told.pop("to_decide")
    counts = {name: int(value) for name, value in told.items() if name != "accepted"}
    counts |= {f"{_DECIDE}{name}": value for name, value in decide.items()}
    with sync.store.write() as conn:
        now = sync.clock()
        for name in facts.under(conn, _COUNT):
            facts.forget(conn, _COUNT + name)
        for name, value in counts.items():
            facts.put(conn, (_COUNT + name)[:60], str(value), now)
        facts.put(conn, _FACT, f"{_DONE} {version}", now)


def _failed(sync: Sync, code: str) -> None:
    with sync.store.write() as conn:
        facts.put(conn, _FACT, f"{_FAILED} {code}", sync.clock())


def latest(conn: Connection, now: datetime) -> DryRun | None:
    """The last dry run; None when there was none, or one that never ended."""
    value, at = facts.get(conn, _FACT), facts.told_at(conn, _FACT)
    if value is None or at is None:
        return None
    how, _, rest = value.partition(" ")
    if how == _RUNNING:
        return DryRun(how, at) if now - at < _LONGEST else None
    if how == _FAILED:
        return DryRun(how, at, code=rest)
    told = {name: int(text) for name, text in facts.under(conn, _COUNT).items()}
    counts = {name: count for name, count in told.items() if not name.startswith(_DECIDE)}
    decide = {
        name.removeprefix(_DECIDE): count
        for name, count in told.items()
        if name.startswith(_DECIDE)
    }
    return DryRun(how, at, rest, counts=counts, to_decide=decide)
