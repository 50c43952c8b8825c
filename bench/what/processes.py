"""Measure what each process holds, and how soon after its start the door accepts a webhook."""

import os
import socket
import threading
import time
from pathlib import Path

from bench.clinic import Clinic
from bench.figures import Figure
from bench.sizes import Sizes

_NAMES = ("web", "worker-1", "beat")
_REST = 2.0  # seconds in which a fresh process comes to rest
_KB = 1024  # of /proc, in a MB
_TICKS = os.sysconf("SC_CLK_TCK")
_GOALS = {"worker-1, idle": "≤ 80"}


def processes(clinic: Clinic, sizes: Sizes) -> list[Figure]:
    """Start the processes anew, look at them idle, drain some changes, and look again."""
    clinic.drained()
    clinic.staffed(workers=0, beats=0, webs=0)
    started = [_first_accepted(clinic) for _ in range(sizes.rounds)]
    name = "start to the first accepted webhook"
    clinic.staffed(workers=1)
    time.sleep(_REST)
    held = {"idle": _held(clinic)}
    visits = clinic.visits[: sizes.at_once]
    for _ in range(sizes.rounds):
        with clinic.untold():
            clinic.move(visits)
        clinic.tell(clinic.webhooks(visits))
        clinic.drained()
    held[f"after {sizes.rounds * len(visits)} changes"] = _held(clinic)
    figures = [
        Figure(
            f"memory of {name}, {when}",
            clinic.database,
            "",
            [memory["rss_mb"]],
            _GOALS.get(f"{name}, {when}", ""),
            "MB",
            {key: round(value, 1) for key, value in memory.items()},
        )
        for when, every in held.items()
        for name, memory in every.items()
    ]
    return [
        Figure(name, clinic.database, "", [seconds for seconds, _ in started], "", "s"),
        Figure(f"{name}, of processor", clinic.database, "", [own for _, own in started], "", "s"),
        *figures,
    ]


def _first_accepted(clinic: Clinic) -> tuple[float, float]:
    """Stop the web process and start it; gives seconds until it accepts a webhook, its work too."""
    (told,) = clinic.webhooks(clinic.visits[:1])
    clinic.staffed(workers=0, beats=0, webs=0)
    begun = time.monotonic()
    starting = threading.Thread(target=lambda: clinic.staffed(workers=0, beats=0))
    starting.start()
    while not _accepted(clinic.world.ports.web, told):
        time.sleep(0.01)
    took = time.monotonic() - begun
    starting.join()
    (web,) = (status.pid for status in clinic.world.statuses() if status.name == "web")
    return took, sum(map(_processor, _with_children(web or 0)))


def _accepted(port: int, request: bytes) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            line.sendall(request)
            return line.recv(65536)[9:10] == b"2"
    except OSError:
        return False


def _held(clinic: Clinic) -> dict[str, dict[str, float]]:
    """The memory of each process in MB: of gunicorn's two that which answers, the larger one."""
    found = {}
    for status in clinic.world.statuses():
        if status.name in _NAMES and status.pid is not None:
            every = [_memory(pid) for pid in _with_children(status.pid)]
            largest = max(every, key=lambda one: one["rss_mb"])
            found[status.name] = largest | {"pss_mb_of_all": sum(one["pss_mb"] for one in every)}
    return found


def _with_children(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _with_children(int(child)))]


def _processor(pid: int) -> float:
    """Seconds of processor time so far (proc(5): fields 14 and 15 are its own)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory(pid: int) -> dict[str, float]:
    """What is resident, what of it is shared out, and what would be free if it ended (proc(5))."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    held = {name: int(size.split()[0]) / _KB for name, _, size in (x.partition(":") for x in lines)}
    own = held["Private_Clean"] + held["Private_Dirty"]
    return {"rss_mb": held["Rss"], "pss_mb": held["Pss"], "uss_mb": own}
