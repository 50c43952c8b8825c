"""Plan and work off a backfill as workers do, and tell what came of its items."""

from datetime import date
from types import SimpleNamespace
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


class KilledError(BaseException):
    """The process is gone."""


def killed_again_and_again(clinic: Clinic, number: int) -> int:
    """Work on a batch that is killed at its every call in turn, then until it is over; how often.

    Before the call went out, or after it was answered: in turn, too. An hour of that would be told.
    """
    wire = clinic.sync.gate._wire
    kills, at = 0, 0
    while kills < 16 and state(clinic, number) is not State.DONE:
        seen, at = [0], at % 8 + 1
        after = bool(kills % 2)

        def send(request: Any, seen: list[int] = seen, at: int = at, *, late: bool = after) -> Any:
            seen[0] += 1
            if seen[0] == at and not late:
                raise KilledError
            answer = wire.send(request)
            if seen[0] == at:
                raise KilledError
            return answer

        clinic.sync.gate._wire = SimpleNamespace(send=send)  # type: ignore[assignment]
        try:
            clinic.pump()
        except KilledError:
            kills += 1
        clinic.sync.gate._wire = wire
        clinic.sandbox.wait_idle()
        clinic.advance(clinic.settings.lease_seconds + 61)
    over(clinic, number)
    return kills


def people(clinic: Clinic, count: int, **changes: Any) -> list[str]:
    """Charts of people who have no visit; their ids."""
    made = []
    for number in range(count):
        who = {"first_name": "Ada", "last_name": f"Berg{chr(97 + number)}"}
        made.append(clinic.new_patient(**{**who, "email": f"ada{number}@mail.example", **changes}))
    return [str(one) for one in made]
