"""A test that sets the log up leaves none of it to the next one."""

import io
import sys

import structlog

from sync import log

BEFORE = structlog.get_config(), sys.excepthook


def test_the_log_goes_to_a_stream_that_is_closed_afterwards() -> None:
    stream = io.StringIO()
    log.configure("INFO", role="cli", stream=stream)
    structlog.get_logger().info("lease lost")
    assert "lease lost" in stream.getvalue()
    stream.close()


def test_the_next_test_has_the_log_of_before() -> None:
    structlog.get_logger().info("lease lost")
    assert (structlog.get_config(), sys.excepthook) == BEFORE
