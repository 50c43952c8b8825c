"""Remember what stood in a field before a write of ours: a stale read shows it again.

Frozen: it says what this revision made, whatever the tables are today.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Calls made before this have nothing in it: what they overwrote is long past."""
    op.add_column("call", sa.Column("before", sa.JSON()))


def downgrade() -> None:
    """Drop it with what it holds."""
    op.drop_column("call", "before")
