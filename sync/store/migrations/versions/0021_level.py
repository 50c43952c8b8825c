"""Keep what is asked often level with the years. Frozen: it says what this revision made."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_WRITE = "effect != ''"
_CHANGE = "effect != '' AND effect != 'marker'"
_OPEN = "state = 'open'"

# SQLite has no statistics unless it is told to make some, and takes each first column of an index
# for a good one: it read all objects of a system for each visit. So it is told how a database of
# some years looks (https://sqlite.org/optoverview.html, "Manual control of query plans using
# SQLITE_STAT tables"): rows, then how many of them share the first column, the first two and so on.
_STATISTICS = (
    ("aggregate", None, "2200000"),
    ("aggregate", "ix_aggregate_merged_into", "1000000 1"),
    ("attendance", "ix_attendance_appointment", "1000000 1"),
    ("attendance", "ix_attendance_person", "1000000 5"),
    ("attendance", "ix_attendance_visit", "1000000 1"),
    ("attendance", "sqlite_autoindex_attendance_1", "1000000 1"),
    ("attendance", "uq_attendance_current_appointment", "1000000 1"),
    ("attention", "ix_attention_aggregate", "100000 2"),
    ("attention", "ix_attention_open", "100 1 1"),
    ("attention", "uq_attention_open", "100 2 1 1"),
    ("audit", "ix_audit_at", "1000000 1"),
    ("audit_subject", "audit_subject", "2000000 3 2 1"),
    ("audit_subject", "ix_audit_subject_seq", "2000000 2"),
    ("baseline", "sqlite_autoindex_baseline_1", "17000000 6 1"),
    ("blocker", "ix_blocker_kind_ref", "200 40 4"),
    ("blocker", "sqlite_autoindex_blocker_1", "200 2 1 1 1"),
    ("call", "ix_call_aggregate_at", "10000000 10 1"),
    ("call", "ix_call_changed", "1500000 750000 1"),
    ("call", "ix_call_effect_at", "3000000 300000 1"),
    ("call", "ix_call_object_at", "3000000 3 1"),
    ("call", "ix_call_system_at", "10000000 5000000 1"),
    ("conflict", "ix_conflict_at", "100000 1"),
    ("conflict", "ix_conflict_object", "100000 2"),
    ("delivery", "ix_delivery_object", "2500000 3"),
    ("delivery", "ix_delivery_source_at", "2500000 1250000 1"),
    ("object", "ix_object_aggregate", "3400000 3"),
    ("object", "ix_object_number", "2000000 1000000 500000 1"),
    ("object", "ix_object_told", "20 1"),
    ("object", "sqlite_autoindex_object_1", "3400000 1700000 700000 1"),
    ("object", "uq_object_create_key", "1400000 1"),
    ("object_alias", "ix_object_alias_object", "1000 1"),
    ("object_alias", "sqlite_autoindex_object_alias_1", "1000 500 300 1"),
    ("pending", "sqlite_autoindex_pending_1", "20 5 2 1"),
    ("person", None, "200000"),
    ("person_key", "ix_person_key_key_id", "1000000 1000000"),
    ("person_key", "ix_person_key_what_hmac", "1000000 200000 1"),
    ("person_key", "sqlite_autoindex_person_key_1", "1000000 5 1 1 1"),
    ("told", "ix_told_what_due", "100 50 1"),
    ("told", "sqlite_autoindex_told_1", "100 50 50 1"),
    ("visit", "ix_visit_held", "20 1"),
    ("visit", "ix_visit_open_starts", "5000 2"),
    ("visit", "ix_visit_starts_at", "2000000 2"),
    ("visit", "sqlite_autoindex_visit_1", "2000000 1"),
    ("visit", "uq_visit_open_slot", "5000 1"),
    ("work", None, "2200000"),
    ("work", "ix_work_leased", "8 1"),
    ("work", "ix_work_waiting", "50 20 1"),
)


def upgrade() -> None:
    """Visits that ended in another are closed, as they are each hour from now on."""
    op.execute(
        "UPDATE visit SET state = 'closed' WHERE state = 'open' AND starts_at IS NULL AND "
        "EXISTS (SELECT 1 FROM aggregate WHERE id = visit.aggregate AND merged_into IS NOT NULL)"
    )
    op.create_index("ix_visit_open_starts", "visit", ["starts_at"], **_where(_OPEN))
    op.create_index("ix_visit_held", "visit", ["hold_until"], **_where("hold_until IS NOT NULL"))
    told = "told" if op.get_bind().dialect.name == "postgresql" else "told = 1"
    op.create_index("ix_object_told", "object", ["looked_at"], **_where(told))
    op.create_index(
        "ix_object_number",
        "object",
        ["system", sa.text("length(remote_id)"), "remote_id"],
        **_where("kind = 'appointment'"),
    )
    op.create_index("ix_object_alias_object", "object_alias", ["object"])
    op.create_index("ix_attendance_appointment", "attendance", ["appointment"])
    op.create_index("ix_person_key_key_id", "person_key", ["key_id"])
    op.drop_index("ix_delivery_at", table_name="delivery")
    op.create_index("ix_delivery_source_at", "delivery", ["source", "at"])
    # Most calls read: of these nobody asks by their effect, which is none.
    op.drop_index("ix_call_effect_at", table_name="call")
    op.create_index("ix_call_effect_at", "call", ["effect", "at"], **_where(_WRITE))
    op.create_index("ix_call_changed", "call", ["system", "at"], **_where(_CHANGE))
    if op.get_bind().dialect.name == "sqlite":
        op.execute("ANALYZE sqlite_master")  # makes the table of statistics, with nothing in it
        table = sa.table("sqlite_stat1", sa.column("tbl"), sa.column("idx"), sa.column("stat"))
        op.execute(sa.delete(table))
        names = ("tbl", "idx", "stat")
        rows = [dict(zip(names, row, strict=True)) for row in _STATISTICS]
        op.get_bind().execute(sa.insert(table), rows)
        op.execute("ANALYZE sqlite_master")  # has them be read


def downgrade() -> None:
    """The version before asks without these."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DELETE FROM sqlite_stat1")
        op.execute("ANALYZE sqlite_master")
    op.drop_index("ix_call_changed", table_name="call")
    op.drop_index("ix_call_effect_at", table_name="call")
    op.create_index("ix_call_effect_at", "call", ["effect", "at"])
    op.drop_index("ix_delivery_source_at", table_name="delivery")
    op.create_index("ix_delivery_at", "delivery", ["at"])
    op.drop_index("ix_person_key_key_id", table_name="person_key")
    op.drop_index("ix_attendance_appointment", table_name="attendance")
    op.drop_index("ix_object_alias_object", table_name="object_alias")
    op.drop_index("ix_object_number", table_name="object")
    op.drop_index("ix_object_told", table_name="object")
    op.drop_index("ix_visit_held", table_name="visit")
    op.drop_index("ix_visit_open_starts", table_name="visit")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
