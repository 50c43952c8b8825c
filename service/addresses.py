"""Recognise the spellings of our addresses: many where others call, one for all else.

DrChrono and OnCall are given addresses by people, with a slash too many at the start, in the middle
or at the end, and take a redirect for a failed delivery; its `Location` would repeat the token.
What a proxy fences by its name must not be served under another spelling of it.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from flask import Flask

_PUBLIC: Final = re.compile(r"/(webhooks|oauth)(/|$)")
_SLASHES: Final = re.compile(r"/{2,}")
_NOWHERE: Final = "/-"  # no route is named so


def strict(app: Flask) -> None:
    """Make the app's routes exact, without one redirect of the framework's own.

    Call it before the first route is made.
    """
    app.url_map.strict_slashes = True
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    inner = app.wsgi_app

    def clean(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["PATH_INFO"] = cleaned(environ.get("PATH_INFO", ""))
        return inner(environ, start_response)

    app.wsgi_app = clean  # type: ignore[method-assign]


def cleaned(path: str) -> str:
    """The path as the routes know it; one that is none of theirs leads nowhere."""
    once = _SLASHES.sub("/", path)
    if _PUBLIC.match(once):
        return once.rstrip("/")
    # Werkzeug drops slashes in front by itself, whatever it is told.
    return path if path == once else _NOWHERE
