"""Make the operations pages' tables. Frozen: it says what this revision made."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def _time(name: str, *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Nobody is signed in, and nothing was sampled yet."""
    op.create_table(
        "operator",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("password", sa.String(length=200), nullable=False),
        sa.Column("totp", sa.LargeBinary(), nullable=False),
        sa.Column("totp_step", sa.BigInteger(), nullable=True),
        _time("made_at"),
        _time("disabled_at", nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_operator")),
    )
    op.create_table(
        "session",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("operator", sa.String(length=80), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("way", sa.String(length=8), nullable=False),
        _time("created_at"),
        _time("seen_at"),
        _time("ends_at"),
        _time("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_session")),
    )
    op.create_index("ix_session_operator", "session", ["operator"])
    op.create_table(
        "failed_sign_in",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        _time("until"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_failed_sign_in")),
    )
    op.create_table(
        "sample",
        _time("at"),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("oldest_seconds", sa.Float(), nullable=False),
        sa.Column("parked", sa.Integer(), nullable=False),
        sa.Column("attention", sa.Integer(), nullable=False),
        sa.Column("drchrono_left", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("at", name=op.f("pk_sample")),
    )


def downgrade() -> None:
    """Everybody is signed out, and the operators are forgotten."""
    for table in ("sample", "failed_sign_in", "session", "operator"):
        op.drop_table(table)
