"""Make the pauses. Frozen: it says what this revision made, whatever the tables are today."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is paused."""
    op.create_table(
        "pause",
        sa.Column("what", sa.String(length=60), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("what", name=op.f("pk_pause")),
    )


def downgrade() -> None:
    """What was paused goes on: the earlier version knows no pauses."""
    op.execute("DELETE FROM blocker WHERE kind = 'pause'")
    op.drop_table("pause")
