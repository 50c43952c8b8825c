"""Define the tables of what a comparison of both systems found."""

from sqlalchemy import Column, Index, Integer, String, Table, UniqueConstraint, text

from sync.store.schema.base import UtcTime, metadata

difference = Table(  # of the last comparison that was whole; what went away is deleted
    "difference",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("what", String(8), nullable=False),  # visit | person
    Column("cause", String(24), nullable=False),
    Column("drchrono", String(64), nullable=False, server_default=""),
    Column("oncall", String(64), nullable=False, server_default=""),
    Column("participant", String(64), nullable=False, server_default=""),
    Column("fields", String(120), nullable=False, server_default=""),  # their names
    Column("standing", String(12), nullable=False),
    Column("why", String(60), nullable=False, server_default=""),
    Column("item", Integer, nullable=False, server_default=text("0")),  # the attention item
    Column("since", UtcTime, nullable=False),  # first found, or since when it waits
    UniqueConstraint("what", "cause", "drchrono", "oncall", "participant"),
    sqlite_autoincrement=True,
)
Index("ix_difference_cause", difference.c.cause, difference.c.id)

comparison = Table(
    "comparison",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("began_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime, nullable=False),
    Column("status", Integer, nullable=False),  # 0 the same, 1 different, 2 could not tell
    Column("different", Integer, nullable=False),  # all that counts, the unlinked too
    Column("unlinked", Integer, nullable=False),
    Column("explained", Integer, nullable=False),
    Column("on_its_way", Integer, nullable=False),
    Column("meant", Integer, nullable=False),
    Column("undecided", Integer, nullable=False),
    Column("visits", Integer, nullable=False),  # compared
    Column("people", Integer, nullable=False),
    Column("trouble", String(200), nullable=False, server_default=""),  # codes
    Column("left_out", String(60), nullable=False, server_default=""),  # lists
    sqlite_autoincrement=True,
)
