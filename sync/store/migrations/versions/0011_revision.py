"""Name DrChrono's `updated_at` a revision, and say of an object that it has our marker.

`mark`, `marker` and `marked` were taken for each other. Frozen: it says what this revision made,
whatever the tables are today.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("object", "mark", "revision"),
    ("object", "marked", "has_marker"),
    ("delivery", "mark", "revision"),
    ("told", "mark", "revision"),
)


def upgrade() -> None:
    """Both databases rename a column without touching a row, and its indexes with it."""
    for table, old, new in _COLUMNS:
        op.alter_column(table, old, new_column_name=new)


def downgrade() -> None:
    """The names of before."""
    for table, old, new in _COLUMNS:
        op.alter_column(table, new, new_column_name=old)
