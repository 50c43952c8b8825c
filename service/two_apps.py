"""Lead each request to one of two apps: the webhooks', or the operations pages'."""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from flask import Flask

Environ: TypeAlias = dict[str, Any]
App: TypeAlias = Callable[[Environ, Any], Iterable[bytes]]

_OPS: Final = re.compile(r"/(ops(/.*)?|metrics|healthz)", re.DOTALL)


class TwoApps:
    """Both apps of a web process; which one answers is said by the port, then by the path.

    The operations port serves its own app alone. PORT serves the webhooks' alone too, unless
    OPS_ON_WEB puts both there.
    """

    def __init__(self, public: Flask, ops: Flask, *, on_web: bool) -> None:
        # One object each for good: they are keys of the pools.
        self.public: App = public.wsgi_app
        self.ops: App = ops.wsgi_app
        self._on_web = on_web
        self._counted = public

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer as PORT does; gunicorn takes only what can be called."""
        return self.of_the_web(environ["PATH_INFO"])(environ, start_response)

    def of_the_web(self, path: str) -> App:
        """The app for a path asked at PORT."""
        return self.ops if self._on_web and _OPS.fullmatch(path) else self.public

    def of_the_ops(self, path: str) -> App:  # noqa: ARG002 - the same for every path
        """The app for a path asked at OPS_PORT."""
        return self.ops

    def refused(self, reason: str) -> None:
        """Count what never became a request."""
        self._counted.extensions["refused"](reason)
