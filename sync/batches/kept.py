"""Keep in this process what one slice of a batch has read and its next slice needs again.

It is in memory alone, of a few batches at a time, and gone when the batch was planned: where
another process goes on, it reads anew.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sync.batches.step import Step

_BATCHES: Final = 3
_kept: Final[OrderedDict[tuple[str, int], dict[str, Any]]] = OrderedDict()
_lock: Final = Lock()


def take(step: Step, name: str) -> Any:
    """What the slice before this one has put under that name, now the caller's; or None."""
    with _lock:
        return _kept.get(_of(step), {}).pop(name, None)


def put(step: Step, name: str, value: Any) -> None:
    """Keep something for the next slice of this batch."""
    with _lock:
        _kept.setdefault(_of(step), {})[name] = value
        _kept.move_to_end(_of(step))
        while len(_kept) > _BATCHES:
            _kept.popitem(last=False)


def forget(step: Step) -> None:
    """Keep nothing more of this batch."""
    with _lock:
        _kept.pop(_of(step), None)


def _of(step: Step) -> tuple[str, int]:
    return step.sync.store.url, step.row.id
