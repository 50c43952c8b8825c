"""`diff` says that it could not tell, and why, and shows what it found until then."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sync.operations.diff.model import UNTOLD, Report
from sync.operations.diff.run import Asked, compare
from sync.run.evidence import accounts
from tests.support.clinic import Clinic, wall
from tests.support.templates import Templates

PAGE = "<html><body>We'll be right back</body></html>"
LISTS = {
    "DrChrono appointments": ("drchrono", r"^/api/appointments(_list)?$"),
    "DrChrono patients": ("drchrono", r"^/api/patients(_list)?$"),
    "OnCall visits": ("oncall", r"^/appointments/$"),
    "OnCall contacts": ("oncall", r"^/contacts/$"),
}
FAULTS: dict[str, dict[str, Any]] = {
    "fails": {"do": "status", "status": 500},
    "page": {"do": "html", "status": 200, "body": PAGE},
    "throttled": {"do": "status", "status": 429, "body": {"detail": "Request was throttled."}},
}


def told(clinic: Clinic, **asked: Any) -> Report:
    return compare(clinic.sync, Asked(again_after=0, **asked))


def _deaf(clinic: Clinic) -> None:
    for remote in ("drchrono", "oncall"):
        clinic.sandbox.faults(remote, webhooks={"mode": "drop"})


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_list_that_is_not_read_whole(clinic: Clinic, name: str, fault: str) -> None:
    clinic.linked()
    remote, path = LISTS[name]
    broken = {"match": {"path": path}, "times": None, **FAULTS[fault]}
    clinic.wire.answers = False
    clinic.sandbox.faults(remote, broken)
    report = told(clinic)
    assert report.status == UNTOLD
    assert name in {one.of for one in report.troubles}
    assert report.different == ()


def test_what_was_found_until_then_is_shown(clinic: Clinic) -> None:
    appointment, _visit = clinic.linked()
    _deaf(clinic)
    clinic.edit(appointment, duration=50)
    clinic.wire.answers = False
    clinic.sandbox.faults(
        "oncall",
        {"match": {"path": "^/contacts/$"}, "times": None, "do": "status", "status": 503},
        webhooks={"mode": "drop"},
    )
    report = told(clinic)
    assert [one.cause for one in report.different] == ["fields_differ"]
    assert report.status == UNTOLD


def test_a_budget_that_is_used_up(templates: Templates, tmp_path: Path) -> None:
    with templates.copied("clinic", tmp_path, drchrono_hourly_limit=3) as clinic:
        report = told(clinic)
    assert report.status == UNTOLD
    assert report.troubles[0].until is not None


def test_who_waits_has_everything_read(templates: Templates, tmp_path: Path) -> None:
    with templates.copied("clinic", tmp_path, drchrono_hourly_limit=3) as clinic:
        began = clinic.now()
        report = told(clinic, waits=True)
        assert (report.status, report.troubles) == (0, ())
        assert clinic.now() - began > timedelta(minutes=30)


def test_another_account_is_not_compared(clinic: Clinic) -> None:
    clinic.linked()
    clinic.advance(accounts.AGAIN.total_seconds() + 1)
    clinic.sandbox.behaviours("oncall", key_of="another")
    report = told(clinic)
    assert (report.status, report.found) == (UNTOLD, ())
    assert [one.code for one in report.troubles] == ["wrong_account"]


def test_a_mapping_that_can_t_be_used(clinic: Clinic) -> None:
    clinic.settings.mapping_file.write_text("[doctors")
    report = told(clinic)
    assert [one.code for one in report.troubles] == ["mapping_unusable"]
    assert report.status == UNTOLD


def test_a_list_that_says_too_little_is_read_by_id_and_only_so_often(clinic: Clinic) -> None:
    appointment, visit = clinic.linked()
    clinic.linked(scheduled_time=wall(days=5))
    clinic.sandbox.behaviours("oncall", status_on_list=False)
    _deaf(clinic)
    clinic.edit(appointment, status="Cancelled")
    report = told(clinic)
    assert [(one.cause, one.oncall) for one in report.different] == [("state_differs", visit)]
    assert report.undecided == ()
    clinic.edit(appointment, status="")
    report = told(clinic, reads=1)
    assert [one.why for one in report.undecided] == ["not_told"]
    assert report.status == UNTOLD
