"""Climb the ladder of a lost create: what each look says, and what follows; on both databases."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from sync.run import attempts, lost
from sync.run.evidence import accounts
from sync.run.evidence.proofs import Evidence
from sync.run.lost import Look, Lost
from sync.run.outcomes import LaterError, ParkedError
from sync.store.database import Store
from sync.store.tables import links

SENT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
APART = timedelta(minutes=1)
SHOWS, SILENT, LAGS = Evidence.SHOWS, Evidence.SILENT, Evidence.LAGS


@pytest.fixture(autouse=True)
def the_pinned_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "require", lambda *_: None)


def parts(store: Store, now: datetime) -> Any:
    settings = SimpleNamespace(apart=APART, apart_seconds=60.0, late_seconds=30.0)
    return SimpleNamespace(store=store, settings=settings, clock=lambda: now)


def climbed(
    store: Store, minutes: float, looks: int, look: Look[str], unless: str | None = None
) -> str:
    """What follows of a look so long after the POST; of earlier ones the last was a minute ago."""
    now = SENT + timedelta(minutes=minutes)
    with store.write() as conn:
        key = links.new_aggregate(conn, "visit", SENT)
        row = attempts.begin(conn, key, "oncall", "appointment", f"visit:{key}:1", now=SENT)
        if looks:
            links.change(conn, row.id, looks=looks, looked_at=now - APART)
        row = links.get(conn, row.id)
    try:
        found = lost.climb(parts(store, now), Lost(row, SENT, unless=unless), lambda: look)
    except LaterError as later:
        return f"in {(later.due - now).total_seconds():.0f} s"
    except ParkedError as parked:
        return parked.kind
    return found or "denied"


@pytest.mark.parametrize(
    ("minutes", "looks", "look", "follows"),
    [
        (0.2, 0, Look("5"), "in 18 s"),  # it may still land: not looked yet
        (0.5, 0, Look("5"), "5"),
        (90, 1, Look("5", LAGS), "5"),
        (0.5, 0, Look(None, SHOWS), "in 60 s"),
        (1.5, 1, Look(None, SHOWS), "denied"),
        (90, 0, Look(None, SHOWS), "in 60 s"),  # after an outage the next look decides, nobody else
        (1.5, 1, Look(None, SILENT), "in 90 s"),
        (10.5, 1, Look(None, SILENT), "denied"),
        (90, 0, Look(None, SILENT), "in 60 s"),
        (10.5, 5, Look(None, LAGS), "in 630 s"),
        (60, 5, Look(None, LAGS), "operator"),
    ],
)
def test_what_follows_of_a_look(
    store: Store, minutes: float, looks: int, look: Look[str], follows: str
) -> None:
    assert climbed(store, minutes, looks, look) == follows


@pytest.mark.parametrize(
    ("looks", "look", "follows"),
    [
        (0, Look(None, SILENT), "in 60 s"),
        (1, Look(None, SILENT), "fact"),
        (1, Look(None, SHOWS), "denied"),
    ],
)
def test_where_silence_denies_nothing(
    store: Store, looks: int, look: Look[str], follows: str
) -> None:
    assert climbed(store, 30, looks, look, unless="shown once") == follows
