"""Clinics that are set up once for all tests of a worker and copied for each of them.

Connecting a clinic is some thirty calls, the same for every test that starts from a connected one.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.clinic import Clinic, checked, open_clinic
from tests.sandbox_client import Sandbox

FILES = ("sync.db", "mapping.toml")


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

    @contextmanager
    def copied(
        self,
        name: str,
        home: Path,
        make: Callable[[Clinic], None] = gone_live,
        **settings: Any,
    ) -> Iterator[Clinic]:
        """A copy in `home` of the clinic that `make` makes of a connected one; on SQLite."""
        with self.unchecked(name, home, make, **settings) as clinic, checked(clinic):
            yield clinic

    @contextmanager
    def unchecked(
        self, name: str, home: Path, make: Callable[[Clinic], None], **settings: Any
    ) -> Iterator[Clinic]:
        """The same, for a test in which a permitted call may never have gone out."""
        if name not in self._patients:
            self._make(name, make, **settings)
        for file in FILES:
            shutil.copy(self._root / name / file, home / file)
        self._sandbox.restore(name)
        url = f"sqlite:///{home / FILES[0]}"
        with Clinic(self._sandbox, url, home, **settings) as clinic:
            clinic.patient = self._patients[name]
            clinic.hear()
            clinic.forget()
            yield clinic

    def _make(self, name: str, make: Callable[[Clinic], None], **settings: Any) -> None:
        home = self._root / name
        home.mkdir()
        self._sandbox.reset("empty")
        self._sandbox.behaviours("drchrono", burst_limit=None)
        url = f"sqlite:///{home / FILES[0]}"
        with open_clinic(self._sandbox, url, home, **settings) as clinic:
            make(clinic)
            self._sandbox.wait_idle()
            self._patients[name] = clinic.patient
        self._sandbox.save(name)
