"""Draw the pages that stand alone: inside DrChrono, and while its account is being connected.

Nothing is loaded for them: the style is in the page, and its policy names it by a nonce.
"""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from flask import Blueprint, Flask, Response, g, render_template
from sqlalchemy.exc import SQLAlchemyError
from structlog import get_logger
from werkzeug.exceptions import HTTPException

from sync.core.printable import printable
from sync.core.zones import known_zone
from sync.log import cause

log = get_logger(__name__)

Draw: TypeAlias = Callable[[int, str, str], Response]


def register(app: Flask) -> None:
    """Give the templates their filters."""
    app.add_template_filter(printable, "printable")
    app.add_template_filter(local_day, "local_day")


def tell_of_failures(routes: Blueprint, draw: Draw) -> None:
    """Have people read a page when theirs fails, as programs read JSON: `draw(status, …)`."""

    def database(error: SQLAlchemyError) -> Response:
        log.error("the database failed a page", **cause(error))
        return draw(503, "Not now", "The service can't use its database. Try it in a minute")

    def unexpected(error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return draw(error.code or 500, "Not possible", "The request could not be read")
        log.error("a page failed", **cause(error))
        return draw(500, "Something went wrong here", "It is in the service's log")

    routes.register_error_handler(SQLAlchemyError, database)
    routes.register_error_handler(Exception, unexpected)


def drawn(template: str, status: int = 200, **told: Any) -> Response:
    """A page of that template."""
    g.style = secrets.token_urlsafe(16)
    page = render_template(template, style=g.style, **told)
    return Response(page, status=status, content_type="text/html; charset=utf-8")


def style_source() -> str:
    """The policy's part for the style of what was drawn; "" where nothing was."""
    return f"style-src 'nonce-{g.style}'; " if "style" in g else ""


def local_day(at: datetime, zone: str) -> str:
    """A moment on a doctor's own clock, which is named; in UTC where their zone is unknown."""
    named = known_zone(zone)
    return f"{at.astimezone(ZoneInfo(named) if named else UTC):%a %Y-%m-%d %H:%M %Z}"
