"""Define the tables, in one place. The words are those of docs/glossary.md.

Nothing personal is in any column: ids, start times, digests, field names and words of status only.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time on every database (SQLite has no zones, PostgreSQL answers in its own)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse naive times: which zone they mean can't be known any more."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone was about to be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give back what was stored, aware."""
        if value is None:
            return None
        stored: datetime = value
        return stored.replace(tzinfo=UTC) if stored.tzinfo is None else stored.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


# A remote's numbers may be longer than INTEGER: the door takes 18 digits. SQLite has but one sort.
REMOTE_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false())


installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True),  # one row, id 1
    Column("practice_group", String(64)),
    Column("oncall_org", String(64)),
    Column("name", String(32)),  # derived from both accounts and the digest key
    Column("accepted_at", UtcTime),  # since when creating is allowed (going live)
    Column("mapping_version", String(64)),
    Column("oncall_proof", String(80)),  # keyed: tells the OnCall key that was found right
)

aggregate = Table(
    "aggregate",
    metadata,
    Column("id", Integer, primary_key=True),  # never reused or deleted: markers name it
    Column("kind", String(8), nullable=False),  # visit | person
    Column("merged_into", ForeignKey("aggregate.id")),
    Column("created_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
    sqlite_autoincrement=True,
)

work = Table(
    "work",
    metadata,
    Column("aggregate", ForeignKey("aggregate.id"), primary_key=True),
    Column("wanted", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("lane", Integer, nullable=False),  # 0 live, 1 told, 2 catchup, 3 bulk
    Column("due", UtcTime, nullable=False),
    Column("first_hint", UtcTime),  # of the round that waits; null from claim to next hint
    _flag("hint_drchrono"),
    _flag("hint_oncall"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("lease_by", String(80)),
    Column("lease_until", UtcTime),
    Column("fence", Integer, nullable=False, server_default=text("0")),
    Column("rung_at", UtcTime),
    _flag("own"),  # we ask for DrChrono's side ourselves in this round: no body explains that
    # What the last claim was told: 1 DrChrono's side, 2 OnCall's, 4 asked for by ourselves.
    Column("claimed", Integer, nullable=False, server_default=text("0")),
)
Index("ix_work_waiting", work.c.lane, work.c.due, sqlite_where=work.c.wanted > work.c.done,
      postgresql_where=work.c.wanted > work.c.done)  # fmt: skip
Index("ix_work_leased", work.c.lease_until, sqlite_where=work.c.lease_by.is_not(None),
      postgresql_where=work.c.lease_by.is_not(None))  # fmt: skip

visit = Table(
    "visit",
    metadata,
    Column("aggregate", ForeignKey("aggregate.id"), primary_key=True),
    Column("generation", Integer, nullable=False, server_default=text("1")),
    Column("state", String(8), nullable=False, server_default="open"),  # open | closed
    Column("starts_at", UtcTime),
    Column("doctor", String(40)),
    _flag("shared"),  # several attendances may share it: a group visit, wherever it stands
    Column("slot_key", String(120)),
    Column("occurrence_key", String(120), unique=True),
    Column("hold_until", UtcTime),
    Column("frozen_at", UtcTime),
)
Index("uq_visit_open_slot", visit.c.slot_key, unique=True,
      sqlite_where=(visit.c.slot_key.is_not(None)) & (visit.c.state == "open"),
      postgresql_where=(visit.c.slot_key.is_not(None)) & (visit.c.state == "open"))  # fmt: skip
Index("ix_visit_starts_at", visit.c.starts_at)

person = Table(
    "person",
    metadata,
    Column("aggregate", ForeignKey("aggregate.id"), primary_key=True),
    Column("version", Integer, nullable=False, server_default=text("0")),
    _flag("excluded"),
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
    Column("mark", String(40)),  # updated_at as sent, an opaque order mark
    Column("marked", Boolean, nullable=False, server_default=false()),  # bears our marker
    Column("highest_before", REMOTE_NUMBER),
    Column("looks", Integer, nullable=False, server_default=text("0")),
    Column("looked_at", UtcTime),
    Column("seen_at", UtcTime),  # when its remote state was last read or confirmed
    Column("created_at", UtcTime, nullable=False),
    Column("made_by_us", Boolean, nullable=False, server_default=false()),
    Column("provider", String(40)),  # what a contact belongs to; what we last sent for a visit
    Column("division", String(40)),
    Column("marker_key", String(16)),  # the digest key that its marker was sealed with
    _flag("told"),  # only a caller said that it is there: no authenticated call has shown it yet
    Column("shown_at", UtcTime),  # gone, and said to be there again since: to be read once by id
    Column("fruitless_at", UtcTime),  # when a read last found nothing behind a caller's words
    UniqueConstraint("system", "kind", "remote_id"),
    sqlite_autoincrement=True,
)
Index("uq_object_create_key", object_.c.create_key, unique=True,
      sqlite_where=object_.c.state != "gone",
      postgresql_where=object_.c.state != "gone")  # fmt: skip

object_alias = Table(
    "object_alias",
    metadata,
    Column("system", String(8), primary_key=True),
    Column("kind", String(12), primary_key=True),
    Column("remote_id", String(64), primary_key=True),
    Column("object", ForeignKey("object.id", ondelete="CASCADE"), nullable=False),
)

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
    Column("mark", String(40)),
    Column("key_id", String(16)),
    Column("email", String(64)),  # keyed digest, as in `person_key`
    _flag("series"),  # said to be the base of a series
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

attendance = Table(
    "attendance",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("visit", ForeignKey("aggregate.id"), nullable=False, index=True),
    Column("life", Integer, nullable=False, server_default=text("1")),
    Column("appointment", ForeignKey("object.id")),
    Column("participant", ForeignKey("object.id"), unique=True),
    Column("person", ForeignKey("aggregate.id"), index=True),
    Column("person_version", Integer, nullable=False, server_default=text("0")),
    Column("current", Boolean, nullable=False),
    sqlite_autoincrement=True,
)
Index("uq_attendance_current_appointment", attendance.c.appointment, unique=True,
      sqlite_where=attendance.c.current, postgresql_where=attendance.c.current)  # fmt: skip

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
Index("ix_call_effect_at", call.c.effect, call.c.at)
Index("ix_call_aggregate_at", call.c.aggregate, call.c.at)

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

delivery = Table(
    "delivery",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", String(8), nullable=False),
    Column("delivery_id", String(80)),
    Column("event", String(60), nullable=False),
    Column("object", ForeignKey("object.id", ondelete="SET NULL"), index=True),
    Column("mark", String(40)),
    Column("key_id", String(16)),
    Column("digests", JSON),
    Column("outcome", String(10), nullable=False),
    Column("explained_at", UtcTime),
    Column("at", UtcTime, nullable=False, index=True),
    sqlite_autoincrement=True,
)

blocker = Table(
    "blocker",
    metadata,
    Column("aggregate", ForeignKey("aggregate.id"), primary_key=True),
    Column("object", Integer, primary_key=True),  # 0: the aggregate as a whole
    Column("kind", String(12), primary_key=True),  # patient | mapping | visit | auth | operator
    Column("ref", String(64), primary_key=True),
    Column("since", UtcTime, nullable=False),
)
Index("ix_blocker_kind_ref", blocker.c.kind, blocker.c.ref)

attention = Table(
    "attention",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("aggregate", Integer, nullable=False),  # 0: the whole service
    Column("object", Integer, nullable=False, server_default=text("0")),
    Column("cause", String(40), nullable=False),
    Column("candidates", JSON),  # ids and field names only
    Column("opened_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
    sqlite_autoincrement=True,
)
Index("uq_attention_open", attention.c.aggregate, attention.c.object, attention.c.cause,
      unique=True, sqlite_where=attention.c.closed_at.is_(None),
      postgresql_where=attention.c.closed_at.is_(None))  # fmt: skip

conflict = Table(
    "conflict",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("object", Integer, nullable=False, index=True),
    Column("field", String(20), nullable=False),
    Column("how", String(20), nullable=False),
    Column("at", UtcTime, nullable=False),
)

decision = Table(
    "decision",
    metadata,
    Column("kind", String(12), primary_key=True),  # never_pair | exclude | keep | release
    Column("a", String(64), primary_key=True),
    Column("b", String(64), primary_key=True),
    Column("by", String(60), nullable=False),
    Column("at", UtcTime, nullable=False),
)

person_key = Table(
    "person_key",
    metadata,
    Column("person", ForeignKey("aggregate.id"), primary_key=True),
    Column("what", String(20), primary_key=True),
    Column("key_id", String(16), primary_key=True),
    Column("hmac", String(64), primary_key=True),
)
Index("ix_person_key_what_hmac", person_key.c.what, person_key.c.hmac)

scan = Table(
    "scan",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("cursor", String(80)),
    Column("position", Text),
    Column("started_at", UtcTime),
    Column("done_at", UtcTime),
)

probe = Table(
    "probe",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("value", String(120), nullable=False),
    Column("at", UtcTime, nullable=False),
)

tick = Table(
    "tick",
    metadata,
    Column("task", String(40), primary_key=True),
    Column("due", UtcTime, nullable=False),
    Column("ran_at", UtcTime),
    Column("turn", Integer, nullable=False, server_default=text("0")),
)

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("process", String(120), primary_key=True),
    Column("role", String(12), nullable=False),
    Column("at", UtcTime, nullable=False),
)

token = Table(
    "token",
    metadata,
    Column("provider", String(12), primary_key=True),
    Column("sealed", LargeBinary),
    Column("expires_at", UtcTime),
    Column("obtained_at", UtcTime),
    Column("version", Integer, nullable=False, server_default=text("0")),
    Column("attempt_at", UtcTime),
    Column("deployment", String(300)),  # PUBLIC_URL of who connected it
    Column("lease_by", String(80)),
    Column("lease_until", UtcTime),
)

ticket = Table(  # one-time secrets of the OAuth exchange (engine.connect): connect | state | …
    "ticket",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("kind", String(12), nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("sealed", LargeBinary),
)

digest_key = Table(  # the keys that this installation's digests are made with; never the keys
    "digest_key",
    metadata,
    Column("key_id", String(16), primary_key=True),
    Column("proof", String(64), nullable=False),  # keyed: tells the same key from another
    Column("since", UtcTime, nullable=False),
    Column("lost_at", UtcTime),  # an operator said that nobody has it any more
)

counter = Table(
    "counter",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("labels", String(160), primary_key=True),
    Column("value", Float, nullable=False),
)
