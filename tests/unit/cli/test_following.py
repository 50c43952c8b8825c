"""How far a batch is, in a terminal: a bar, one line, or lines for a log."""

from dataclasses import replace

import pytest

from cli.commands.bringing_in import following
from sync.core.batch.model import Batch, Kind, Progress, State
from tests.support.ops.batches import Engine


@pytest.fixture
def batch() -> Batch:
    engine = Engine()
    return engine.batches[engine._add(Kind.IMPORT_PATIENTS, State.RUNNING)]


def shown(batch: Batch) -> None:
    with following._shown() as tell:
        for done in range(0, 61, 3):
            tell(batch, Progress(60, done, 120.4, 45))
        tell(replace(batch, cause="budget"), Progress(60, 60, None, None))


def test_in_a_log_there_is_a_line_for_each_tenth(
    batch: Batch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown(batch)
    told = capsys.readouterr()
    lines = told.err.splitlines()
    assert (told.out, len(lines)) == ("", 12)
    assert lines[1] == "is being sent: 6 of 60, 120 a minute, 45 s left"
    assert lines[-1].endswith("It goes on when the hour's calls are there again.")


@pytest.mark.parametrize("rich", [True, False])
def test_at_a_terminal_it_is_drawn_over(
    batch: Batch, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, rich: bool
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    if not rich:
        monkeypatch.setattr(following, "find_spec", lambda _name: None)
    shown(batch)
    told = capsys.readouterr()
    assert told.out == ""
    assert "60/60" in told.err if rich else "60 of 60" in told.err
    assert "hour's calls" in told.err
