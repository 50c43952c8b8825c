"""Find what a record is about: a deed's subjects, an object's calls, what was asked and merged.

Frozen: it says what this revision made, whatever the tables are today.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# `kind:named kind:named …`, split at blanks and at the first colon of each.
_SQLITE_SUBJECTS = """
    SELECT substr(part.value, instr(part.value, ':') + 1, 80),
           substr(part.value, 1, min(80, instr(part.value, ':') - 1)), {row}.seq
    FROM {source} json_each('[' || replace(json_quote({row}.subjects), ' ', '","') || ']') AS part
    WHERE instr(part.value, ':') > 1
"""
_POSTGRESQL_SUBJECTS = """
    SELECT substr(part, strpos(part, ':') + 1, 80),
           substr(part, 1, least(80, strpos(part, ':') - 1)), {row}.seq
    FROM {source} unnest(string_to_array({row}.subjects, ' ')) AS part
    WHERE strpos(part, ':') > 1
"""
_SQLITE = (
    "INSERT OR IGNORE INTO audit_subject (named, kind, seq)"
    + _SQLITE_SUBJECTS.format(row="audit", source="audit,"),
    "CREATE TRIGGER audit_subjects AFTER INSERT ON audit BEGIN "
    "INSERT OR IGNORE INTO audit_subject (named, kind, seq)"
    + _SQLITE_SUBJECTS.format(row="NEW", source="")
    + "; END",
)
_ON_POSTGRESQL = (
    "CREATE TRIGGER audit_subjects AFTER INSERT ON audit "
    "FOR EACH ROW EXECUTE FUNCTION note_audit_subjects()"
)
_POSTGRESQL = (
    "INSERT INTO audit_subject (named, kind, seq)"
    + _POSTGRESQL_SUBJECTS.format(row="audit", source="audit,")
    + " ON CONFLICT DO NOTHING",
    "CREATE FUNCTION note_audit_subjects() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN "
    "INSERT INTO audit_subject (named, kind, seq)"
    + _POSTGRESQL_SUBJECTS.format(row="NEW", source="")
    + " ON CONFLICT DO NOTHING; RETURN NULL; END $body$",
    _ON_POSTGRESQL,
)


def upgrade() -> None:
    """The subjects of the rows that stand are noted too."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "audit_subject",
        sa.Column("named", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("seq", number, nullable=False),
        sa.PrimaryKeyConstraint("named", "kind", "seq", name=op.f("pk_audit_subject")),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["audit.seq"],
            name=op.f("fk_audit_subject_seq_audit"),
            ondelete="CASCADE",
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_audit_subject_seq", "audit_subject", ["seq"])
    here = _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE
    for statement in here:
        op.execute(sa.text(statement.replace(":", "\\:")))
    writes = sa.text("object IS NOT NULL")
    op.create_index(
        "ix_call_object_at",
        "call",
        ["object", "at"],
        sqlite_where=writes,
        postgresql_where=writes,
    )
    merged = sa.text("merged_into IS NOT NULL")
    op.create_index(
        "ix_aggregate_merged_into",
        "aggregate",
        ["merged_into"],
        sqlite_where=merged,
        postgresql_where=merged,
    )
    op.create_index("ix_attention_aggregate", "attention", ["aggregate"])
    op.create_index("ix_conflict_at", "conflict", ["at"])


def downgrade() -> None:
    """The audit itself stays as it is."""
    op.drop_index("ix_conflict_at", table_name="conflict")
    op.drop_index("ix_attention_aggregate", table_name="attention")
    op.drop_index("ix_aggregate_merged_into", table_name="aggregate")
    op.drop_index("ix_call_object_at", table_name="call")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER audit_subjects ON audit")
        op.execute("DROP FUNCTION note_audit_subjects()")
    else:
        op.execute("DROP TRIGGER audit_subjects")
    op.drop_table("audit_subject")
