"""Gunicorn's own lines: what an operator needs of them is told, what quotes a caller is not."""

import json
from typing import Any

import pytest

from service.server.gunicorn_log import QuietLogger, said
from sync import log


@pytest.mark.parametrize(
    ("msg", "args", "told"),
    [
        ("Worker (pid:%s) exited with code %s.", (12, 3), "Worker (pid:12) exited with code 3."),
        ("Worker (pid:%s) was sent %s!", (12, "SIGKILL"), "Worker (pid:12) was sent SIGKILL!"),
        ("WORKER TIMEOUT (pid:%s)", (12,), "WORKER TIMEOUT (pid:12)"),
        ("Reason: %s", ("Worker failed to boot.",), "Reason: Worker failed to boot."),
        ("Connection in use: %s", ("('127.0.0.1', 80)",), "Connection in use: ('127.0.0.1', 80)"),
        ("Exception in worker process", (), "Exception in worker process"),
        ("Error handling request %s", ("/webhooks/oncall/t",), "Error handling request [withheld]"),
        ("Failed: %s", (ValueError("p@ss"),), "Failed: [withheld]"),
        ("Invalid request from ip=1.2.3.4: 'GET /webhooks/oncall/t'", (), "[withheld]"),
        ("%d is not one", ("p@ss",), "[withheld]"),
        (ValueError("p@ss"), (), "[withheld]"),
    ],
)
def test_what_of_a_line_is_told(msg: Any, args: tuple[Any, ...], told: str) -> None:
    assert said(msg, args) == told


def test_an_exception_is_its_type_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    logger = QuietLogger.__new__(QuietLogger)
    try:
        int("p@ss:w0rd")
    except ValueError:
        logger.exception("Exception in worker process")
    line = json.loads(capsys.readouterr().out)
    assert (line["event"], line["error"]) == ("Exception in worker process", "ValueError")
    assert "w0rd" not in str(line)
