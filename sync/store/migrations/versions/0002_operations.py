"""Create the first schema's second half: what operators are told, what the service remembers.

Frozen: it says what this revision made, whatever the tables are today.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = (
    "attention",
    "conflict",
    "decision",
    "counter",
    "heartbeat",
    "installation",
    "scan",
    "probe",
    "tick",
    "throttle",
    "token",
    "ticket",
)


def upgrade() -> None:
    """Make every table, after those that it refers to."""
    _told()
    _kept()


def downgrade() -> None:
    """Drop every table; indexes go with theirs."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _told() -> None:
    """What operators are told and decide, and what is counted."""
    op.create_table(
        "attention",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("aggregate", sa.Integer(), nullable=False),
        sa.Column("object", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cause", sa.String(length=40), nullable=False),
        sa.Column("candidates", sa.JSON()),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_attention"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_attention_open",
        "attention",
        ["aggregate", "object", "cause"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "conflict",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("object", sa.Integer(), nullable=False),
        sa.Column("field", sa.String(length=20), nullable=False),
        sa.Column("how", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_conflict"),
    )
    op.create_index("ix_conflict_object", "conflict", ["object"])
    op.create_table(
        "decision",
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("a", sa.String(length=64), nullable=False),
        sa.Column("b", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=60), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "a", "b", name="pk_decision"),
    )
    op.create_table(
        "counter",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("labels", sa.String(length=160), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", "labels", name="pk_counter"),
    )
    op.create_table(
        "heartbeat",
        sa.Column("process", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=12), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("process", name="pk_heartbeat"),
    )


def _kept() -> None:
    """What the service remembers of itself and of both remotes."""
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("practice_group", sa.String(length=64)),
        sa.Column("oncall_org", sa.String(length=64)),
        sa.Column("name", sa.String(length=32)),
        sa.Column("accepted_at", sa.DateTime(timezone=True)),
        sa.Column("mapping_version", sa.String(length=64)),
        sa.PrimaryKeyConstraint("id", name="pk_installation"),
    )
    op.create_table(
        "scan",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("cursor", sa.String(length=80)),
        sa.Column("position", sa.Text()),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("name", name="pk_scan"),
    )
    op.create_table(
        "probe",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_probe"),
    )
    op.create_table(
        "tick",
        sa.Column("task", sa.String(length=40), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ran_at", sa.DateTime(timezone=True)),
        sa.Column("turn", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("task", name="pk_tick"),
    )
    op.create_table(
        "throttle",
        sa.Column("system", sa.String(length=8), nullable=False),
        sa.Column("closed_until", sa.DateTime(timezone=True)),
        sa.Column("turn", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("system", name="pk_throttle"),
    )
    op.create_table(
        "token",
        sa.Column("provider", sa.String(length=12), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("obtained_at", sa.DateTime(timezone=True)),
        sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempt_at", sa.DateTime(timezone=True)),
        sa.Column("lease_by", sa.String(length=80)),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("provider", name="pk_token"),
    )
    op.create_table(
        "ticket",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_ticket"),
    )
