"""Store what shows that a process belongs to this database: its keys, who connected.

Frozen: it says what this revision made, whatever the tables are today.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The keys are written down by the first process that starts with all that the rows need."""
    op.create_table(
        "digest_key",
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("proof", sa.String(length=64), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lost_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("key_id", name="pk_digest_key"),
    )
    op.add_column("installation", sa.Column("oncall_proof", sa.String(length=80)))
    op.add_column("token", sa.Column("deployment", sa.String(length=300)))
    op.add_column("object", sa.Column("marker_key", sa.String(length=16)))


def downgrade() -> None:
    """Drop them with what they hold."""
    op.drop_column("object", "marker_key")
    op.drop_column("token", "deployment")
    op.drop_column("installation", "oncall_proof")
    op.drop_table("digest_key")
