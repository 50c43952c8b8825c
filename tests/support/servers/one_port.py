"""Ask both doors of a web process at one address, as a test's client or server."""

from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any

from flask import Flask
from werkzeug.test import Client

from service.app import create_app
from service.doors import Doors
from service.ops_app import create_ops_app
from service.two_apps import TwoApps


class _Late(Flask):
    """An app that is built when it is first asked: few tests of a clinic look at its pages."""

    def __init__(self, build: Callable[[], Flask]) -> None:
        self._build, self._lock = build, Lock()
        self._built: Flask | None = None

    def wsgi_app(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._lock:
            app = self._built = self._built or self._build()
        return app.wsgi_app(environ, start_response)


def both(doors: Doors) -> TwoApps:
    """Both apps behind one address; the operations pages show what they show at OPS_PORT."""
    return TwoApps(create_app(doors), _Late(lambda: create_ops_app(doors)), on_web=True)


def client(doors: Doors) -> Client:
    """A client of both."""
    return Client(both(doors))
