"""Create the first schema: aggregates, remote objects, and the records of the work on them.

Frozen: it says what this revision made, whatever the tables are today.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    "aggregate",
    "work",
    "visit",
    "person",
    "person_key",
    "blocker",
    "object",
    "object_alias",
    "attendance",
    "baseline",
    "call",
    "pending",
    "delivery",
)


def upgrade() -> None:
    """Make every table, after those that it refers to."""
    _aggregates()
    _objects()


def downgrade() -> None:
    """Drop every table; indexes go with theirs."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _where(condition: str) -> dict[str, Any]:
    """A partial index's condition, for both dialects."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _aggregates() -> None:
    """Aggregates, their work, visits and persons."""
    op.create_table(
        "aggregate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("merged_into", sa.Integer()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["merged_into"], ["aggregate.id"], name="fk_aggregate_merged_into_aggregate"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_aggregate"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "work",
        sa.Column("aggregate", sa.Integer(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_hint", sa.DateTime(timezone=True)),
        sa.Column("hint_drchrono", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("hint_oncall", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_by", sa.String(length=80)),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("fence", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rung_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["aggregate"], ["aggregate.id"], name="fk_work_aggregate_aggregate"
        ),
        sa.PrimaryKeyConstraint("aggregate", name="pk_work"),
    )
    op.create_index("ix_work_leased", "work", ["lease_until"], **_where("lease_by IS NOT NULL"))
    op.create_index("ix_work_waiting", "work", ["lane", "due"], **_where("wanted > done"))
    op.create_table(
        "visit",
        sa.Column("aggregate", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("state", sa.String(length=8), server_default="open", nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True)),
        sa.Column("doctor", sa.String(length=40)),
        sa.Column("slot_key", sa.String(length=120)),
        sa.Column("occurrence_key", sa.String(length=120)),
        sa.Column("hold_until", sa.DateTime(timezone=True)),
        sa.Column("frozen_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["aggregate"], ["aggregate.id"], name="fk_visit_aggregate_aggregate"
        ),
        sa.PrimaryKeyConstraint("aggregate", name="pk_visit"),
        sa.UniqueConstraint("occurrence_key", name="uq_visit_occurrence_key"),
    )
    op.create_index("ix_visit_starts_at", "visit", ["starts_at"])
    op.create_index(
        "uq_visit_open_slot",
        "visit",
        ["slot_key"],
        unique=True,
        **_where("slot_key IS NOT NULL AND state = 'open'"),
    )
    op.create_table(
        "person",
        sa.Column("aggregate", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("excluded", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["aggregate"], ["aggregate.id"], name="fk_person_aggregate_aggregate"
        ),
        sa.PrimaryKeyConstraint("aggregate", name="pk_person"),
    )
    op.create_table(
        "person_key",
        sa.Column("person", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("hmac", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["person"], ["aggregate.id"], name="fk_person_key_person_aggregate"
        ),
        sa.PrimaryKeyConstraint("person", "what", "key_id", "hmac", name="pk_person_key"),
    )
    op.create_index("ix_person_key_what_hmac", "person_key", ["what", "hmac"])
    op.create_table(
        "blocker",
        sa.Column("aggregate", sa.Integer(), nullable=False),
        sa.Column("object", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("ref", sa.String(length=64), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["aggregate"], ["aggregate.id"], name="fk_blocker_aggregate_aggregate"
        ),
        sa.PrimaryKeyConstraint("aggregate", "object", "kind", "ref", name="pk_blocker"),
    )
    op.create_index("ix_blocker_kind_ref", "blocker", ["kind", "ref"])


def _objects() -> None:
    """Remote objects and what hangs on them; calls and deliveries."""
    op.create_table(
        "object",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("system", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("remote_id", sa.String(length=64)),
        sa.Column("aggregate", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("create_key", sa.String(length=160)),
        sa.Column("mark", sa.String(length=40)),
        sa.Column("marked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("highest_before", sa.Integer()),
        sa.Column("looks", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True)),
        sa.Column("seen_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by_us", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("provider", sa.String(length=40)),
        sa.Column("division", sa.String(length=40)),
        sa.ForeignKeyConstraint(
            ["aggregate"], ["aggregate.id"], name="fk_object_aggregate_aggregate"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_object"),
        sa.UniqueConstraint("system", "kind", "remote_id", name="uq_object_system_kind_remote_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_object_aggregate", "object", ["aggregate"])
    op.create_index(
        "uq_object_create_key", "object", ["create_key"], unique=True, **_where("state != 'gone'")
    )
    op.create_table(
        "object_alias",
        sa.Column("system", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("remote_id", sa.String(length=64), nullable=False),
        sa.Column("object", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["object"], ["object.id"], name="fk_object_alias_object_object", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("system", "kind", "remote_id", name="pk_object_alias"),
    )
    op.create_table(
        "attendance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("life", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("appointment", sa.Integer()),
        sa.Column("participant", sa.Integer()),
        sa.Column("person", sa.Integer()),
        sa.Column("person_version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("role", sa.String(length=10), server_default="patient", nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["appointment"], ["object.id"], name="fk_attendance_appointment_object"
        ),
        sa.ForeignKeyConstraint(
            ["participant"], ["object.id"], name="fk_attendance_participant_object"
        ),
        sa.ForeignKeyConstraint(
            ["person"], ["aggregate.id"], name="fk_attendance_person_aggregate"
        ),
        sa.ForeignKeyConstraint(["visit"], ["aggregate.id"], name="fk_attendance_visit_aggregate"),
        sa.PrimaryKeyConstraint("id", name="pk_attendance"),
        sa.UniqueConstraint("participant", name="uq_attendance_participant"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_attendance_person", "attendance", ["person"])
    op.create_index("ix_attendance_visit", "attendance", ["visit"])
    op.create_index(
        "uq_attendance_current_appointment",
        "attendance",
        ["appointment"],
        unique=True,
        **_where("current"),
    )
    op.create_table(
        "baseline",
        sa.Column("object", sa.Integer(), nullable=False),
        sa.Column("field", sa.String(length=20), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("zone", sa.String(length=40)),
        sa.ForeignKeyConstraint(
            ["object"], ["object.id"], name="fk_baseline_object_object", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("object", "field", name="pk_baseline"),
    )
    op.create_table(
        "call",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("aggregate", sa.Integer()),
        sa.Column("fence", sa.Integer()),
        sa.Column("system", sa.String(length=8), nullable=False),
        sa.Column("object", sa.Integer()),
        sa.Column("method", sa.String(length=8), nullable=False),
        sa.Column("endpoint", sa.String(length=40), nullable=False),
        sa.Column("fields", sa.String(length=200), server_default="", nullable=False),
        sa.Column("effect", sa.String(length=30), server_default="", nullable=False),
        sa.Column("doctor", sa.String(length=40)),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_call"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_call_aggregate_at", "call", ["aggregate", "at"])
    op.create_index("ix_call_effect_at", "call", ["effect", "at"])
    op.create_index("ix_call_system_at", "call", ["system", "at"])
    op.create_table(
        "pending",
        sa.Column("object", sa.Integer(), nullable=False),
        sa.Column("field", sa.String(length=20), nullable=False),
        sa.Column("call", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["call"], ["call.id"], name="fk_pending_call_call", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["object"], ["object.id"], name="fk_pending_object_object", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("object", "field", "call", name="pk_pending"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("delivery_id", sa.String(length=80)),
        sa.Column("event", sa.String(length=60), nullable=False),
        sa.Column("object", sa.Integer()),
        sa.Column("mark", sa.String(length=40)),
        sa.Column("key_id", sa.String(length=16)),
        sa.Column("digests", sa.JSON()),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("explained_at", sa.DateTime(timezone=True)),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["object"], ["object.id"], name="fk_delivery_object_object", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_delivery_at", "delivery", ["at"])
    op.create_index("ix_delivery_object", "delivery", ["object"])
