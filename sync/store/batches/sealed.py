"""Seal what a file says: each batch has a key of its own, itself sealed with ENCRYPTION_KEYS.

What is sealed under a key that is deleted can be read by nobody any more, in old copies of the
database neither by whoever has not got ENCRYPTION_KEYS (ADR 0037).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

if TYPE_CHECKING:
    from collections.abc import Sequence


class UnreadableError(Exception):
    """What is sealed can't be opened: none of ENCRYPTION_KEYS is the one that sealed it."""


class Seal:
    """The opened key of one batch: seals and opens chunks of its file, and the cells of lines."""

    def __init__(self, key: bytes) -> None:
        """`key` is a Fernet key."""
        self._fernet = Fernet(key)

    def chunk(self, data: bytes) -> bytes:
        """Seal a piece of the file."""
        return self._fernet.encrypt(data)

    def open_chunk(self, sealed: bytes) -> bytes:
        """Open what `chunk` sealed. Raises UnreadableError."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as failure:
            raise UnreadableError from failure

    def table(self, lines: Sequence[Sequence[str]]) -> bytes:
        """Seal some lines of cells together."""
        return self.chunk(json.dumps([list(line) for line in lines]).encode())

    def open_table(self, sealed: bytes) -> list[tuple[str, ...]]:
        """Open what `table` sealed. Raises UnreadableError."""
        return [tuple(line) for line in json.loads(self.open_chunk(sealed))]

    def cells(self, cells: Sequence[str]) -> bytes:
        """Seal the cells of a line."""
        return self.chunk(json.dumps(list(cells), separators=(",", ":")).encode())

    def open_cells(self, sealed: bytes) -> tuple[str, ...]:
        """Open what `cells` sealed. Raises UnreadableError."""
        return tuple(json.loads(self.open_chunk(sealed)))


def new(keys: Sequence[str]) -> tuple[bytes, Seal]:
    """Make a batch's key; returns it sealed with the first of `keys`, as its row keeps it."""
    key = Fernet.generate_key()
    return _with(keys).encrypt(key), Seal(key)


def opened(keys: Sequence[str], sealed_key: bytes) -> Seal:
    """Open a batch's key with whichever of `keys` sealed it. Raises UnreadableError."""
    try:
        return Seal(_with(keys).decrypt(sealed_key))
    except InvalidToken as failure:
        raise UnreadableError from failure


def _with(keys: Sequence[str]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
