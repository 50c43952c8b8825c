"""Keep the one-time secrets of the OAuth exchange: their hash, and what they hold, sealed."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Connection, delete, insert, select, update

from sync.store.schema import ticket


class TicketData(NamedTuple):
    """What a secret stands for: its stage, and what was sealed with it."""

    kind: str
    data: Mapping[str, Any]


def hashed(secret: str) -> str:
    """The form in which a secret is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Tickets:
    """The secrets of one installation; the first of `keys` seals, all open."""

    def __init__(self, keys: tuple[str, ...], now: Callable[[], datetime]) -> None:
        self._keys = MultiFernet([Fernet(key) for key in keys])
        self._now = now

    def put(
        self, conn: Connection, secret: str, kind: str, until: datetime, data: Mapping[str, Any]
    ) -> None:
        """Store a new secret; it is good until then."""
        conn.execute(
            insert(ticket).values(
                hash=hashed(secret), kind=kind, expires_at=until, sealed=self._sealed(data)
            )
        )

    def find(self, conn: Connection, secret: str) -> TicketData | None:
        """What a secret stands for now; None when it is unknown, too old or can't be opened."""
        row = conn.execute(
            select(ticket).where(ticket.c.hash == hashed(secret), ticket.c.expires_at > self._now())
        ).first()
        data = None if row is None else self._opened(row.sealed)
        return None if row is None or data is None else TicketData(row.kind, data)

    def move(
        self,
        conn: Connection,
        secret: str,
        kind: str,
        to: str,
        data: Mapping[str, Any] | None = None,
    ) -> bool:
        """Move a secret from one stage to the next; False when it is not in that stage any more."""
        values: dict[str, Any] = {"kind": to}
        if data is not None:
            values["sealed"] = self._sealed(data)
        moved = conn.execute(
            update(ticket)
            .where(
                ticket.c.hash == hashed(secret),
                ticket.c.kind == kind,
                ticket.c.expires_at > self._now(),
            )
            .values(**values)
        )
        return moved.rowcount == 1

    def spend(self, conn: Connection, secret: str, kind: str) -> bool:
        """Take a secret away; False when there is none of that stage that is still good."""
        spent = conn.execute(
            delete(ticket).where(
                ticket.c.hash == hashed(secret),
                ticket.c.kind == kind,
                ticket.c.expires_at > self._now(),
            )
        )
        return spent.rowcount == 1

    def expired(self, conn: Connection, kind: str) -> list[Mapping[str, Any]]:
        """What was held by secrets of a stage that are too old now."""
        rows = conn.execute(
            select(ticket.c.sealed).where(ticket.c.kind == kind, ticket.c.expires_at <= self._now())
        )
        opened = [self._opened(sealed) for sealed in rows.scalars()]
        return [data for data in opened if data]

    def _sealed(self, data: Mapping[str, Any]) -> bytes | None:
        return self._keys.encrypt(json.dumps(dict(data)).encode()) if data else None

    def _opened(self, sealed: bytes | None) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads(self._keys.decrypt(sealed)) if sealed else {}
        except InvalidToken:
            return None  # sealed with a key that is gone: as if the secret were too old
        return found
