"""Invariant 5, nothing personal at rest: database and logs after a tour with planted words."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from sync import log as logs
from sync.operations.why.ask import why
from sync.operations.why.day import of_day
from sync.store.schema import metadata
from tests.support import canary
from tests.support.clinic import DOCTOR, Clinic, open_clinic, utc
from tests.support.matrix import tour
from tests.support.sandbox_client import Sandbox

# What the tour and its people are called; each is nowhere else, and none is there by chance.
PLANTED = (
    "Lindqvist",
    "Holmgren",
    "Ottokar",
    "Bergander",
    "vera@mail.example",
    "vera.holm@mail.example",
    "otto@mail.example",
    "mail.example",
    "1984-05-06",
    "555-0147",
    "5550147",
    "a reason that nobody may read",
    "a note that nobody may read",
)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What a process of ours writes at LOG_LEVEL=DEBUG."""
    root, told = logging.getLogger(), io.StringIO()
    before = (root.handlers[:], root.level)
    logs.configure("DEBUG", role="test", stream=told)
    yield told
    structlog.reset_defaults()
    root.handlers[:], _ = before
    root.setLevel(before[1])


def test_after_a_tour(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path, logged: io.StringIO
) -> None:
    sandbox.behaviours("drchrono", bulk_polls=0)
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        clinic.new_patient()
        clinic.go_live()
        appointment = clinic.book(
            patient=clinic.patient,
            reason="a reason that nobody may read",
            notes="a note that nobody may read",
        )
        clinic.edit_patient(clinic.patient, email="")
        clinic.settle()
        clinic.edit_patient(clinic.patient, email="vera@mail.example")
        clinic.settle()
        clinic.edit(appointment, status="Cancelled")
        clinic.settle()
        clinic.forget()
        tour(clinic)
        answers = [
            why(clinic.sync, "appointment", one["id"])
            for one in clinic.of("drchrono", "appointments")
        ]
        answers.append(why(clinic.sync, "patient", str(clinic.patient)))
        day = of_day(clinic.sync, str(DOCTOR), utc(days=3).date())
        said = "\n".join(repr(one.as_dict()) for one in answers) + repr(day)
        rows = _rows(clinic)
        files = b"".join(path.read_bytes() for path in tmp_path.glob("sync.db*"))
    assert '"outcome": "raised"' in logged.getvalue()
    assert min(map(len, PLANTED)) >= canary.SHORTEST
    found = [
        (word, place)
        for word in PLANTED
        for place in _places(word, f"{rows}\n{said}", files, logged.getvalue())
    ]
    assert found == []


def _rows(clinic: Clinic) -> str:
    with clinic.sync.store.read() as conn:
        return "\n".join(
            f"{table.name}: {row}"
            for table in metadata.sorted_tables
            for row in conn.execute(table.select())
        )


def _places(word: str, rows: str, files: bytes, printed: str) -> list[str]:
    return [
        *(line for line in rows.splitlines() if word.casefold() in line.casefold()),
        *(["the database file"] if word.encode().lower() in files.lower() else []),
        *(line for line in printed.splitlines() if word.casefold() in line.casefold()),
    ]
