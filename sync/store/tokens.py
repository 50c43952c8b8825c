"""Keep OAuth tokens: one sealed row for each provider (Fernet; the first key seals, all open)."""

import json
from collections.abc import Callable
from datetime import datetime

from cryptography.fernet import Fernet, MultiFernet
from sqlalchemy import ColumnElement, Connection, bindparam, delete, or_, select, update

from sync.core.tokens import StoredToken
from sync.store import upsert
from sync.store.database import Store
from sync.store.schema import token
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed

_STORED = select(token).where(token.c.provider == bindparam("provider"))


class SealedTokens:
    """The token store of `sync.core.tokens.TokenStore`, in SQL.

    A method that is given no connection is a transaction of its own. Raises cryptography's
    InvalidToken when none of the keys opens what is stored.
    """

    def __init__(
        self,
        store: Store,
        keys: tuple[str, ...],
        now: Callable[[], datetime],
        *,
        deployment: str | None = None,
        live: bool = True,
    ) -> None:
        """`deployment` names this one (PUBLIC_URL). One that is not `live` uses no other's pair."""
        self._store = store
        self._keys = MultiFernet([Fernet(key) for key in keys])
        self._now = now
        self._deployment = deployment
        self._live = live

    def load(self, provider: str) -> StoredToken | None:
        """The stored pair, or None when the provider was never connected."""
        with self._store.read() as conn:
            return self.read(conn, provider)

    def read(self, conn: Connection, provider: str) -> StoredToken | None:
        """The same, in the caller's transaction."""
        row = conn.execute(_STORED, {"provider": provider}).first()
        if row is None or row.sealed is None:
            return None
        opened = json.loads(self._keys.decrypt(row.sealed))
        return StoredToken(
            access=opened["access"],
            refresh=opened["refresh"],
            expires_at=row.expires_at,
            obtained_at=row.obtained_at,
            version=row.version,
            elsewhere=not self._live and row.deployment not in {None, self._deployment},
            renewable=self._live or row.deployment == self._deployment,
        )

    def try_lease(self, provider: str, owner: str, until: datetime) -> bool:
        """Take the right to renew until `until`; False while another owner's lease lives."""
        with self._store.write() as conn:
            conn.execute(
                upsert.insert(conn, token).values(provider=provider).on_conflict_do_nothing()
            )
            free = or_(
                token.c.lease_by.is_(None),
                token.c.lease_by == owner,
                token.c.lease_until <= self._now(),
            )
            taken = conn.execute(
                update(token)
                .where(token.c.provider == provider, free)
                .values(lease_by=owner, lease_until=until)
            )
            return taken.rowcount == 1

    def release(self, provider: str, owner: str) -> None:
        """Give the lease back, if `owner` still holds it."""
        self._set(provider, token.c.lease_by == owner, lease_by=None, lease_until=None)

    def note_attempt(self, provider: str, at: datetime) -> None:
        """Record that the refresh token is about to be spent."""
        self._set(provider, None, attempt_at=at)

    def attempted_at(self, provider: str) -> datetime | None:
        """The time of an attempt whose outcome was never stored, or None."""
        with self._store.read() as conn:
            at: datetime | None = conn.execute(
                select(token.c.attempt_at).where(token.c.provider == provider)
            ).scalar_one_or_none()
        return at

    def clear_attempt(self, provider: str) -> None:
        """Record that the noted attempt spent nothing."""
        self._set(provider, None, attempt_at=None)

    def forget(self, provider: str) -> None:
        """Let go of the pair, as if the provider had never been connected."""
        with self._store.write() as conn:
            conn.execute(delete(token).where(token.c.provider == provider))
            deeds.note(conn, Deed("disconnect"), self._now())

    def save(self, provider: str, pair: StoredToken, version: int) -> bool:
        """Replace the pair of that version (0: none yet) and close the attempt.

        Returns False, having done nothing, when the stored version is another one.
        """
        values = self._values(pair, version + 1)
        with self._store.write() as conn:
            conn.execute(
                upsert.insert(conn, token).values(provider=provider).on_conflict_do_nothing()
            )
            changed = conn.execute(
                update(token)
                .where(token.c.provider == provider, token.c.version == version)
                .values(**values)
            )
            return changed.rowcount == 1

    def replace(self, conn: Connection, provider: str, pair: StoredToken) -> None:
        """Put a pair in place of whatever is stored, in the caller's transaction."""
        conn.execute(upsert.insert(conn, token).values(provider=provider).on_conflict_do_nothing())
        stored = conn.execute(
            select(token.c.version).where(token.c.provider == provider).with_for_update()
        ).scalar_one()
        values = self._values(pair, stored + 1)
        conn.execute(update(token).where(token.c.provider == provider).values(**values))

    def _values(self, pair: StoredToken, version: int) -> dict[str, object]:
        text = json.dumps({"access": pair.access, "refresh": pair.refresh})
        return {
            "sealed": self._keys.encrypt(text.encode()),
            "expires_at": pair.expires_at,
            "obtained_at": pair.obtained_at,
            "version": version,
            "attempt_at": None,
            "deployment": self._deployment,
        }

    def _set(self, provider: str, where: ColumnElement[bool] | None, **values: object) -> None:
        changing = update(token).where(token.c.provider == provider)
        if where is not None:
            changing = changing.where(where)
        with self._store.write() as conn:
            conn.execute(changing.values(**values))
