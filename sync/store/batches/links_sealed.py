"""Seal the link at which reading a list goes on: it is opaque, so nobody knows what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

if TYPE_CHECKING:
    from collections.abc import Sequence


def seal(keys: Sequence[str], link: str) -> str:
    """Seal a link with the first of ENCRYPTION_KEYS."""
    return _with(keys).encrypt(link.encode()).decode()


def opened(keys: Sequence[str], sealed: str) -> str | None:
    """Open what was sealed with any of the keys; None where none of them fits any more."""
    try:
        return _with(keys).decrypt(sealed.encode()).decode()
    except InvalidToken:
        return None


def _with(keys: Sequence[str]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
