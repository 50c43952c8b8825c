"""Define the stored token pair, when it is due for renewal, and what its store must do."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class StoredToken:
    """One OAuth token pair. Times are aware UTC.

    `refresh` is "" when the refresh token is known to be dead. `version` grows with every stored
    pair; the store gives it, so what is passed to `save` may carry any.
    """

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: datetime
    obtained_at: datetime
    version: int = 0
    elsewhere: bool = False  # another deployment connected it: not ours to use (ADR 0018)
    renewable: bool = True  # False: it is not known who connected it, so not ours to spend

    @property
    def renew_at(self) -> datetime:
        """Half of its life: a failed renewal then leaves a day to reconnect."""
        return self.obtained_at + (self.expires_at - self.obtained_at) / 2


class TokenStore(Protocol):
    """One row for each provider; every method is a transaction of its own, committed on return."""

    def load(self, provider: str) -> StoredToken | None:
        """Give the stored pair, or None when the provider was never connected."""

    def try_lease(self, provider: str, owner: str, until: datetime) -> bool:
        """Take the right to renew until `until`; False while another owner's lease lives."""

    def release(self, provider: str, owner: str) -> None:
        """Give the lease back, if `owner` still holds it."""

    def note_attempt(self, provider: str, at: datetime) -> None:
        """Record that the refresh token is about to be spent."""

    def attempted_at(self, provider: str) -> datetime | None:
        """Give the time of an attempt whose outcome was never stored, or None."""

    def clear_attempt(self, provider: str) -> None:
        """Record that the noted attempt spent nothing."""

    def forget(self, provider: str) -> None:
        """Let go of the pair, as if the provider had never been connected."""

    def save(self, provider: str, pair: StoredToken, version: int) -> bool:
        """Replace the pair of that version (0: none yet) and close the attempt.

        Returns False, having done nothing, when the stored version is another one.
        """
