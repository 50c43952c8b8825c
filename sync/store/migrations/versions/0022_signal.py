"""Keep when a thing that may be waited for changed. Frozen: it says what this revision made."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)

# As 0021 says how a database of some years looks.
_STATISTICS = (
    ("signal", "ix_signal_at", "1000 1"),
    ("signal", "sqlite_autoindex_signal_1", "1000 200 1"),
)


def upgrade() -> None:
    """One row for each thing that changed within the last hour, and when each item's run ended."""
    op.create_table(
        "signal",
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("ref", sa.String(64), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("kind", "ref", name=op.f("pk_signal")),
    )
    op.create_index("ix_signal_at", "signal", ["at"])
    op.add_column("work", sa.Column("ended_at", _TIME))
    if op.get_bind().dialect.name == "sqlite":
        table = sa.table("sqlite_stat1", sa.column("tbl"), sa.column("idx"), sa.column("stat"))
        names = ("tbl", "idx", "stat")
        rows = [dict(zip(names, row, strict=True)) for row in _STATISTICS]
        op.get_bind().execute(sa.insert(table), rows)
        op.execute("ANALYZE sqlite_master")  # has them be read


def downgrade() -> None:
    """The version before keeps neither."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DELETE FROM sqlite_stat1 WHERE tbl = 'signal'")
        op.execute("ANALYZE sqlite_master")
    op.drop_column("work", "ended_at")
    op.drop_index("ix_signal_at", table_name="signal")
    op.drop_table("signal")
