"""Keep what callers said apart from what was read (ADR 0017).

Frozen: it says what this revision made, whatever the tables are today.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Rows without a trace of a read count as told; the index of people keeps who was read."""
    op.add_column(
        "object", sa.Column("told", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("object", sa.Column("shown_at", sa.DateTime(timezone=True)))
    op.add_column("object", sa.Column("fruitless_at", sa.DateTime(timezone=True)))
    op.add_column("work", sa.Column("own", sa.Boolean(), server_default=sa.false(), nullable=False))
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("object", "highest_before", type_=sa.BigInteger())
    _tables()
    op.execute(
        "UPDATE object SET told = true WHERE kind IN ('appointment', 'patient') "
        "AND remote_id IS NOT NULL AND seen_at IS NULL AND NOT marked AND NOT made_by_us "
        "AND NOT EXISTS (SELECT 1 FROM baseline WHERE baseline.object = object.id) "
        "AND NOT EXISTS (SELECT 1 FROM blocker WHERE blocker.aggregate = object.aggregate)"
    )
    op.execute("UPDATE object SET mark = NULL WHERE told")
    op.execute(
        "DELETE FROM person_key WHERE person IN "
        "(SELECT aggregate FROM object WHERE told AND kind = 'patient')"
    )
    for table in ("work", "call"):
        # A lane of its own for what was only told comes between live (0) and catch-up.
        op.execute(sa.text(f'UPDATE "{table}" SET lane = lane + 1 WHERE lane > 0'))  # noqa: S608


def downgrade() -> None:
    """Drop it with what it holds; what waits for its turn is found by the next catch-up."""
    for table in ("work", "call"):
        op.execute(sa.text(f'UPDATE "{table}" SET lane = lane - 1 WHERE lane > 0'))  # noqa: S608
    op.drop_table("bucket")
    op.drop_table("told")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("UPDATE object SET highest_before = NULL WHERE highest_before > 2147483647")
        op.alter_column("object", "highest_before", type_=sa.Integer())
    op.drop_column("work", "own")
    op.drop_column("object", "fruitless_at")
    op.drop_column("object", "shown_at")
    op.drop_column("object", "told")


def _tables() -> None:
    op.create_table(
        "told",
        sa.Column("system", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("remote_id", sa.String(length=64), nullable=False),
        sa.Column("credential", sa.String(length=40), nullable=False),
        sa.Column("what", sa.String(length=8), nullable=False),
        sa.Column("number", _NUMBER),
        sa.Column("event", sa.String(length=60), nullable=False),
        sa.Column("delivery_id", sa.String(length=80)),
        sa.Column("mark", sa.String(length=40)),
        sa.Column("key_id", sa.String(length=16)),
        sa.Column("email", sa.String(length=64)),
        sa.Column("series", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("system", "kind", "remote_id", name="pk_told"),
    )
    op.create_index("ix_told_what_due", "told", ["what", "due"])
    op.create_index("ix_told_email", "told", ["email"])
    op.create_table(
        "bucket",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("soon", sa.Float(), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_bucket"),
    )
