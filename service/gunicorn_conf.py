"""How gunicorn runs the doors: a loop of our own before few threads, no socket of its own, our log.

Use: `gunicorn --config python:service.gunicorn_conf 'service.wsgi:app()'`.
"""

import os
import sys

from pydantic import ValidationError

from service.connection import Limits
from service.gunicorn_log import QuietLogger
from service.gunicorn_worker import DoorWorker
from sync.config import Settings, load_settings


def _settings() -> Settings:
    """The settings. Gunicorn would print what pydantic says of a wrong one, the value included."""
    try:
        return load_settings()
    except ValidationError as error:
        names = {".".join(str(part) for part in item["loc"]).upper() for item in error.errors()}
        sys.exit(f"Settings can't be used: {', '.join(sorted(names))}. See: drchrono-oncall check")


_found = _settings()
DoorWorker.limits = Limits(head=_found.web_head_seconds, body=_found.web_body_seconds)

bind = f"[{_found.host}]:{_found.port}" if ":" in _found.host else f"{_found.host}:{_found.port}"
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
worker_class = DoorWorker
threads = _found.web_threads
graceful_timeout = _found.stop_seconds
timeout = 30
# One path in the home directory serves every instance on a machine: a second one would fail.
control_socket_disable = True
accesslog = None
logger_class = QuietLogger
