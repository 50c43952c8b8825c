"""Define the tables of what belongs together: aggregates, remote objects, attendances."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    false,
    func,
    literal_column,
    text,
)

from sync.store.schema.base import REMOTE_NUMBER, UtcTime, flag, metadata

aggregate = Table(
    "aggregate",
    metadata,
    Column("id", Integer, primary_key=True),  # never reused or deleted: markers name it
    Column("kind", String(8), nullable=False),  # visit | person | batch
    Column("merged_into", ForeignKey("aggregate.id")),
    Column("created_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
    sqlite_autoincrement=True,
)
_MERGED = aggregate.c.merged_into.is_not(None)
Index("ix_aggregate_merged_into", aggregate.c.merged_into,
      sqlite_where=_MERGED, postgresql_where=_MERGED)  # fmt: skip

visit = Table(
    "visit",
    metadata,
    Column("aggregate", ForeignKey("aggregate.id"), primary_key=True),
    Column("generation", Integer, nullable=False, server_default=text("1")),
    Column("state", String(8), nullable=False, server_default="open"),  # open | closed
    Column("starts_at", UtcTime),
    Column("doctor", String(40)),
    flag("shared"),  # several attendances may share it: a group visit, wherever it stands
    Column("slot_key", String(120)),
    Column("occurrence_key", String(120), unique=True),
    Column("hold_until", UtcTime),
    Column("frozen_at", UtcTime),
)
# A condition finds a partial index where it says the same in the same words, none of them bound.
IS_OPEN = visit.c.state == literal_column("'open'")
Index("uq_visit_open_slot", visit.c.slot_key, unique=True,
      sqlite_where=(visit.c.slot_key.is_not(None)) & IS_OPEN,
      postgresql_where=(visit.c.slot_key.is_not(None)) & IS_OPEN)  # fmt: skip
Index("ix_visit_starts_at", visit.c.starts_at)
# What is to come is few among what ever was; what was never read has no start.
Index("ix_visit_open_starts", visit.c.starts_at, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)
_HELD = visit.c.hold_until.is_not(None)
Index("ix_visit_held", visit.c.hold_until, sqlite_where=_HELD, postgresql_where=_HELD)

person = Table(
    "person",
    metadata,
    Column("aggregate", ForeignKey("aggregate.id"), primary_key=True),
    Column("version", Integer, nullable=False, server_default=text("0")),
    flag("excluded"),
)

object_ = Table(
    "object",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("system", String(8), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("remote_id", String(64)),  # null while creating or ambiguous
    Column("aggregate", ForeignKey("aggregate.id"), nullable=False, index=True),
    Column("generation", Integer, nullable=False, server_default=text("1")),
    Column("state", String(10), nullable=False),  # creating | ambiguous | live | gone | skipped
    Column("create_key", String(160)),
    Column("revision", String(40)),  # updated_at as sent; it orders, and dates nothing
    Column("has_marker", Boolean, nullable=False, server_default=false()),  # bears our marker
    Column("highest_before", REMOTE_NUMBER),
    Column("looks", Integer, nullable=False, server_default=text("0")),
    Column("looked_at", UtcTime),
    Column("seen_at", UtcTime),  # when its remote state was last read or confirmed
    Column("created_at", UtcTime, nullable=False),
    Column("made_by_us", Boolean, nullable=False, server_default=false()),
    Column("provider", String(40)),  # what a contact belongs to; what we last sent for a visit
    Column("division", String(40)),
    Column("marker_key", String(16)),  # the digest key that its marker was sealed with
    flag("told"),  # only a caller said that it is there: no authenticated call has shown it yet
    Column("shown_at", UtcTime),  # gone, and said to be there again since: to be read once by id
    Column("fruitless_at", UtcTime),  # when a read last found nothing behind a caller's words
    UniqueConstraint("system", "kind", "remote_id"),
    sqlite_autoincrement=True,
)
Index("uq_object_create_key", object_.c.create_key, unique=True,
      sqlite_where=object_.c.state != "gone",
      postgresql_where=object_.c.state != "gone")  # fmt: skip

# Of what only a caller told of: each hour those that a read has denied are looked for.
Index("ix_object_told", object_.c.looked_at, sqlite_where=object_.c.told,
      postgresql_where=object_.c.told)  # fmt: skip
# Appointments by their number, which is text: the longer one is higher.
LENGTH = func.length(object_.c.remote_id)
IS_APPOINTMENT = object_.c.kind == literal_column("'appointment'")
Index("ix_object_number", object_.c.system, LENGTH, object_.c.remote_id,
      sqlite_where=IS_APPOINTMENT, postgresql_where=IS_APPOINTMENT)  # fmt: skip

object_alias = Table(
    "object_alias",
    metadata,
    Column("system", String(8), primary_key=True),
    Column("kind", String(12), primary_key=True),
    Column("remote_id", String(64), primary_key=True),
    Column("object", ForeignKey("object.id", ondelete="CASCADE"), nullable=False, index=True),
)

attendance = Table(
    "attendance",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("visit", ForeignKey("aggregate.id"), nullable=False, index=True),
    Column("life", Integer, nullable=False, server_default=text("1")),
    Column("appointment", ForeignKey("object.id"), index=True),
    Column("participant", ForeignKey("object.id"), unique=True),
    Column("person", ForeignKey("aggregate.id"), index=True),
    Column("person_version", Integer, nullable=False, server_default=text("0")),
    Column("current", Boolean, nullable=False),
    sqlite_autoincrement=True,
)
Index("uq_attendance_current_appointment", attendance.c.appointment, unique=True,
      sqlite_where=attendance.c.current, postgresql_where=attendance.c.current)  # fmt: skip

person_key = Table(
    "person_key",
    metadata,
    Column("person", ForeignKey("aggregate.id"), primary_key=True),
    Column("what", String(20), primary_key=True),
    Column("key_id", String(16), primary_key=True),
    Column("hmac", String(64), primary_key=True),
)
Index("ix_person_key_what_hmac", person_key.c.what, person_key.c.hmac)
Index("ix_person_key_key_id", person_key.c.key_id)
