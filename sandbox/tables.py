"""Hold the rows of one kind, and show them as they are, as they were, or as a lagging list does."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.answers import Json


class Table:
    """All objects of one kind, by id, each with its former versions."""

    def __init__(self) -> None:
        self.rows: dict[str, Json] = {}
        self._versions: dict[str, list[tuple[float, Json | None]]] = {}

    def seed(self, row_id: str, row: Json) -> None:
        """An object that has always been there: no lag hides it."""
        self.rows[row_id] = row
        self._versions[row_id] = [(float("-inf"), copy.deepcopy(row))]

    def fill(self, rows: dict[str, Json]) -> None:
        """Take many objects that have always been there; they share their only version."""
        self.rows.update(rows)
        self._versions.update({row_id: [(float("-inf"), row)] for row_id, row in rows.items()})

    def saved(self) -> Json:
        """All of it as JSON, for the state file."""
        return {"rows": self.rows, "versions": self._versions}

    def restore(self, saved: Json) -> None:
        """Hold what `saved` told, and nothing else."""
        self.rows = saved["rows"]
        self._versions = {
            row_id: [(at, row) for at, row in versions]
            for row_id, versions in saved["versions"].items()
        }

    def put(self, row_id: str, row: Json, at: float) -> None:
        """Store a new or changed object at `at` (seconds)."""
        self.rows[row_id] = row
        versions = self._versions.setdefault(row_id, [(float("-inf"), None)])
        versions.append((at, copy.deepcopy(row)))

    def drop(self, row_id: str, at: float) -> None:
        """Take an object away; lagging lists still show it for a while."""
        del self.rows[row_id]
        self._versions[row_id].append((at, None))

    def get(self, row_id: str, *, stale: bool = False, at: float | None = None) -> Json | None:
        """A copy of one object, or None; `stale`: as before its last change; `at`: as it was then.

        `at` is in seconds of the sandbox's clock.
        """
        versions = self._versions.get(row_id, [(0.0, None)])
        if stale:
            row = versions[max(len(versions) - 2, 0)][1]
        elif at is not None:
            row = _version_at(versions, at)
        else:
            row = self.rows.get(row_id)
        return copy.deepcopy(row)

    def listed(self, now: float, lag: float, *, stale: bool = False) -> list[Json]:
        """All objects as a list shows them that is `lag` seconds behind.

        They are the table's own, which nobody may change: a practice of fifty doctors has
        thousands, and each page of a list would copy them all.
        """
        if stale:
            rows = [self.get(row_id, stale=True) for row_id in self._versions]
        elif lag:
            rows = [_version_at(versions, now - lag) for versions in self._versions.values()]
        else:
            rows = list(self.rows.values())
        return [row for row in rows if row is not None]


def _version_at(versions: list[tuple[float, Json | None]], at: float) -> Json | None:
    seen: Json | None = None
    for changed, row in versions:
        if changed <= at:
            seen = row
    return seen
