"""Keep in a work item's row what its claim was given, so that one statement claims.

Frozen: it says what this revision made, whatever the tables are today.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What is claimed at this moment is not known in it, and not asked for either."""
    op.add_column("work", sa.Column("claimed", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    """Drop it: the earlier version reads the row before it claims."""
    op.drop_column("work", "claimed")
