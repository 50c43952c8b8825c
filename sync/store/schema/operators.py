"""Define the tables of the operations pages: operators, sessions, sign-ins, samples."""

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, String, Table

from sync.store.schema.base import UtcTime, metadata

operator = Table(  # those whose password is kept here; OpenID Connect's have no row
    "operator",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("role", String(8), nullable=False),  # viewer | operator | admin
    Column("password", String(200), nullable=False),  # argon2's own form
    Column("totp", LargeBinary, nullable=False),  # the secret of the codes, sealed
    Column("totp_step", BigInteger),  # the newest code that was used: none is used twice
    Column("made_at", UtcTime, nullable=False),
    Column("disabled_at", UtcTime),
)

session = Table(  # somebody who is signed in; the id itself is in their cookie alone
    "session",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("operator", String(80), nullable=False, index=True),
    Column("role", String(8), nullable=False),
    Column("way", String(8), nullable=False),  # password | openid | link
    Column("created_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
)

failed_sign_in = Table(  # by a digest of name and network: what was typed is not kept
    "failed_sign_in",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("until", UtcTime, nullable=False),  # the next try is refused before
)

sample = Table(  # how it stood each minute of the last days, for the chart
    "sample",
    metadata,
    Column("at", UtcTime, primary_key=True),
    Column("waiting", Integer, nullable=False),
    Column("oldest_seconds", Float, nullable=False),
    Column("parked", Integer, nullable=False),
    Column("attention", Integer, nullable=False),
    Column("drchrono_left", Integer),
)
