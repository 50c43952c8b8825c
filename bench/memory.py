"""Measure what each process holds of memory, idle, and what its start costs up to its first deed.

A world as `run` makes it, with one worker and all of its clinic synced. Memory as the kernel tells
it: RSS, PSS (what is shared, divided among those who share it) and USS (what is its own). A start
is that of another web process in the same world, until it has accepted a webhook.

    python -m bench.memory --database postgresql --idle 20
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from chaos.database import Database, Postgresql, Sqlite
from cli.environment import without_settings
from cli.world.options import WorldOptions
from cli.world.ports import FREE
from cli.world.world import World

_LOOK = 0.02  # seconds
_MEGABYTES = 1 / 1024  # of the kernel's kB
_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure as the arguments say, and print one line of JSON for each process and start."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--idle", type=float, default=20, help="seconds to wait before the look")
    parser.add_argument("--rounds", type=int, default=5, help="of the start")
    asked = parser.parse_args()
    server: Database = Postgresql() if asked.database == "postgresql" else Sqlite()
    settings = {"DATABASE_URL": server.url} if server.url else {}
    options = WorldOptions(FREE, workers=1, seed="clinic", settings=settings)
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        try:
            with World(Path(place) / "world", options) as world:
                world.settle()
                time.sleep(asked.idle)
                for found in _held(world):
                    print(json.dumps({"database": asked.database, **found}), flush=True)
                begun = [_first_webhook(world) for _ in range(asked.rounds)]
                said = {key: _middle([one[key] for one in begun]) for key in begun[0]}
                print(json.dumps({"database": asked.database, "start": "web", **said}), flush=True)
        finally:
            server.close()


def _held(world: World) -> Iterator[dict[str, Any]]:
    for status in world.statuses():
        if status.name in {"redis", "sandbox"} or status.pid is None:
            continue
        for number, pid in enumerate([status.pid, *_children(status.pid)]):
            name = f"{status.name} (child)" if number else status.name
            yield {"process": name, **_memory(pid), "threads": _threads(pid)}


def _memory(pid: int) -> dict[str, float]:
    """Megabytes, of `/proc/PID/smaps_rollup` (proc(5))."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kilobytes = {
        key: int(value.split()[0]) for key, _, value in (line.partition(":") for line in lines)
    }
    return {
        "rss": round(kilobytes["Rss"] * _MEGABYTES, 1),
        "pss": round(kilobytes["Pss"] * _MEGABYTES, 1),
        "uss": round((kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]) * _MEGABYTES, 1),
    }


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for one in listed for child in one.read_text().split()]


def _threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def _processor(pid: int) -> float:
    """Seconds of processor time so far, of the process and its children that live."""
    seconds = 0.0
    for one in (pid, *_children(pid)):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        seconds += (int(fields[11]) + int(fields[12])) / _TICKS
    return seconds


def _first_webhook(world: World) -> dict[str, float]:
    """Start another web process on ports of its own; seconds until it accepted a webhook."""
    ports = FREE.chosen()
    environment = {
        **without_settings(os.environ),
        **world.environment,
        "PORT": str(ports.web),
        "OPS_PORT": str(ports.ops),
    }
    headers = {
        "X-drchrono-event": "APPOINTMENT_MODIFY",
        "X-drchrono-signature": world.environment["DRCHRONO_WEBHOOK_SECRETS"],
        "X-drchrono-delivery": "1",
    }
    known = world.control.state("drchrono")["objects"]["appointments"][0]
    begun = time.perf_counter()
    argv = [sys.executable, "-m", "cli.main", "web"]
    process = subprocess.Popen(argv, env=environment, cwd=world.files.directory)
    try:
        while not _accepted(f"http://127.0.0.1:{ports.web}/webhooks/drchrono", headers, known):
            time.sleep(_LOOK)
        return {"seconds": time.perf_counter() - begun, "processor": _processor(process.pid)}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def _accepted(url: str, headers: dict[str, str], known: dict[str, Any]) -> bool:
    try:
        return requests.post(url, json={"object": known}, headers=headers, timeout=10).ok
    except requests.ConnectionError:
        return False


def _middle(values: list[float]) -> float:
    return round(statistics.median(values), 2)


if __name__ == "__main__":
    main()
