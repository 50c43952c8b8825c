"""Hold what a process loads at its start to what it needs: it is memory of each, and time of each.

A process of each kind is begun in a fresh interpreter, up to its first look at a setting.
"""

import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PROGRAM = "cli.main", "cli.world.processes"  # as the Procfile begins each of them
STARTS = {
    "worker": (*PROGRAM, "workers.entry"),
    "beat": (*PROGRAM, "workers.beat"),
    "web": ("service.wsgi", "service.server.gunicorn_worker", "service.server.gunicorn_log"),
    "command": ("cli.main",),
}
# Each with whoever loads it when it is needed.
OF_NOBODY = {
    "alembic": "who migrates (sync.store.migrations.running)",
    "sqlalchemy.orm": "nobody: statements are written with Core",
    "psycopg": "SQLAlchemy, where the database is PostgreSQL",
    "clevercsv": "who finds a file's delimiter (sync.sheets.files.dialect)",
    "python_calamine": "who reads a workbook (sync.sheets.files.workbook)",
    "phonenumbers": "who reads a typed number (sync.core.readings)",
    "apprise": "who has alerts sent by it (the extra `alerts`)",
    "sandbox": "nobody: it is a process of its own",
}
OF_THE_DOOR = {
    "flask": "the door",
    "gunicorn": "the door",
    "authlib": "the door, where operators sign in by OpenID",
    "service": "the door",
}
OF_BATCHES = {
    "sync.sheets": "who is asked of a batch of a file",
    "sync.batches.kinds.import_patients": "who is asked of a batch of this kind",
    "sync.batches.record": "who is asked of a batch of the record",
}
OF_THE_BEAT = {
    "sync.tasks.schedule": "the beat",
    "sync.operations": "whoever asks or decides, and the beat, which tells them",
    "sync.matching": "the beat",
}
OF_PROCESSES = {
    "rq": "workers, and who rings them",
    "requests": "who calls a remote",
    "cryptography.fernet": "who opens what is sealed",
    "sync.store.database": "who has a database to ask",
}
NEEDS_NOT = {
    "worker": OF_NOBODY | OF_THE_DOOR | OF_BATCHES | OF_THE_BEAT,
    "beat": OF_NOBODY | OF_THE_DOOR | OF_BATCHES,
    "web": OF_NOBODY | {"sync.tasks.schedule": "the beat", "workers.entry": "the worker"},
    "command": OF_NOBODY | OF_THE_DOOR | OF_BATCHES | OF_THE_BEAT | OF_PROCESSES,
}


@lru_cache
def loaded(start: str) -> frozenset[str]:
    code = f"import sys, {', '.join(STARTS[start])}; print(*sys.modules, sep='\\n')"
    said = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=TOP,
        # A tool that measures what tests reach would be loaded into every process of theirs.
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
    )
    return frozenset(said.stdout.split())


@pytest.mark.parametrize("start", STARTS)
def test_a_process_loads_nothing_that_only_others_need(start: str) -> None:
    found = loaded(start)
    assert set(STARTS[start]) <= found
    assert {name: who for name, who in NEEDS_NOT[start].items() if name in found} == {}


def test_the_collector_looks_at_nothing_that_was_there_at_the_start() -> None:
    told = (
        "import gc, workers.entry; from sync import assemble; gc.collect();"
        "before = len(gc.get_objects()); assemble.set_aside();"
        "print(before, len(gc.get_objects()), gc.isenabled())"
    )
    out = subprocess.run(
        [sys.executable, "-c", told], cwd=TOP, capture_output=True, text=True, check=True
    ).stdout.split()
    before, after = map(int, out[:2])
    assert before > 50_000
    assert after < before / 100
    assert out[2] == "True"
