"""How gunicorn runs the doors: threads in few processes, no socket of its own, our log lines.

Use: `gunicorn --config python:service.gunicorn_conf 'service.wsgi:app()'`.
"""

import logging
import os
from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from sync import log
from sync.config import load_settings


class QuietLogger(Logger):  # type: ignore[misc]
    """Gunicorn's lines through our log: its own quote the request line, and with it tokens."""

    def setup(self, cfg: Any) -> None:
        """Ours instead of gunicorn's handlers; it keeps no access log, the app writes one."""
        self.cfg = cfg
        log.configure(_settings.log_level, role="web")
        self.error_log.setLevel(logging.WARNING)
        self.error_log.propagate = True


_settings = load_settings()

bind = f"0.0.0.0:{_settings.port}"
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
worker_class = "gthread"
threads = _settings.web_threads
graceful_timeout = 10  # seconds
timeout = 30
keepalive = 5
# One path in the home directory serves every instance on a machine: a second one would fail.
control_socket_disable = True
accesslog = None
logger_class = QuietLogger
