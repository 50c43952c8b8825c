"""Define the tables of the queue: what is to be looked at, what waits, whom to ask."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, String, Table, text

from sync.store.schema.base import UtcTime, flag, metadata

work = Table(
    "work",
    metadata,
    Column("aggregate", ForeignKey("aggregate.id"), primary_key=True),
    Column("wanted", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("lane", Integer, nullable=False),  # 0 live, 1 told, 2 catchup, 3 bulk
    Column("due", UtcTime, nullable=False),
    Column("first_hint", UtcTime),  # of the round that waits; null from claim to next hint
    flag("hint_drchrono"),
    flag("hint_oncall"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("lease_by", String(80)),
    Column("lease_until", UtcTime),
    Column("fence", Integer, nullable=False, server_default=text("0")),
    Column("rung_at", UtcTime),
    flag("own"),  # we ask for DrChrono's side ourselves in this round: no body explains that
    # What the last claim was told: 1 DrChrono's side, 2 OnCall's, 4 asked for by ourselves.
    Column("claimed", Integer, nullable=False, server_default=text("0")),
    Column("ended_at", UtcTime),  # when a run last came to its end, and not to a wait
)
Index("ix_work_waiting", work.c.lane, work.c.due, sqlite_where=work.c.wanted > work.c.done,
      postgresql_where=work.c.wanted > work.c.done)  # fmt: skip
Index("ix_work_leased", work.c.lease_until, sqlite_where=work.c.lease_by.is_not(None),
      postgresql_where=work.c.lease_by.is_not(None))  # fmt: skip

pause = Table(  # what is held back on an operator's word
    "pause",
    metadata,
    Column(
        "what", String(60), primary_key=True
    ),  # everything | drchrono | oncall | lane:N | doctor:ID
    Column("until", UtcTime),  # null: until somebody resumes it
    Column("at", UtcTime, nullable=False),
    Column("by", String(80), nullable=False, server_default=""),  # an operator's name
)

blocker = Table(
    "blocker",
    metadata,
    Column("aggregate", ForeignKey("aggregate.id"), primary_key=True),
    Column("object", Integer, primary_key=True),  # 0: the aggregate as a whole
    Column("kind", String(12), primary_key=True),  # patient | mapping | visit | auth | operator
    Column("ref", String(64), primary_key=True),
    Column("since", UtcTime, nullable=False),  # when the run began that found it waits
)
Index("ix_blocker_kind_ref", blocker.c.kind, blocker.c.ref)

signal = Table(  # when a thing changed: for whoever had looked before, and parked after that
    "signal",
    metadata,
    Column("kind", String(12), primary_key=True),  # as in `blocker`
    Column("ref", String(64), primary_key=True),  # "": everything of the kind
    Column("at", UtcTime, nullable=False),
)
Index("ix_signal_at", signal.c.at)

attention = Table(
    "attention",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("aggregate", Integer, nullable=False),  # 0: the whole service
    Column("object", Integer, nullable=False, server_default=text("0")),
    Column("cause", String(40), nullable=False),
    Column("candidates", JSON),  # ids and field names only
    Column("opened_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
    sqlite_autoincrement=True,
)
Index("uq_attention_open", attention.c.aggregate, attention.c.object, attention.c.cause,
      unique=True, sqlite_where=attention.c.closed_at.is_(None),
      postgresql_where=attention.c.closed_at.is_(None))  # fmt: skip
# What is open is few among what was ever asked: lists and counts by cause read this alone.
Index("ix_attention_open", attention.c.id, attention.c.cause,
      sqlite_where=attention.c.closed_at.is_(None),
      postgresql_where=attention.c.closed_at.is_(None))  # fmt: skip

Index("ix_attention_aggregate", attention.c.aggregate)

conflict = Table(
    "conflict",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("object", Integer, nullable=False, index=True),
    Column("field", String(20), nullable=False),
    Column("how", String(20), nullable=False),
    Column("at", UtcTime, nullable=False, index=True),
)

decision = Table(
    "decision",
    metadata,
    Column("kind", String(12), primary_key=True),  # never_pair | exclude | keep | release
    Column("a", String(64), primary_key=True),
    Column("b", String(64), primary_key=True),
    Column("by", String(60), nullable=False),
    Column("at", UtcTime, nullable=False),
)
