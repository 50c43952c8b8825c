"""`make day`, small: one doctor for a simulated day, then a day away and one whole catch-up.

C… are rows of docs/costs.md.
"""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from chaos.day import running
from chaos.day.people import Do
from chaos.day.practice import Files, Practice
from cli.world.sandbox_control import SandboxControl
from sync.tasks import gaps
from tests.support.sandbox_client import Sandbox

# One doctor: forty visits and forty contacts, two pages of twenty each.
VISITS, PAGES = 40, 2


@pytest.mark.timeout(400)
def test_a_day_and_a_day_away(
    sandbox_process: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The clock is moved on in longer steps than a beat may be away for.
    monkeypatch.setattr(gaps, "GAP", timedelta(hours=1))
    control = SandboxControl(sandbox_process.drchrono_url, sandbox_process.oncall_url)
    files = Files(tmp_path, f"sqlite:///{tmp_path / 'sync.db'}")
    asked: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    with Practice(control, files, 1, keep_days=0.25, pace=timedelta(minutes=30)) as practice:
        event.remove(Engine, "before_cursor_execute", note)
        going_live(sum("FROM decision" in one for one in asked))
        a_day(running.play(practice, seed=1, edits_per_hour=0.5))
        a_day_away(running.catch_up(practice, seed=2, edits=len(Do)))
    control.close()


def going_live(asked: int) -> None:
    """The first matching asks of no pair that is not alike whether a person told the two apart.

    Once for each patient's contact; and for each visit when groups are looked for, when it is
    found, and when nobody else is to claim it. Forty visits on both sides are 1600 pairs.
    """
    assert VISITS <= asked <= VISITS + 3 * VISITS


def a_day(report: running.Report) -> None:
    """Nothing changed: about five calls a pass; OnCall one a tick, and the tiers (C10)."""
    assert sum(report.edits.values()) > 0
    assert report.differences == []
    assert report.questions == {}
    quiet = report.hours[:5]
    # Twice an hour here: two lists of what changed, each ordered, asked for too early, and read;
    # and the doctors, whose zones no webhook tells (ADR 0021).
    assert {hour.calls["drchrono"] for hour in quiet} == {2 * (2 * 3 + 1)}
    # Two looks for what is new, the pages twice an hour here, and those of contacts; and the
    # providers, which prove the account once an hour (ADR 0020).
    assert max(hour.calls["oncall"] for hour in quiet) <= 2 + 2 * PAGES + PAGES + 1
    assert [hour.mails for hour in quiet] == [0] * 5
    assert report.most_in_an_hour <= 500
    # Calls and deliveries are forgotten after six hours; what is kept grows with the visits only.
    assert report.kept_too_long == 0
    assert report.hours[-2].rows["delivery"] == 0
    booked = report.edits[Do.BOOK_HERE] + report.edits[Do.BOOK_THERE]
    assert report.grown <= 40 * booked + 30
    # The dearest of the usual edits is three writes: a visit of somebody new, booked in DrChrono.
    assert sum(report.edits.values()) <= report.deeds <= 3 * sum(report.edits.values())


def a_day_away(caught_up: running.CaughtUp) -> None:
    """Everything is found by one catch-up, deletions too, at the least number of calls."""
    assert caught_up.differences == []
    assert caught_up.questions == {}
    assert caught_up.edits == dict.fromkeys(Do, 1)
    for remote, least in (
        ("drchrono", caught_up.least.drchrono),
        ("oncall", caught_up.least.oncall),
    ):
        single = {
            name: count
            for name, count in caught_up.calls[remote].items()
            if name not in running.LISTS
        }
        assert sum(single.values()) == least, (remote, single)
    assert caught_up.mails == caught_up.least.mails
