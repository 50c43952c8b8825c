"""Keep what a comparison of both systems found. Frozen: it says what this revision made."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Nothing was compared yet."""
    op.create_table(
        "difference",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(length=8), nullable=False),
        sa.Column("cause", sa.String(length=24), nullable=False),
        sa.Column("drchrono", sa.String(length=64), server_default="", nullable=False),
        sa.Column("oncall", sa.String(length=64), server_default="", nullable=False),
        sa.Column("participant", sa.String(length=64), server_default="", nullable=False),
        sa.Column("fields", sa.String(length=120), server_default="", nullable=False),
        sa.Column("standing", sa.String(length=12), nullable=False),
        sa.Column("why", sa.String(length=60), server_default="", nullable=False),
        sa.Column("item", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_difference")),
        sa.UniqueConstraint(
            "what",
            "cause",
            "drchrono",
            "oncall",
            "participant",
            name=op.f("uq_difference_what_cause_drchrono_oncall_participant"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_difference_cause", "difference", ["cause", "id"])
    counts = ("different", "unlinked", "explained", "on_its_way", "meant", "undecided")
    op.create_table(
        "comparison",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("began_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in counts),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.String(length=200), server_default="", nullable=False),
        sa.Column("left_out", sa.String(length=60), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comparison")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """It is compared again by the version that knows it."""
    op.drop_table("comparison")
    op.drop_index("ix_difference_cause", table_name="difference")
    op.drop_table("difference")
