"""Plan and work off a backfill as workers do, and tell what came of its items."""

from datetime import date
from typing import Any

from sync.batches import showing, steering
from sync.core.batch.model import Kind, State
from sync.store.batches import rows
from sync.tasks import worker
from tests.support.clinic import Clinic

PATIENTS, APPOINTMENTS = Kind.BACKFILL_PATIENTS, Kind.BACKFILL_APPOINTMENTS


def planned(clinic: Clinic, kind: Kind = PATIENTS, **options: Any) -> int:
    """A backfill that was planned; calls are counted from here."""
    clinic.advance(120)  # what webhooks have said by now, the list shows
    since = options.pop("since", None)
    day = date.fromisoformat(since) if since else None
    number, _rings = steering.open_backfill(clinic.sync, kind, since=day, **options)
    clinic.settle()
    assert state(clinic, number) is State.PLANNED, showing.show(clinic.sync, number)
    return number


def done(clinic: Clinic, number: int) -> int:
    """Start it, and work until it is over."""
    steering.start(clinic.sync, number)
    over(clinic, number)
    return number


def over(clinic: Clinic, number: int) -> None:
    """Work until it is over, whatever it waits for."""
    clinic.settle()
    assert state(clinic, number) is State.DONE, showing.show(clinic.sync, number)


def state(clinic: Clinic, number: int) -> State:
    return showing.show(clinic.sync, number).state


def fates(clinic: Clinic, number: int) -> dict[str, str]:
    """What is to become of each: by the record's id, the fate or its cause."""
    found = showing.items(clinic.sync, number, limit=1000)
    return {str(one.source_id): one.cause or str(one.fate) for one in found}


def outcomes(clinic: Clinic, number: int) -> dict[str, str]:
    """What became of each: by the record's id, the outcome or its cause."""
    found = showing.items(clinic.sync, number, limit=1000)
    return {str(one.source_id): one.cause or str(one.outcome) for one in found}


def slice_of(clinic: Clinic, number: int) -> None:
    """Run the batch once, as a worker does; nothing else."""
    with clinic.sync.store.read() as conn:
        row = rows.get(conn, number)
    assert row is not None
    worker.run(clinic.sync, row.aggregate)


def people(clinic: Clinic, count: int, **changes: Any) -> list[str]:
    """Charts of people who have no visit; their ids."""
    made = []
    for number in range(count):
        who = {"first_name": "Ada", "last_name": f"Berg{chr(97 + number)}"}
        made.append(clinic.new_patient(**{**who, "email": f"ada{number}@mail.example", **changes}))
    return [str(one) for one in made]
