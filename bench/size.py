"""Measure the dear deeds at size: calls, processor time and memory, over the sandbox.

    python -m bench.size --patients 10000 --visits 50000 diff
    python -m bench.size --rows 100000 import

Each deed runs in a process of its own, whose peak of memory is the deed's; the sandbox counts the
calls. No budget holds here: what a deed's calls are of 500 an hour is worked out from their number.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from bench import size_deeds
from sync.assemble import build
from sync.config import Settings
from tests.support.clinic import Clinic
from tests.support.sandbox_client import Sandbox

NO_LIMIT: Final = 10_000_000
HOURLY: Final = 500


def main() -> None:
    """Set up one world, and print a line of JSON for each deed."""
    asked = argparse.ArgumentParser()
    asked.add_argument("what", choices=[*size_deeds.RUNS, "child"])
    asked.add_argument("--patients", type=int, default=10_000)
    asked.add_argument("--visits", type=int, default=50_000)
    asked.add_argument("--rows", type=int, default=10_000)
    asked.add_argument("--some", type=int, default=200, help="Items that are done, of a batch")
    asked.add_argument("--settings", type=Path)
    asked.add_argument("--deed", default="")
    told = asked.parse_args()
    if told.what == "child":
        _child(told)
    else:
        _parent(told)


def _parent(told: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name, Sandbox(seed="empty") as sandbox:
        home = Path(name)
        sandbox.behaviours("drchrono", burst_limit=None, hourly_limit=NO_LIMIT)
        url = f"sqlite:///{home / 'sync.db'}"
        limits: Any = {"drchrono_hourly_limit": NO_LIMIT, "drchrono_burst_limit": NO_LIMIT}
        with Clinic(sandbox, url, home, **limits) as clinic:
            clinic.connect()
            clinic.new_patient()
            clinic.go_live()
            for deed in size_deeds.RUNS[told.what]:
                deed.before(clinic, told)
                print(json.dumps(_measured(clinic, told, home, deed.name)), flush=True)


def _measured(clinic: Clinic, told: argparse.Namespace, home: Path, deed: str) -> dict[str, Any]:
    """One deed in a process of its own."""
    settings = home / "settings.json"
    settings.write_text(json.dumps(clinic.values, default=str))
    given = ["--patients", told.patients, "--visits", told.visits, "--rows", told.rows]
    given += ["--some", told.some, "--settings", settings, "--deed", deed]
    clinic.forget()
    began = time.monotonic()
    command = [sys.executable, "-m", "bench.size", "child", *map(str, given)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    calls = {remote: Counter(clinic.calls(remote)) for remote in ("drchrono", "oncall")}
    found = {remote: sum(counted.values()) for remote, counted in calls.items()}
    return {
        "deed": deed,
        "patients": told.patients,
        "visits": told.visits,
        **json.loads(said.splitlines()[-1]),
        **found,
        "minutes_of_500": round(found["drchrono"] * 60 / HOURLY, 1),
        "wall_seconds": round(time.monotonic() - began, 1),
        "which": {remote: dict(counted.most_common(6)) for remote, counted in calls.items()},
    }


def _child(told: argparse.Namespace) -> None:
    values = json.loads(told.settings.read_text())
    sync = build(Settings(_env_file=None, **values), owner="bench", pause=lambda _seconds: None)  # type: ignore[call-arg]
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.monotonic()
    said = size_deeds.DEEDS[told.deed](sync, told)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        json.dumps(
            {
                "cpu_seconds": round(cpu, 1),
                "deed_seconds": round(time.monotonic() - began, 1),
                "megabytes_before": round(before.ru_maxrss / 1024),
                "megabytes": round(after.ru_maxrss / 1024),
                "told": said,
            }
        )
    )
    sync.close()


if __name__ == "__main__":
    main()
