"""Plan a file of so many made-up patients over the sandbox: seconds, and the peak of memory.

`python -m bench.lines 100000` says what taking it in, planning it and writing its result cost.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

from sync.batches import showing, steering
from sync.core.batch.model import Kind, State
from sync.tasks import driving
from tests.support.batches.imports import HEADERS, line
from tests.support.clinic import PROVIDER, Clinic, open_clinic
from tests.support.sandbox_client import Sandbox


def main() -> None:
    """Measure a file of as many lines as were named."""
    count = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as home, Sandbox(seed="empty") as sandbox:
        path = Path(home)
        sandbox.reset("empty")
        sandbox.behaviours("drchrono", burst_limit=None)
        with (path / "patients.csv").open("w") as out:
            for cells in (HEADERS, *map(line, range(count))):
                out.write(",".join(cells) + "\r\n")
        with open_clinic(sandbox, f"sqlite:///{path / 'sync.db'}", path) as clinic:
            clinic.new_patient()
            clinic.go_live()
            told("before", time.monotonic(), time.process_time())
            measure(clinic, path / "patients.csv")


def measure(clinic: Clinic, path: Path) -> None:
    """Take the file in, plan it, write its result; say what each came to."""
    began, worked = time.monotonic(), time.process_time()
    with path.open("rb") as file:
        batch = steering.open_file(clinic.sync, Kind.IMPORT_PATIENTS, file)
    told("taken in", began, worked)
    chosen = showing.columns(clinic.sync, batch).chosen
    steering.choose(clinic.sync, batch, chosen, provider=PROVIDER)
    driving.drive(clinic.sync, batch, frozenset({State.PLANNED}))
    told("planned", began, worked)
    for _piece in showing.result(clinic.sync, batch):
        pass
    told("result written", began, worked)


def told(what: str, began: float, worked: float) -> None:
    """Say how long it took, what of it the processor worked, and the most memory so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds, processor = time.monotonic() - began, time.process_time() - worked
    sys.stdout.write(f"{what}: {seconds:.1f} s, {processor:.1f} s of processor, {peak:.0f} MB\n")


if __name__ == "__main__":
    main()
