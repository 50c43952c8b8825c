"""Define the tables of what is brought in together: batches, their items, files that wait.

What a file says is personal: it is in `sealed` columns alone, under a key of the batch, and is gone
when the batch is over or a day old (docs/adr/0037-batches.md).
"""

from sqlalchemy import (
    JSON,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    text,
)

from sync.store.schema.base import UtcTime, metadata

batch = Table(
    "batch",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("aggregate", ForeignKey("aggregate.id"), nullable=False, unique=True),  # its work item
    Column("kind", String(24), nullable=False),  # sync.core.batch.model.Kind
    Column("state", String(12), nullable=False),  # sync.core.batch.model.State
    Column("by", String(80), nullable=False),  # who opened it
    Column("options", JSON, nullable=False),  # columns, formats, since, doctor: nothing personal
    Column("cursor", JSON(none_as_null=True)),  # how far planning or the work came
    Column("total", Integer),  # items, once that is known
    Column("read", Integer, nullable=False, server_default=text("0")),  # lines or records so far
    Column("cause", String(40)),  # why it failed, or what it waits for
    Column("waits_until", UtcTime),
    Column("sealed_key", LargeBinary),  # the key of what is sealed; null: nothing is, any more
    Column("opened_at", UtcTime, nullable=False),
    Column("planned_at", UtcTime),
    Column("started_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("drop_at", UtcTime),  # when what is sealed goes
    sqlite_autoincrement=True,
)
Index("ix_batch_state", batch.c.state)

batch_item = Table(
    "batch_item",
    metadata,
    Column("batch", ForeignKey("batch.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),  # the line of the file, or the place in the list
    Column("sealed", LargeBinary),  # the cells of its line
    Column("key", String(64)),  # keyed digest of who or what it is: one line of each is done
    Column("mailbox", String(64)),  # keyed digest of its e-mail: how many lines share it
    Column("fate", String(16)),  # sync.core.batch.model.Fate; null until planned
    Column("outcome", String(16)),  # sync.core.batch.model.Outcome; null until it is over
    Column("cause", String(40)),  # of a problem or a question
    Column("column", Integer),  # the column of the file that the problem is in, from 0
    Column("fields", JSON(none_as_null=True)),  # names of what would be or was updated
    Column("candidates", JSON(none_as_null=True)),  # remote ids of who or what it may be
    Column("source_id", String(64)),  # the record's id in the system that it comes from
    Column("remote_id", String(64)),  # what there is of it in the other system
    Column("doctor", String(40)),  # DrChrono's id of the doctor
    Column("subject", Integer),  # the person's or visit's aggregate
    Column("due", UtcTime),  # null: at once
    Column("tries", Integer, nullable=False, server_default=text("0")),  # times it was begun
    Column("failures", Integer, nullable=False, server_default=text("0")),
)
Index("ix_batch_item_outcome", batch_item.c.batch, batch_item.c.outcome, batch_item.c.due,
      batch_item.c.number)  # fmt: skip
Index("ix_batch_item_fate", batch_item.c.batch, batch_item.c.fate, batch_item.c.number)
Index("ix_batch_item_key", batch_item.c.batch, batch_item.c.key)
Index("ix_batch_item_mailbox", batch_item.c.batch, batch_item.c.mailbox)

batch_chunk = Table(
    "batch_chunk",
    metadata,
    Column("batch", ForeignKey("batch.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

header_choice = Table(
    "header_choice",
    metadata,
    Column("headers", String(64), primary_key=True),  # digest of the kind and the columns' names
    Column("columns", JSON, nullable=False),  # name of the column → field
    Column("at", UtcTime, nullable=False),
)
