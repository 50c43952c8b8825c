"""Say how much of a body is taken, and keep it: in memory while it is short, else sealed."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from service.bodies.sealed import SealedFile

Body: TypeAlias = bytes | SealedFile

# The name in a request's environment under which the app says how much of a body it takes.
TAKES: Final = "drchrono_oncall.takes"
# Bytes of a body, asked or answered, that are held in memory; more is in a sealed file.
IN_MEMORY: Final = 1024 * 1024


@dataclass(slots=True)
class Takes:
    """How many bytes of this request's body the app takes, and in how many seconds.

    An app that knows its caller may say more before it reads. What is longer is cut a little above
    the limit: the app sees that it is too long.
    """

    bytes: int
    seconds: float


class Held:
    """Bytes that come piece by piece: in memory as long as they are few."""

    def __init__(self) -> None:
        self._few = bytearray()
        self._many: SealedFile | None = None

    def __len__(self) -> int:
        """How many there are."""
        return len(self._few) + (0 if self._many is None else len(self._many))

    def add(self, piece: bytes | bytearray) -> None:
        """Take one more piece."""
        self._few += piece
        if len(self._few) > IN_MEMORY:
            self._put_away()

    def whole(self) -> Body:
        """All of them. A file stands at its beginning, and is the caller's to close."""
        if self._many is None:
            return bytes(self._few)
        self._put_away().seek(0)
        return self._many

    def _put_away(self) -> SealedFile:
        if self._many is None:
            self._many = SealedFile()
        self._many.write(self._few)
        self._few.clear()
        return self._many

    def drop(self) -> None:
        """Give all of them up."""
        self._few.clear()
        if self._many is not None:
            self._many.close()
        self._many = None
