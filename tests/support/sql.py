"""Count what the database is asked: statements and transactions, at the engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import event

from sync import runtime
from sync.runtime import Sync
from sync.setup import belonging
from sync.store.database import Store

# A driver's own words about transactions; a savepoint is a round trip like any other statement.
_NO_STATEMENTS = ("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA")


@dataclass
class Cost:
    """What was asked in a block: each statement's words, and how many transactions began."""

    statements: list[str] = field(default_factory=list)
    transactions: int = 0

    @property
    def count(self) -> int:
        """How many statements were sent."""
        return len(self.statements)

    def within(self, statements: int, transactions: int) -> bool:
        """Whether a budget was kept; what was sent is told where it was not."""
        told = "\n".join(" ".join(one.split())[:300] for one in self.statements)
        assert self.count <= statements, f"{self.count} statements:\n{told}"
        assert self.transactions <= transactions, f"{self.transactions} transactions:\n{told}"
        return True


def own_questions_asked(sync: Sync, patch: pytest.MonkeyPatch) -> None:
    """Have a process ask now what it asks by the clock, and not again."""
    patch.setattr(belonging, "EVERY", 3600.0)
    patch.setattr(runtime, "_MAPPING_SECONDS", 3600.0)
    patch.setattr(runtime, "_LEFT_SECONDS", 3600.0)
    with sync.store.read() as conn:
        sync.wait(conn)
    assert sync.mapping is not None
    assert sync.misfit(account=False) is None


@contextmanager
def counted(store: Store) -> Iterator[Cost]:
    """Count what any thread asks of this store's database in the block."""
    cost = Cost()

    def asked(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(_NO_STATEMENTS):
            cost.statements.append(statement)

    def begun(_conn: Any) -> None:
        cost.transactions += 1

    event.listen(store.engine, "before_cursor_execute", asked)
    event.listen(store.engine, "begin", begun)
    try:
        yield cost
    finally:
        event.remove(store.engine, "before_cursor_execute", asked)
        event.remove(store.engine, "begin", begun)
