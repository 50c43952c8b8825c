"""Keep in this process what one slice of a batch has read and its next slice needs again.

It is in memory alone, of one batch at a time, and gone when the batch was planned or another one
is: where another process goes on, it reads anew.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sync.batches.step import Step

_kept: Final[dict[str, Any]] = {}
_of: Final[list[tuple[str, int]]] = []
_lock: Final = Lock()


def take(step: Step, name: str) -> Any:
    """What the slice before this one has put under that name, now the caller's; or None."""
    with _lock:
        return _kept.pop(name, None) if _of == [_named(step)] else None


def put(step: Step, name: str, value: Any) -> None:
    """Keep something for the next slice of this batch."""
    with _lock:
        if _of != [_named(step)]:
            _kept.clear()
            _of[:] = [_named(step)]
        _kept[name] = value


def forget() -> None:
    """Keep nothing more."""
    with _lock:
        _kept.clear()
        _of.clear()


def _named(step: Step) -> tuple[str, int]:
    return step.sync.store.url, step.row.id
