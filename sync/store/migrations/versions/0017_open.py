"""Index the open items by number. Frozen: it says what this revision made."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of an item that is closed nothing is listed or counted."""
    is_open = sa.text("closed_at IS NULL")
    op.create_index(
        "ix_attention_open",
        "attention",
        ["id", "cause"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )


def downgrade() -> None:
    """The version before reads all of them."""
    op.drop_index("ix_attention_open", "attention")
