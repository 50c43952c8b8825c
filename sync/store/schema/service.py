"""Define the service's own tables: accounts, keys, secrets, ticks, scans and facts."""

from sqlalchemy import Column, Float, Integer, LargeBinary, String, Table, Text, text

from sync.store.schema.base import UtcTime, metadata

installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True),  # one row, id 1
    Column("practice_group", String(64)),
    Column("oncall_org", String(64)),
    Column("name", String(32)),  # derived from both accounts and the digest key
    Column("accepted_at", UtcTime),  # since when creating is allowed (going live)
    Column("mapping_version", String(64)),
    Column("oncall_proof", String(80)),  # keyed: tells the OnCall key that was found right
)

scan = Table(
    "scan",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("cursor", String(80)),
    Column("position", Text),
    Column("started_at", UtcTime),
    Column("done_at", UtcTime),
)

probe = Table(
    "probe",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("value", String(120), nullable=False),
    Column("at", UtcTime, nullable=False),
)

tick = Table(
    "tick",
    metadata,
    Column("task", String(40), primary_key=True),
    Column("due", UtcTime, nullable=False),
    Column("ran_at", UtcTime),
    Column("turn", Integer, nullable=False, server_default=text("0")),
)

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("process", String(120), primary_key=True),
    Column("role", String(12), nullable=False),
    Column("at", UtcTime, nullable=False),
)

token = Table(
    "token",
    metadata,
    Column("provider", String(12), primary_key=True),
    Column("sealed", LargeBinary),
    Column("expires_at", UtcTime),
    Column("obtained_at", UtcTime),
    Column("version", Integer, nullable=False, server_default=text("0")),
    Column("attempt_at", UtcTime),
    Column("deployment", String(300)),  # PUBLIC_URL of who connected it
    Column("lease_by", String(80)),
    Column("lease_until", UtcTime),
)

ticket = Table(  # one-time secrets of the OAuth exchange (engine.connect): connect | state | …
    "ticket",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("kind", String(12), nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("sealed", LargeBinary),
)

digest_key = Table(  # the keys that this installation's digests are made with; never the keys
    "digest_key",
    metadata,
    Column("key_id", String(16), primary_key=True),
    Column("proof", String(64), nullable=False),  # keyed: tells the same key from another
    Column("since", UtcTime, nullable=False),
    Column("lost_at", UtcTime),  # an operator said that nobody has it any more
)

counter = Table(
    "counter",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("labels", String(160), primary_key=True),
    Column("value", Float, nullable=False),
)
