"""Say on whose behalf the code runs, for the audit: a person at a door, else the process itself.

Set where somebody comes in (a request, a command) and read where a deed is written down, so that
no function between the two has to hand it on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sync.core.actor import Actor

_acting: ContextVar[Actor | None] = ContextVar("acting", default=None)


def somebody() -> Actor | None:
    """Who acts at a door just now; None where the process acts by itself."""
    return _acting.get()


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Have the deeds of this block be this actor's."""
    before = _acting.set(actor)
    try:
        yield
    finally:
        _acting.reset(before)
