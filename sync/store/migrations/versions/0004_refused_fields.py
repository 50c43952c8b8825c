"""Remember which optional fields of an object a remote refused, until the value changes.

Frozen: it says what this revision made, whatever the tables are today.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is remembered yet: what is refused is told the next time."""
    op.create_table(
        "refused_field",
        sa.Column("object", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["object"], ["object.id"], name="fk_refused_field_object_object", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("object", "name", name="pk_refused_field"),
    )


def downgrade() -> None:
    """Drop it with what it holds."""
    op.drop_table("refused_field")
