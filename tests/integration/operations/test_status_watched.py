"""`status`: the first page as data; with --watch a line for each change, or a fresh screen."""

import json
import sys
from collections.abc import Callable, Iterator
from io import StringIO

import click
import pytest

from cli import output
from cli.colours import Shade
from cli.commands import status
from sync.assemble import build
from sync.runtime import Sync
from sync.store import attention
from sync.store.service import samples
from sync.store.service.samples import Sample
from tests.integration.operations.test_status import settings


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def sync(sqlite_url: str) -> Iterator[Sync]:
    found = build(settings(sqlite_url), owner="test@host:1")
    yield found
    found.close()


def until(sync: Sync, *happens: Callable[[], None]) -> None:
    """Each pause something happens; then Ctrl-C."""
    left = list(happens)

    def passes(_seconds: float) -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop(0)()

    sync.pause = passes


def asks(sync: Sync) -> None:
    with sync.store.write() as conn:
        attention.open_item(conn, 0, "token_lost", now=sync.clock())


def test_piped_a_line_comes_when_something_changed(
    sync: Sync, capsys: pytest.CaptureFixture[str]
) -> None:
    until(sync, lambda: None, lambda: asks(sync), lambda: None)
    status._watch(sync, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "attention=0" in lines[0]
    assert "attention=1" in lines[1]
    assert "\x1b" not in "".join(lines)


def test_at_a_terminal_it_is_kept_fresh(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    until(sync, lambda: None)
    status._watch(sync, as_json=False)
    assert shown.getvalue().count("For a person to decide") >= 2
    assert "\x1b[?1049l" in shown.getvalue()  # the screen of before is given back


def test_who_minds_colours_has_none(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setenv("NO_COLOR", "1")
    until(sync)
    status._watch(sync, as_json=False)
    output.print_table("T", ("a",), [(Shade("TROUBLE", "red"),)])
    assert "\x1b" not in shown.getvalue()


def test_all_of_the_first_page_is_data(sync: Sync, capsys: pytest.CaptureFixture[str]) -> None:
    with sync.store.write() as conn:
        samples.put(conn, Sample(sync.clock(), 3, 60.0, 0, 1, 480))
    output.print_json(status._told(sync))
    told = json.loads(capsys.readouterr().out)
    assert [(one["system"], one["what"]) for one in told["lights"]] == [
        *(("drchrono", "read"), ("drchrono", "write"), ("oncall", "read"), ("oncall", "write"))
    ]
    assert [one["waiting"] for one in told["samples"]] == [3]
    assert told["set_up_goes_on_at"]
    assert {"lanes", "budget", "token", "attention_open"} <= set(told)


def test_a_colour_does_not_move_a_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    rows = [("TROUBLE", "x"), ("ok", "y")]
    plainly, coloured = StringIO(), Terminal()
    monkeypatch.setattr(sys, "stdout", plainly)
    output.print_table("T", ("a", "b"), rows)
    monkeypatch.setattr(sys, "stdout", coloured)
    monkeypatch.setattr(output.shutil, "get_terminal_size", lambda: _Size())
    output.print_table("T", ("a", "b"), [(Shade(one, "red"), two) for one, two in rows])
    assert "\x1b[31m" in coloured.getvalue()
    assert click.unstyle(coloured.getvalue()) == plainly.getvalue()


class _Size:
    columns = 110
