"""Drop what was kept and never read: an attendance's role, and facts about lists.

Frozen: it says what this revision made, whatever the tables are today.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every role was `patient`; `check` wrote the facts, and nothing asked for them."""
    op.drop_column("attendance", "role")
    op.execute(
        "DELETE FROM probe WHERE name IN "
        "('bulk_page_size', 'bulk_ordered', 'drchrono_page_size', 'oncall_order')"
    )


def downgrade() -> None:
    """Everybody who attends is the patient again; the facts are learned by the next `check`."""
    role = sa.Column("role", sa.String(length=10), server_default="patient", nullable=False)
    op.add_column("attendance", role)
