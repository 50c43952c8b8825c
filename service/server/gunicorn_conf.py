"""Configure gunicorn: our loop before few threads, no control socket, our log.

Use: `gunicorn --config python:service.server.gunicorn_conf 'service.wsgi:app()'`.
"""

import sys

from service.server.connection import Limits
from service.server.gunicorn_log import QuietLogger
from service.server.gunicorn_worker import DoorWorker
from service.wsgi import told_settings
from sync import redis_server

_found = told_settings()
_refused = redis_server.refusal(_found.redis_url)
if _refused is not None:
    sys.exit(_refused)
DoorWorker.limits = Limits(head=_found.web_head_seconds, body=_found.web_body_seconds)


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


bind = [_address(_found.host, _found.port)]
if _found.ops_port:
    bind.append(_address(_found.ops_host, _found.ops_port))
DoorWorker.ops_port = _found.ops_port
workers = _found.web_concurrency
worker_class = DoorWorker
threads = _found.web_threads
graceful_timeout = max(1, int(_found.stop_seconds))
timeout = 30
# One path in the home directory serves every instance on a machine: a second one would fail.
control_socket_disable = True
accesslog = None
logger_class = QuietLogger
