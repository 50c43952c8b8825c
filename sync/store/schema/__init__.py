"""Define the tables, in one place. The words are those of docs/glossary.md.

Nothing personal is in any column: ids, start times, digests, field names and words of status only;
and sealed, for a day at the most, what a file says that is brought in (`batches`).
"""

from sync.store.schema.alerts import alert
from sync.store.schema.audit import audit, audit_subject
from sync.store.schema.base import ONE, UtcTime, metadata
from sync.store.schema.batches import batch, batch_chunk, batch_item, header_choice
from sync.store.schema.calls import (
    IS_CHANGE,
    IS_WRITE,
    baseline,
    call,
    pending,
    refused_field,
    throttle,
)
from sync.store.schema.compared import comparison, difference
from sync.store.schema.hints import bucket, delivery, told
from sync.store.schema.links import (
    IS_APPOINTMENT,
    IS_OPEN,
    LENGTH,
    aggregate,
    attendance,
    object_,
    object_alias,
    person,
    person_key,
    visit,
)
from sync.store.schema.operators import failed_sign_in, operator, sample, session
from sync.store.schema.queue import attention, blocker, conflict, decision, pause, signal, work
from sync.store.schema.service import (
    counter,
    digest_key,
    heartbeat,
    installation,
    probe,
    scan,
    tick,
    ticket,
    token,
)

__all__ = [
    "IS_APPOINTMENT",
    "IS_CHANGE",
    "IS_OPEN",
    "IS_WRITE",
    "LENGTH",
    "ONE",
    "UtcTime",
    "aggregate",
    "alert",
    "attendance",
    "attention",
    "audit",
    "audit_subject",
    "baseline",
    "batch",
    "batch_chunk",
    "batch_item",
    "blocker",
    "bucket",
    "call",
    "comparison",
    "conflict",
    "counter",
    "decision",
    "delivery",
    "difference",
    "digest_key",
    "failed_sign_in",
    "header_choice",
    "heartbeat",
    "installation",
    "metadata",
    "object_",
    "object_alias",
    "operator",
    "pause",
    "pending",
    "person",
    "person_key",
    "probe",
    "refused_field",
    "sample",
    "scan",
    "session",
    "signal",
    "throttle",
    "tick",
    "ticket",
    "token",
    "told",
    "visit",
    "work",
]
