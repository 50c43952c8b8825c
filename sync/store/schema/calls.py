"""Define the tables of what we sent, and of what each field of an object last settled at."""

from sqlalchemy import (
    JSON,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    literal_column,
    text,
)

from sync.store.schema.base import UtcTime, metadata

baseline = Table(
    "baseline",
    metadata,
    Column("object", ForeignKey("object.id", ondelete="CASCADE"), primary_key=True),
    Column("field", String(20), primary_key=True),
    Column("key_id", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("zone", String(40)),
)

refused_field = Table(
    "refused_field",
    metadata,
    Column("object", ForeignKey("object.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(40), primary_key=True),  # the key in the body
    Column("key_id", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("at", UtcTime, nullable=False),
)

call = Table(
    "call",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("aggregate", Integer),
    Column("fence", Integer),
    Column("system", String(8), nullable=False),
    Column("object", Integer),
    Column("method", String(8), nullable=False),
    Column("endpoint", String(40), nullable=False),
    Column("fields", String(200), nullable=False, server_default=""),
    Column("effect", String(30), nullable=False, server_default=""),
    Column("doctor", String(40)),
    Column("lane", Integer, nullable=False),
    # open | done | refused | unresolved | looked (unresolved, and read again since) |
    # redirected (nothing done there) | unsent (nothing can have reached the remote)
    Column("state", String(12), nullable=False),
    Column("status", Integer),
    Column("at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    # What stood in each field before it was written: [key id, digest] of what was settled or read.
    Column("before", JSON(none_as_null=True)),
    sqlite_autoincrement=True,
)
Index("ix_call_system_at", call.c.system, call.c.at)
# A condition finds a partial index where it says the same in the same words, none of them bound.
IS_WRITE = call.c.effect != literal_column("''")
Index("ix_call_effect_at", call.c.effect, call.c.at,
      sqlite_where=IS_WRITE, postgresql_where=IS_WRITE)  # fmt: skip
# A write that somebody sees; most into DrChrono are markers of ours.
IS_CHANGE = IS_WRITE & (call.c.effect != literal_column("'marker'"))
Index("ix_call_changed", call.c.system, call.c.at,
      sqlite_where=IS_CHANGE, postgresql_where=IS_CHANGE)  # fmt: skip
Index("ix_call_aggregate_at", call.c.aggregate, call.c.at)
_OF_AN_OBJECT = call.c.object.is_not(None)  # writes: a read names none
Index("ix_call_object_at", call.c.object, call.c.at,
      sqlite_where=_OF_AN_OBJECT, postgresql_where=_OF_AN_OBJECT)  # fmt: skip

pending = Table(
    "pending",
    metadata,
    Column("object", ForeignKey("object.id", ondelete="CASCADE"), primary_key=True),
    Column("field", String(20), primary_key=True),
    Column("call", ForeignKey("call.id", ondelete="CASCADE"), primary_key=True),
    Column("key_id", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
)

throttle = Table(
    "throttle",
    metadata,
    Column("system", String(8), primary_key=True),
    Column("closed_until", UtcTime),
    Column("turn", Integer, nullable=False, server_default=text("0")),  # bumped by each taker
)
