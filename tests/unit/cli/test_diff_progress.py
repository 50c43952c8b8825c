"""`diff` says how far it came, where somebody watches."""

import io

import pytest

from cli.commands import diff


class Terminal(io.StringIO):
    """A terminal that somebody watches."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("rich", [True, False])
def test_a_terminal_is_told_what_is_read(monkeypatch: pytest.MonkeyPatch, *, rich: bool) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    if not rich:
        monkeypatch.setattr(diff, "find_spec", lambda _name: None)
    with diff._progress() as tell:
        tell("OnCall visits", 20, 60)
        tell("OnCall visits", 60, 60)
        tell("DrChrono appointments", 40, None)
    assert "OnCall visits" in screen.getvalue()
    assert "DrChrono appointments" in screen.getvalue()


def test_a_script_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr("sys.stderr", pipe)
    with diff._progress() as tell:
        tell("OnCall visits", 20, 60)
    assert pipe.getvalue() == ""
