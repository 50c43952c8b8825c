"""Define the audit: who did what, when and by which door. Rows are added, never changed."""

from sqlalchemy import Column, ForeignKey, Index, String, Table

from sync.store.schema.base import REMOTE_NUMBER, UtcTime, metadata

audit = Table(
    "audit",
    metadata,
    Column("seq", REMOTE_NUMBER, primary_key=True, autoincrement=False),  # 1, 2, 3 without a gap
    Column("at", UtcTime, nullable=False),
    Column("kind", String(8), nullable=False),  # operator | user | staff | service
    Column("actor", String(80), nullable=False),
    Column("door", String(8), nullable=False),
    Column("action", String(30), nullable=False),
    Column("subjects", String(400), nullable=False),  # `kind:id`, by blanks
    Column("fields", String(200), nullable=False),  # names, by commas
    Column("outcome", String(64), nullable=False),
    Column("request", String(40), nullable=False),  # as in the log lines of the request
    Column("key_id", String(16), nullable=False),
    Column("previous", String(64), nullable=False),  # the MAC of the row before; empty in the first
    Column("mac", String(64), nullable=False),
)
Index("ix_audit_at", audit.c.at)

# Where each subject of a deed is found again, of ten million rows too. The database fills it itself
# as rows of `audit` are added (a trigger of migration 0018): a deed is still one INSERT. It is no
# part of the chain: what proves the audit is `audit` alone.
audit_subject = Table(
    "audit_subject",
    metadata,
    Column("named", String(80), primary_key=True),  # what stands after the first colon
    Column("kind", String(80), primary_key=True),
    Column("seq", ForeignKey("audit.seq", ondelete="CASCADE"), primary_key=True),
    sqlite_with_rowid=False,
)
Index("ix_audit_subject_seq", audit_subject.c.seq)  # for what goes when `audit` is pruned
