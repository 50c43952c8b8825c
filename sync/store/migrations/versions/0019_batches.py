"""Keep what is brought in together: batches, their items, files that wait, columns' names.

Frozen: it says what this revision made, whatever the tables are today.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Four tables."""
    op.create_table(
        "batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("aggregate", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("cursor", sa.JSON(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("read", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cause", sa.String(length=40), nullable=True),
        sa.Column("waits_until", _TIME, nullable=True),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=True),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("planned_at", _TIME, nullable=True),
        sa.Column("started_at", _TIME, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("drop_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["aggregate"], ["aggregate.id"], name=op.f("fk_batch_aggregate_aggregate")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
        sa.UniqueConstraint("aggregate", name=op.f("uq_batch_aggregate")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_batch_state", "batch", ["state"])
    op.create_table(
        "batch_item",
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("key", sa.String(length=64), nullable=True),
        sa.Column("mailbox", sa.String(length=64), nullable=True),
        sa.Column("fate", sa.String(length=16), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("cause", sa.String(length=40), nullable=True),
        sa.Column("column", sa.Integer(), nullable=True),
        sa.Column("fields", sa.JSON(), nullable=True),
        sa.Column("candidates", sa.JSON(), nullable=True),
        sa.Column("source_id", sa.String(length=64), nullable=True),
        sa.Column("remote_id", sa.String(length=64), nullable=True),
        sa.Column("doctor", sa.String(length=40), nullable=True),
        sa.Column("subject", sa.Integer(), nullable=True),
        sa.Column("due", _TIME, nullable=True),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch"], ["batch.id"], name=op.f("fk_batch_item_batch_batch"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("batch", "number", name=op.f("pk_batch_item")),
    )
    op.create_index("ix_batch_item_outcome", "batch_item", ["batch", "outcome", "due", "number"])
    op.create_index("ix_batch_item_fate", "batch_item", ["batch", "fate", "number"])
    op.create_index("ix_batch_item_key", "batch_item", ["batch", "key"])
    op.create_index("ix_batch_item_mailbox", "batch_item", ["batch", "mailbox"])
    op.create_table(
        "batch_chunk",
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch"], ["batch.id"], name=op.f("fk_batch_chunk_batch_batch"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("batch", "number", name=op.f("pk_batch_chunk")),
    )
    op.create_table(
        "header_choice",
        sa.Column("headers", sa.String(length=64), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("headers", name=op.f("pk_header_choice")),
    )


def downgrade() -> None:
    """What is brought in is forgotten; what it made stays."""
    op.drop_table("header_choice")
    op.drop_table("batch_chunk")
    op.drop_table("batch_item")
    op.drop_table("batch")
