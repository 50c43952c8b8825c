"""Measure the service on this machine: each figure against what it can be compared with.

Every figure is taken in turn with its floor, in rounds; the table shows the median and, in
brackets, the spread. Nothing leaves the machine: both remotes are the sandbox.

Examples:
  python -m bench                         everything on both databases, some minutes
  python -m bench --only door idle --database sqlite
  python -m bench --small                 whether it works at all; its times mean nothing
  python -m bench --rounds 5 --json after.json

Figures:
"""

import argparse
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from bench.clinic import a_clinic
from bench.figures import Figure
from bench.sizes import FULL, SMALL, Sizes
from bench.table import table
from bench.what.every import ALONE, DEFAULT, WHAT

DATABASES: Final = ("sqlite", "postgresql")


def main() -> None:
    """Measure as the arguments say; exit code 1 when a figure could not be taken."""
    asked = _arguments()
    sizes = SMALL if asked.small else FULL
    if asked.rounds:
        sizes = replace(sizes, rounds=asked.rounds, late_rounds=asked.rounds)
    taking = Taking()
    for database in DATABASES if asked.database is None else (asked.database,):
        _of(database, asked.only or DEFAULT, sizes, taking)
    if taking.figures:
        print(table(taking.figures))
    asked.json.write_text(json.dumps(_file(taking.figures, asked.small), indent=1) + "\n")
    sys.exit(not taking.well)


class Taking:
    """The figures so far; one that can't be taken is told of, and the others are taken."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []
        self.well = True

    def take(self, name: str, measure: Callable[[], list[Figure]]) -> None:
        """Take some and say so."""
        begun = time.monotonic()
        try:
            self.figures += measure()
        except Exception:  # noqa: BLE001 - of any kind: what was taken in minutes is not lost
            traceback.print_exc()
            self.well = False
        _say(f"{name}, {time.monotonic() - begun:.0f} s")


def _of(database: str, names: Sequence[str], sizes: Sizes, taking: Taking) -> None:
    """Take what is named on one database, most of it at one clinic."""
    at_clinic = [name for name in WHAT if name in names]
    if at_clinic:
        begun = time.monotonic()
        _say(f"{database}: a clinic with {sizes.visits} visits …")
        with a_clinic(database, sizes.visits, max(sizes.processes)) as clinic:
            _say(f"{database}: the clinic is there, {time.monotonic() - begun:.0f} s")
            for name in at_clinic:
                taking.take(f"{database}: {name}", partial(WHAT[name], clinic, sizes))
    for name in ALONE:
        if name in names:
            taking.take(f"{database}: {name}", partial(ALONE[name], database, sizes))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _file(figures: list[Figure], small: bool) -> dict[str, object]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "small": small,
        "figures": [one.as_json() for one in figures],
    }


def _arguments() -> argparse.Namespace:
    told = (__doc__ or "") + "".join(
        f"  {name:<10} {(what.__doc__ or '').splitlines()[0]}\n"
        for name, what in {**WHAT, **ALONE}.items()
    )
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=told,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", choices=(*WHAT, *ALONE), metavar="WHAT", default=[])
    parser.add_argument("--database", choices=DATABASES, help="this one alone")
    parser.add_argument("--rounds", type=int, help="of each figure")
    parser.add_argument("--small", action="store_true", help="sizes that show whether it works")
    parser.add_argument(
        "--json", type=Path, default=Path("bench.json"), metavar="FILE", help="(bench.json)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
