"""Note who paused. Frozen: it says what this revision made, whatever the tables are today."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of what is paused already the audit says who did."""
    with op.batch_alter_table("pause") as batch:
        batch.add_column(sa.Column("by", sa.String(length=80), nullable=False, server_default=""))


def downgrade() -> None:
    """The audit keeps it."""
    with op.batch_alter_table("pause") as batch:
        batch.drop_column("by")
