"""Define the tables of what callers told us."""

from sqlalchemy import JSON, Column, Float, ForeignKey, Index, Integer, String, Table

from sync.store.schema.base import REMOTE_NUMBER, UtcTime, flag, metadata

# What callers said of ids that no authenticated call has shown (ADR 0017). No row stays.
told = Table(
    "told",
    metadata,
    Column("system", String(8), primary_key=True),
    Column("kind", String(12), primary_key=True),
    Column("remote_id", String(64), primary_key=True),
    Column("credential", String(40), nullable=False),  # which of the door's secrets said it
    # asks: waits for its turn | taken: being read | deleted: said to be gone | keys: an address
    Column("what", String(8), nullable=False),
    Column("number", REMOTE_NUMBER),  # the id as a number; null for an occurrence's
    Column("event", String(60), nullable=False),
    Column("delivery_id", String(80)),
    Column("revision", String(40)),
    Column("key_id", String(16)),
    Column("email", String(64)),  # keyed digest, as in `person_key`
    flag("series"),  # said to be the base of a series
    Column("first_at", UtcTime, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("due", UtcTime, nullable=False),
)
Index("ix_told_what_due", told.c.what, told.c.due)
Index("ix_told_email", told.c.email)

bucket = Table(  # how many unknown ids each credential may still have read
    "bucket",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("soon", Float, nullable=False),
    Column("share", Float, nullable=False),
    Column("at", UtcTime, nullable=False),
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", String(8), nullable=False),
    Column("delivery_id", String(80)),
    Column("event", String(60), nullable=False),
    Column("object", ForeignKey("object.id", ondelete="SET NULL"), index=True),
    Column("revision", String(40)),
    Column("key_id", String(16)),
    Column("digests", JSON),
    Column("outcome", String(10), nullable=False),
    Column("explained_at", UtcTime),
    Column("at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_delivery_source_at", delivery.c.source, delivery.c.at)
