"""Measure the service on this machine: each figure against what it can be compared with.

Every figure is taken in turn with its floor, in rounds; the table shows the median and, in
brackets, the spread. Nothing leaves the machine: both remotes are the sandbox.

Examples:
  python -m bench                                   everything on both databases, some minutes
  python -m bench --only door idle --database sqlite
  python -m bench --small                           whether it works at all; its times mean nothing
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
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.clinic import a_clinic
from bench.figures import Figure
from bench.sizes import FULL, SMALL, Sizes
from bench.table import table
from bench.what.every import DEFAULT, WHAT

DATABASES: Final = ("sqlite", "postgresql")


def main() -> None:
    """Measure as the arguments say; exit code 1 when a figure could not be taken."""
    asked = _arguments()
    sizes = SMALL if asked.small else FULL
    if asked.rounds:
        sizes = replace(sizes, rounds=asked.rounds, late_rounds=asked.rounds)
    figures: list[Figure] = []
    failed = False
    for database in DATABASES if asked.database is None else (asked.database,):
        names = [name for name in WHAT if name in (asked.only or DEFAULT)]
        failed |= not _measured(database, names, sizes, figures)
    if figures:
        print(table(figures))
    asked.json.write_text(json.dumps(_file(figures, asked.small), indent=1) + "\n")
    sys.exit(failed)


def _measured(database: str, names: list[str], sizes: Sizes, into: list[Figure]) -> bool:
    """Take these figures at a clinic of their own; whether all of them could be."""
    well, begun = True, time.monotonic()
    _say(f"{database}: a clinic with {sizes.visits} visits …")
    with a_clinic(database, sizes.visits, max(sizes.processes)) as clinic:
        _say(f"{database}: a clinic with {sizes.visits} visits, {time.monotonic() - begun:.0f} s")
        for name in names:
            begun = time.monotonic()
            try:
                into += WHAT[name](clinic, sizes)
            except Exception:  # noqa: BLE001 - the figures that were taken are shown all the same
                traceback.print_exc()
                well = False
            _say(f"{database}: {name}, {time.monotonic() - begun:.0f} s")
    return well


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
        f"  {name:<10} {(what.__doc__ or '').splitlines()[0]}\n" for name, what in WHAT.items()
    )
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=told,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", choices=tuple(WHAT), metavar="WHAT", default=[])
    parser.add_argument("--database", choices=DATABASES, help="this one alone")
    parser.add_argument("--rounds", type=int, help="of each figure")
    parser.add_argument("--small", action="store_true", help="sizes that show whether it works")
    parser.add_argument(
        "--json", type=Path, default=Path("bench.json"), metavar="FILE", help="(bench.json)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
