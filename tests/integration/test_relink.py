"""The links are in both systems too: what markers say when the database is lost, or is behind."""

from pathlib import Path

import pytest

from tests.integration.clinic import Clinic, open_clinic
from tests.sandbox_client import Sandbox

OLD, NEW = "an-older-digest-key-of-32-bytes-or-so!", "the-newer-digest-key-of-32-bytes-too!!"


def new_database(path: Path, name: str = "empty.db") -> str:
    return f"sqlite:///{path / name}"


@pytest.mark.parametrize(("keys", "foreign"), [(f"{NEW},{OLD}", False), (NEW, True)])
def test_whose_marker_it_is_goes_by_every_digest_key(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path, keys: str, foreign: bool
) -> None:
    """A marker made with a key that is still configured is ours, in an empty database too."""
    with open_clinic(sandbox, sqlite_url, tmp_path, digest_keys=OLD) as clinic:
        clinic.new_patient()
        clinic.go_live()
        appointment, _visit = clinic.linked()
        patient = clinic.patient
    with Clinic(sandbox, new_database(tmp_path), tmp_path, digest_keys=keys) as clinic:
        clinic.connect()
        clinic.patient = patient
        clinic.edit(appointment, reason="a change, so that it is looked at")
        clinic.settle()
        assert ("foreign_marker" in clinic.attention()) is foreign
