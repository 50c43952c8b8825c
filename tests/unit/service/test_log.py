"""Log nothing that was not put on the list, and no text of an exception."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from sync import log


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    hooks = sys.excepthook, log.threading.excepthook
    handlers, level = logging.root.handlers[:], logging.root.level
    log.configure("INFO", role="web", stream=stream)
    yield stream
    sys.excepthook, log.threading.excepthook = hooks
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def read(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_an_allowed_key_is_shown_with_role_level_and_time(lines: io.StringIO) -> None:
    structlog.get_logger().info("a webhook was received", source="oncall", count=3)
    (line,) = read(lines)
    assert line.pop("timestamp").endswith("+00:00")
    assert line == {
        "event": "a webhook was received",
        "source": "oncall",
        "count": 3,
        "role": "web",
        "level": "info",
    }


def test_a_key_that_is_not_on_the_list_loses_its_value(lines: io.StringIO) -> None:
    structlog.get_logger().info("x", email="jo@example.org", payload={"a": 1})
    (line,) = read(lines)
    assert line["email"] == "[dropped]"
    assert line["payload"] == "[dropped]"


@pytest.mark.parametrize("value", [{"name": "Jo"}, [{"name": "Jo"}], object(), ValueError("Jo")])
def test_an_allowed_key_holds_no_record(lines: io.StringIO, value: object) -> None:
    structlog.get_logger().info("x", reason=value)
    assert read(lines)[0]["reason"] == "[dropped]"


def test_a_long_text_is_cut(lines: io.StringIO) -> None:
    structlog.get_logger().info("x", reason="a" * 1000)
    assert read(lines)[0]["reason"] == "a" * 200


def test_an_exception_is_its_type_and_our_place(lines: io.StringIO) -> None:
    try:
        log._LibraryLine({}).format("Jo Doe")  # type: ignore[arg-type]
    except AttributeError:
        structlog.get_logger().exception("it failed")
    (line,) = read(lines)
    assert line["error"] == "AttributeError"
    assert line["place"].startswith("sync.log:format:")
    assert "Doe" not in lines.getvalue()
    assert "exc_info" not in line


def test_a_line_below_the_level_is_not_written(lines: io.StringIO) -> None:
    structlog.get_logger().debug("x")
    assert lines.getvalue() == ""


def test_a_library_is_heard_without_its_arguments(lines: io.StringIO) -> None:
    logging.getLogger("rq.worker").error("job %s raised", "Jo Doe")
    (line,) = read(lines)
    assert line["event"] == "job %s raised"
    assert line["logger"] == "rq.worker"
    assert "Doe" not in lines.getvalue()


def test_a_library_s_ready_made_text_is_withheld(lines: io.StringIO) -> None:
    logging.getLogger("some.library").warning("refused: Jo Doe")
    assert read(lines)[0]["event"] == "[withheld]"
    assert "Doe" not in lines.getvalue()


def test_a_library_s_exception_is_its_type(lines: io.StringIO) -> None:
    try:
        int("Jo Doe")
    except ValueError:
        logging.getLogger("some.library").exception("broken")
    assert read(lines)[0]["error"] == "ValueError"
    assert "Doe" not in lines.getvalue()


@pytest.mark.parametrize("thread", [False, True])
def test_what_nobody_caught_is_told_without_its_text(thread: bool) -> None:
    raising = "def f(): raise ValueError('Jo Doe')\n"
    start = "import threading; t = threading.Thread(target=f); t.start(); t.join()"
    code = f"from sync import log; log.configure()\n{raising}{start if thread else 'f()'}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    line = json.loads(done.stdout)
    assert (line["level"], line["error"]) == ("critical", "ValueError")
    assert "Doe" not in done.stdout + done.stderr
    assert done.returncode == (0 if thread else 1)
