"""Keep who an OnCall participant is, as a person said: this patient, or nobody known.

Lines of `decision` by the participant's id; what was never asked is not in it.
"""

from datetime import datetime

from sqlalchemy import Connection, select

from sync.store.schema import decision
from sync.store.tables import decisions

SAME = "same_person"
NEW = "new_patient"
SAME_CHART = "same_chart"


def is_patient(conn: Connection, participant: str, patient: str, *, by: str, now: datetime) -> None:
    """Remember which patient a participant is; the last word counts."""
    decisions.forget(conn, SAME, participant)
    decisions.note(conn, SAME, participant, patient, by=by, now=now)


def is_new(conn: Connection, participant: str, *, by: str, now: datetime) -> None:
    """Remember that a participant is nobody known: a patient may be made, whatever the policy."""
    decisions.forget(conn, SAME, participant)
    decisions.note(conn, NEW, participant, "", by=by, now=now)


def patient_of(conn: Connection, participant: str) -> str | None:
    """The patient that a participant was said to be."""
    found: str | None = conn.execute(
        select(decision.c.b).where(decision.c.kind == SAME, decision.c.a == participant)
    ).scalar_one_or_none()
    return found


def is_merged(conn: Connection, former: str, chart: str, *, by: str, now: datetime) -> None:
    """Remember that a chart is that of the former one's patient: the two were merged."""
    decisions.note(conn, SAME_CHART, former, chart, by=by, now=now)


def is_same_chart(conn: Connection, former: str, chart: str) -> bool:
    """Whether somebody has said that two charts are of one patient."""
    row = select(decision.c.at).where(
        decision.c.kind == SAME_CHART, decision.c.a == former, decision.c.b == chart
    )
    return conn.execute(row).first() is not None


def may_be_made(conn: Connection, participant: str) -> bool:
    """Whether somebody has said that a participant is nobody known."""
    row = select(decision.c.at).where(decision.c.kind == NEW, decision.c.a == participant)
    return conn.execute(row).first() is not None
