"""Read requests out of the bytes of a connection: heads, pieces of bodies, and where each ends.

llhttp reads them, through httptools, and is given no leniency. What it lets pass that a server of
HTTP/1.1 must not (RFC 9112) is refused here: another version, a request that does not name one
host, and a transfer coding that is not `chunked` alone.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, TypeAlias

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserUpgrade,
    HttpRequestParser,
)

_VERSIONS: Final = ("1.0", "1.1")
_BESIDE: Final = 4  # bytes of a header's line that are neither its name nor its value


class Mark(Enum):
    """What is said of a request and has no bytes of its own."""

    END = auto()


@dataclass(slots=True)
class Head:
    """A request without its body.

    `stays`: its caller may send another request after it. `asks_first`: they wait for 100 Continue
    before they send the body.
    """

    method: str = ""
    target: str = ""
    version: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    stays: bool = False
    asks_first: bool = False


class NoRequestError(Exception):
    """What came is no request: `status` 400, or 431 where its head is too large."""

    def __init__(self, status: int = 400) -> None:
        super().__init__(status)
        self.status = status


Part: TypeAlias = Head | bytes | Mark


class Incoming:
    """What came on one connection and was not taken yet, in its order."""

    def __init__(self, head_bytes: int) -> None:
        """`head_bytes`: the most that a head may have."""
        self._most = head_bytes
        self._parser = HttpRequestParser(self)
        self._parts: deque[Part] = deque()
        self._wrong: NoRequestError | None = None  # after those parts; nothing can follow it
        self._head = Head()
        self._target = b""
        self._hosts = 0
        self._read = self._waits = 0  # bytes of this head: read, and fed while it was not whole
        self.in_head = False  # whether a head has begun and is not whole

    def feed(self, data: bytes) -> None:
        """Take what has come. What is no request is told when what came before it was taken."""
        if self._wrong is not None:
            return
        all_of_it = self.in_head
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            return  # to nothing that is spoken here: a request like others, and the last one
        except HttpParserCallbackError as error:
            if not isinstance(error.__context__, NoRequestError):
                raise
            self._wrong = error.__context__
        except HttpParserError:
            self._wrong = NoRequestError()
        else:
            if all_of_it and self.in_head:
                self._waits += len(data)
                if self._waits > self._most:
                    self._wrong = NoRequestError(431)

    def next(self) -> Part | None:
        """The next part; None until more has come. Raises NoRequestError, from then on always."""
        if self._parts:
            return self._parts.popleft()
        if self._wrong is not None:
            raise self._wrong
        return None

    # --- called by the parser ---------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._head, self._target, self.in_head = Head(), b"", True
        self._hosts = self._read = self._waits = 0

    def on_url(self, piece: bytes) -> None:
        """Take a piece of the target."""
        self._target += piece
        self._count(len(piece))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, in small letters; one that follows a body says nothing."""
        self._count(len(name) + len(value) + _BESIDE)
        if not self.in_head:
            return
        key, told = name.decode("latin-1").lower(), value.decode("latin-1")
        if key == "host":
            self._hosts += 1
        elif key == "transfer-encoding" and told.lower() != "chunked":
            raise NoRequestError
        elif key == "expect":
            self._head.asks_first = told.lower() == "100-continue"
        self._head.headers.append((key, told))

    def on_headers_complete(self) -> None:
        """End a head."""
        head, parser = self._head, self._parser
        head.version = parser.get_http_version()
        is_new = head.version == "1.1"
        if head.version not in _VERSIONS or self._hosts > 1 or (is_new and not self._hosts):
            raise NoRequestError
        head.method = parser.get_method().decode("latin-1")
        head.target = self._target.decode("latin-1")
        head.stays = is_new and parser.should_keep_alive() and not parser.should_upgrade()
        head.asks_first = head.asks_first and is_new
        self.in_head = False
        self._read = 0
        self._parts.append(head)

    def on_body(self, piece: bytes) -> None:
        """Take a piece of a body."""
        self._parts.append(piece)

    def on_message_complete(self) -> None:
        """End a request."""
        self._parts.append(Mark.END)

    def _count(self, size: int) -> None:
        self._read += size
        if self._read > self._most:
            raise NoRequestError(431)
