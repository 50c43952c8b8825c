"""Call the app in a thread, at first with a body that has not been read yet.

The app reads no body before it knows who calls. So it is called with an input that can't be read;
where it tries to, that call ends without having done anything, and is made again with the body.
"""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from structlog import get_logger

from service.bodies.held import Body, Held
from service.bodies.sealed import SealedFile

Environ: TypeAlias = dict[str, Any]
App: TypeAlias = Callable[[Environ, Any], Iterable[bytes]]
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AppAnswer:
    """What goes back: a status, headers and the whole body; a file is whoever's that has it."""

    status: int
    headers: list[tuple[str, str]]
    body: Body


class BodyWantedError(BaseException):
    """The app reads a body that is not here yet; for no `except Exception` to take as a failure."""


class _NotRead(io.RawIOBase):
    """An input that says so when it is read."""

    def readable(self) -> bool:
        return True

    def read(self, _size: int | None = -1, /) -> NoReturn:
        raise BodyWantedError

    def readinto(self, _buffer: Any, /) -> NoReturn:
        raise BodyWantedError

    def readline(self, _size: int | None = -1, /) -> NoReturn:
        raise BodyWantedError


def call(app: App, environ: Environ, body: Body | None) -> AppAnswer | None:
    """Call the app with a body, or with one that is still to come.

    Returns None when the app wants the body; an app that fails is a bare 500.
    """
    answered = Held()
    told: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], _exc_info: Any = None
    ) -> Callable[[bytes], object]:
        told[:] = [(status, headers)]
        return _no_write

    given = {
        "wsgi.version": (1, 0),
        "wsgi.input": _input(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": io.StringIO(),  # what is written here could quote the request
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    try:
        pieces = app(environ | given, start_response)
        try:
            for piece in pieces:
                answered.add(piece)
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()
        status, headers = told[0]
        return AppAnswer(int(status.split()[0]), headers, answered.whole())
    except BodyWantedError:
        return None
    except Exception:
        answered.drop()
        log.exception("the app failed")
        return AppAnswer(500, [("Content-Length", "0")], b"")


def _input(body: Body | None) -> io.IOBase:
    if body is None:
        return _NotRead()
    return body if isinstance(body, SealedFile) else io.BytesIO(body)


def _no_write(_data: bytes) -> object:
    raise NotImplementedError("the app returns its answer, it does not write it")
