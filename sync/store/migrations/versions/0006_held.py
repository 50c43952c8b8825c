"""Store what a one-time secret of the OAuth exchange holds, sealed.

Frozen: it says what this revision made, whatever the tables are today.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """An address made before this holds nothing: it is good for an exchange all the same."""
    op.add_column("ticket", sa.Column("sealed", sa.LargeBinary()))


def downgrade() -> None:
    """Drop it with what it holds."""
    op.drop_column("ticket", "sealed")
