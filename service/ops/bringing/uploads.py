"""Say how much of a form is taken: a mebibyte; a file of those alone who may bring one in.

A form's word against forgery stands in its body, so the body is read before it is proven. Who is
not signed in as somebody who may upload can't have us hold more of it than any form has.
"""

from collections.abc import Callable
from typing import IO, Any, Final, TypeVar

from flask import Flask, Request, request, session

from service.bodies.held import TAKES, Takes
from service.bodies.sealed import SealedFile
from service.doors import LARGEST, Doors
from service.ops import cookie
from sync.operations import operators
from sync.operations.operators import Role

_View = TypeVar("_View", bound=Callable[..., Any])
_SECONDS: Final = 600.0  # for the whole of a file, over a slow line
_FORM: Final = 64 * 1024  # bytes of a form beside its file


class SealingRequest(Request):
    """Has a form's file held where nobody can read it; Werkzeug would put it on the disk."""

    def _get_file_stream(
        self,
        total_content_length: int | None,  # noqa: ARG002 - Werkzeug's signature
        content_type: str | None,  # noqa: ARG002
        filename: str | None = None,  # noqa: ARG002
        content_length: int | None = None,  # noqa: ARG002
    ) -> IO[bytes]:
        return SealedFile()  # type: ignore[return-value]


def takes(most: int) -> Callable[[_View], _View]:
    """Have a view be sent a file of so many bytes, by operators."""

    def marked(view: _View) -> _View:
        view.takes = most  # type: ignore[attr-defined]
        return view

    return marked


def register(app: Flask, doors: Doors) -> None:
    """Say for each request how much of it is read. Call it before what reads forms."""
    app.request_class = SealingRequest

    def measure() -> None:
        request.max_content_length = LARGEST
        most = getattr(app.view_functions.get(request.endpoint or ""), "takes", 0)
        if not most or not _may_upload(doors):
            return
        request.max_content_length = most + _FORM
        told = request.environ.get(TAKES)
        if isinstance(told, Takes):
            told.bytes, told.seconds = most + _FORM, _SECONDS

    app.before_request(measure)


def _may_upload(doors: Doors) -> bool:
    secret = session.get(cookie.ID, "")
    found = operators.who(doors.sync, secret, used=False) if secret else None
    return found is not None and found.role.covers(Role.OPERATOR)
