"""Define what every table is made of: times with a zone, the metadata, flags, remote numbers."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    TypeDecorator,
    false,
    literal_column,
)

# For LIMIT: so many rows, said in the statement itself. A number that is bound PostgreSQL takes for
# a tenth of all rows, and would plan the statement each time it is asked (ADR 0042).
ONE = literal_column("1", Integer)


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time on every database (SQLite has no zones, PostgreSQL answers in its own)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse naive times: which zone they mean can't be known any more."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone was about to be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give back what was stored, aware."""
        if value is None:
            return None
        stored: datetime = value
        return stored.replace(tzinfo=UTC) if stored.tzinfo is None else stored.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


# A remote's numbers may be longer than INTEGER: the door takes 18 digits. SQLite has but one sort.
REMOTE_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def flag(name: str) -> Column[bool]:
    """Build a column that says no until told otherwise."""
    return Column(name, Boolean, nullable=False, server_default=false())
