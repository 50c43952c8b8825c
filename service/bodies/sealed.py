"""Hold bytes that are too many for memory in a file that nobody can read.

What is uploaded here are a clinic's patients. A temporary file would hold them in clear until it is
closed, and in freed blocks of the disk for longer (docs/architecture.md, invariant 5). So what is
written is encrypted under a key that is in this object and nowhere else.
"""

import io
import os
import secrets
from tempfile import TemporaryFile
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

_BLOCK: Final = 16  # bytes of AES; in counter mode (NIST SP 800-38A, 6.5) each is read by itself


class SealedFile(io.RawIOBase):
    """A file to be written from its start to its end, and to be read anywhere; gone when closed.

    It has no name on the disk. Nothing tells a change of it from outside: whoever can write into
    this process's open files can do more than that.
    """

    def __init__(self) -> None:
        super().__init__()
        self._file = TemporaryFile(buffering=0)  # noqa: SIM115 - closed in `close`
        self._key = AES(secrets.token_bytes(32))
        self._seal = Cipher(self._key, CTR(bytes(_BLOCK))).encryptor()
        self._size = 0
        self._at = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def writable(self) -> bool:
        """Always; at the end."""
        return True

    def seekable(self) -> bool:
        """Always; for reading."""
        return True

    def write(self, data: Any, /) -> int:
        """Add to the end, wherever it was read last."""
        piece = memoryview(data).cast("B")
        sealed = memoryview(self._seal.update(piece))
        self._file.seek(self._size)
        while sealed:
            sealed = sealed[self._file.write(sealed) :]
        self._size += len(piece)
        self._at = self._size
        return len(piece)

    def readinto(self, buffer: Any, /) -> int:
        """Read on from where it stands."""
        room = memoryview(buffer).cast("B")
        self._file.seek(self._at)
        sealed = self._file.read(len(room))
        block, skipped = divmod(self._at, _BLOCK)
        opened = Cipher(self._key, CTR(block.to_bytes(_BLOCK))).decryptor()
        opened.update(bytes(skipped))
        clear = opened.update(sealed)
        room[: len(clear)] = clear
        self._at += len(clear)
        return len(clear)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place to read from."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = min(max(0, base + offset), self._size)
        return self._at

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def close(self) -> None:
        """Give the file back; nothing of it can be read any more."""
        if not self.closed:
            self._file.close()
        super().close()

    def __len__(self) -> int:
        """How many bytes there are."""
        return self._size

    def __bool__(self) -> bool:
        """A file is one, empty too."""
        return True
