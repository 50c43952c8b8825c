"""Do a transaction again that met another one: what it had read was not there any more."""

from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, NoResultFound, SQLAlchemyError

from sync.store import trouble
from sync.store.database import Store

TIMES: Final = 4

Made = TypeVar("Made")


def again(store: Store, work: Callable[[Connection], Made], *, owed_least: int = 1) -> Made:
    """Do `work` in a writing transaction of its own, some times where it races with others.

    `owed_least`: as of `Store.write`. Raises what it raises otherwise, and at the last time.
    """
    for _ in range(TIMES - 1):
        try:
            with store.write(owed_least=owed_least) as conn:
                return work(conn)
        except SQLAlchemyError as failure:
            if not is_race(failure):
                raise
    with store.write(owed_least=owed_least) as conn:
        return work(conn)


def is_race(failure: BaseException) -> bool:
    """Whether another transaction made or took a row meanwhile, or both waited for each other."""
    return isinstance(failure, IntegrityError | NoResultFound) or trouble.is_deadlock(failure)
