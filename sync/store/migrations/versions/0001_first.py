"""The first schema: every table of `sync.store.schema`.

Until the first release the schema has one step; from then on each change is a file of its own.
"""

from alembic import op

from sync.store.schema import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table."""
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    """Drop every table."""
    metadata.drop_all(op.get_bind())
