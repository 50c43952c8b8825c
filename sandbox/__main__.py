"""Start the sandbox, and stop it on a signal: `python -m sandbox`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from sandbox.clock import Clock
from sandbox.control import SEEDS, Controlled
from sandbox.drchrono.remote import DrChrono
from sandbox.larger import MOST_DOCTORS
from sandbox.oncall.remote import OnCall
from sandbox.server import serve
from sandbox.state_file import StateFile
from sandbox.world import Seed


def options(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--drchrono-port", type=int, default=8101, help="0: any free port")
    parser.add_argument("--oncall-port", type=int, default=8102, help="0: any free port")
    parser.add_argument("--seed", choices=SEEDS, default="clinic")
    parser.add_argument("--seed-number", type=int, default=1)
    parser.add_argument(
        "--doctors",
        type=int,
        choices=range(1, MOST_DOCTORS + 1),
        metavar="N",
        help="a practice of as many instead of the clinic of three",
    )
    parser.add_argument(
        "--state-file", type=Path, help="keep the world here; one that is there goes on"
    )
    parser.add_argument("--ready-file", type=Path, help="written with the ports once listening")
    parser.add_argument("--ready-fd", type=int, help="the same on an open file descriptor")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Serve both remotes until SIGTERM or SIGINT."""
    chosen = options(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    clock = Clock()
    drchrono, oncall = DrChrono(clock), OnCall(clock)
    kept = StateFile(chosen.state_file, clock, (drchrono, oncall)) if chosen.state_file else None
    try:
        goes_on = kept is not None and kept.read()
    except ValueError as error:
        sys.exit(str(error))
    if not goes_on:
        for remote in (drchrono, oncall):
            remote.reset(Seed(chosen.seed, chosen.seed_number, chosen.doctors))
    if kept is not None:
        kept.start()
    servers = [
        serve(Controlled(drchrono, oncall), chosen.host, chosen.drchrono_port),
        serve(Controlled(oncall, drchrono), chosen.host, chosen.oncall_port),
    ]
    ready = {
        "host": chosen.host,
        "drchrono_port": servers[0].port,
        "oncall_port": servers[1].port,
        "drchrono_url": f"http://{chosen.host}:{servers[0].port}",
        "oncall_url": f"http://{chosen.host}:{servers[1].port}",
    }
    _tell(json.dumps(ready), chosen.ready_file, chosen.ready_fd)
    stop.wait()
    for server in servers:
        server.shutdown()
    if kept is not None:
        kept.stop()
    return 0


def _tell(ready: str, path: Path | None, descriptor: int | None) -> None:
    print(ready, flush=True)
    if path is not None:
        # Renamed into place, so that nobody reads half of it.
        draft = path.with_name(path.name + ".part")
        draft.write_text(ready)
        draft.replace(path)
    if descriptor is not None:
        os.write(descriptor, ready.encode() + b"\n")
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
