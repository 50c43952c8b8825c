"""Ask why one of a group, or one day of a series, isn't there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.operations.why.answer import Answer
from sync.operations.why.ask import why
from sync.operations.why.facts import Kind
from tests.integration.visits.test_syncs_recurring import WEEK, series
from tests.support import group_clinic
from tests.support.clinic import ZONE, Clinic, utc
from tests.support.templates import Templates


def ask(
    clinic: Clinic, remote_id: str, *, calls: tuple[int, int], kind: Kind = "appointment"
) -> Answer:
    clinic.forget()
    answer = why(clinic.sync, kind, remote_id)
    assert (len(clinic.calls("drchrono")), len(clinic.calls("oncall"))) == calls, answer
    assert clinic.writes() == []
    return answer


@pytest.fixture
def groups(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    with group_clinic.a_clinic_with_groups(templates, tmp_path) as opened:
        yield opened


def test_each_member_of_a_group_has_an_answer_of_their_own(groups: Clinic) -> None:
    people, members, visit = group_clinic.booked(groups, 3)
    without = groups.new_patient(first_name="Ada", email="")
    lacking = group_clinic.book(groups, without)
    groups.settle()
    there = ask(groups, members[0], calls=(1, 1))
    assert (there.cause, there.subject["oncall-appointment"]) == ("there", visit)
    missing = ask(groups, lacking, calls=(2, 0))
    assert (missing.cause, missing.item is not None) == ("patient_without_email", True)
    whole = ask(groups, visit, kind="oncall-appointment", calls=(0, 1))
    assert whole.cause == "there"
    groups.edit(members[1], status="Cancelled")
    assert ask(groups, members[1], calls=(1, 1)).cause == "being_carried"
    groups.settle()
    assert ask(groups, members[1], calls=(1, 1)).cause == "cancelled"
    assert ask(groups, members[2], calls=(1, 1)).cause == "there"
    shown = groups.visit(visit)["participants"]
    theirs = next(one for one in shown if not one["cancelled"] and one["first_name"] == "Ines")
    groups.sandbox.staff_oncall("PATCH", f"/participants/{theirs['id']}/", {"cancelled": True})
    assert ask(groups, members[2], calls=(1, 1)).cause == "cancelled_there"
    assert len(people) == 3


def test_a_series_and_its_days(clinic: Clinic) -> None:
    first = utc(days=3).astimezone(ZONE)
    days = series(clinic, recur_end_date=f"{first + 12 * WEEK:%Y-%m-%d}")
    clinic.settle()
    base = days[0].partition("_")[2]
    assert ask(clinic, base, calls=(1, 0)).cause == "series_base"
    assert ask(clinic, days[0], calls=(1, 1)).cause == "there"
    far = ask(clinic, f"{first + 11 * WEEK:%Y-%m-%d}_{base}", calls=(1, 0))
    assert (far.cause, far.until is not None) == ("beyond_window", True)
