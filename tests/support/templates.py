"""Set up a clinic once for all tests of a test worker, and copy it for each of them.

Connecting a clinic is some thirty calls, the same for every test that starts from a connected one.
"""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.clinic import Clinic, checked, open_clinic
from tests.support.sandbox_client import Sandbox
from tests.support.servers import postgres

# For a test whose `clinic` is to stand on each database in turn, where locks, races, integers or
# upserts decide.
on_both = pytest.mark.parametrize("clinic", ["sqlite", "postgresql"], indirect=True)
DATABASE, MAPPING = "sync.db", "mapping.toml"
FRESH = 300.0  # seconds; half of what a proof of an account lasts


def gone_live(clinic: Clinic) -> None:
    """One patient, and the matching of what is there is done."""
    clinic.new_patient()
    clinic.go_live()


class Templates:
    """The clinics of one sandbox process, by name; they lie in directories below `root`."""

    def __init__(self, sandbox: Sandbox, root: Path) -> None:
        self._sandbox = sandbox
        self._root = root
        self._patients: dict[str, int] = {}
        self._since = time.monotonic()
        self._stand: dict[str, tuple[Any, timedelta]] = {}

    @contextmanager
    def copied(
        self,
        name: str,
        home: Path,
        make: Callable[[Clinic], object] = gone_live,
        server: str | None = None,
        **settings: Any,
    ) -> Iterator[Clinic]:
        """A copy in `home` of the clinic that `make` makes of a connected one.

        What `make` returns is the copy's `stands`; then its clock is as late as that of the first.
        It is on SQLite, or on the PostgreSQL whose socket lies in the directory `server`.
        """
        with (
            self.unchecked(name, home, make, server, **settings) as clinic,
            checked(clinic),
        ):
            yield clinic

    @contextmanager
    def unchecked(
        self,
        name: str,
        home: Path,
        make: Callable[[Clinic], object],
        server: str | None = None,
        **settings: Any,
    ) -> Iterator[Clinic]:
        """The same, for a test in which a permitted call may never have gone out."""
        key = self._fresh(f"{name} on PostgreSQL" if server else name)
        if key not in self._patients:
            self._make(key, make, server, **settings)
        shutil.copy(self._root / key / MAPPING, home / MAPPING)
        self._sandbox.restore(key)
        with (
            self._database(key, home, server) as url,
            # Migrated it is: to find that anew takes a fifth of the time of a copy.
            Clinic(self._sandbox, url, home, migrate=False, **settings) as clinic,
        ):
            clinic.patient = self._patients[key]
            clinic.stands, passed = self._stand[key]
            # What returns nothing leaves the copy the real clock.
            clinic.offset = passed if clinic.stands is not None else timedelta(0)
            clinic.hear()
            clinic.forget()
            yield clinic

    def _fresh(self, name: str) -> str:
        """The key of a template: of a new one where the last was made some minutes ago.

        A copy has the real clock, so what a template has read and proven is as old as it is.
        """
        age = int((time.monotonic() - self._since) // FRESH)
        return f"{name} {age}"

    def _make(
        self, key: str, make: Callable[[Clinic], object], server: str | None, **settings: Any
    ) -> None:
        home = self._root / key
        home.mkdir()
        self._sandbox.reset("empty")
        self._sandbox.behaviours("drchrono", burst_limit=None)
        url = postgres.create(server, _named(key)) if server else f"sqlite:///{home / DATABASE}"
        with open_clinic(self._sandbox, url, home, **settings) as clinic:
            self._stand[key] = make(clinic), clinic.offset
            self._sandbox.wait_idle()
            self._patients[key] = clinic.patient
        self._sandbox.save(key)

    @contextmanager
    def _database(self, key: str, home: Path, server: str | None) -> Iterator[str]:
        if server is None:
            shutil.copy(self._root / key / DATABASE, home / DATABASE)
            yield f"sqlite:///{home / DATABASE}"
            return
        with postgres.fresh(server, template=_named(key)) as url:
            yield url


def _named(key: str) -> str:
    """The database of a template, by a word that PostgreSQL takes."""
    return "template_of_" + re.sub(r"\W", "_", key.lower())
