"""Say in a column that several attendances may share a visit; the slot key said it before.

Frozen: it says what this revision made, whatever the tables are today.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Set it where the slot key is a group's, of visits that are over too."""
    op.add_column(
        "visit", sa.Column("shared", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.execute("UPDATE visit SET shared = true WHERE slot_key LIKE 'group:%'")


def downgrade() -> None:
    """Drop it; a group that has no slot key is taken for a visit of one from then on."""
    op.drop_column("visit", "shared")
