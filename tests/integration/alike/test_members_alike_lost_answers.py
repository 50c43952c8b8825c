"""A member's create whose answer was lost, and somebody who edits either side before it is found.

As of a visit of one (ADR 0013): what was sent is the baseline of what is found, the edit is
carried, and nobody is asked.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.store.tables import facts
from tests.support.agreement import agree
from tests.support.clinic import Clinic
from tests.support.flows import here, name_of, other_of, slot, there
from tests.support.group_clinic import a_clinic_with_groups, open_names, participant
from tests.support.templates import Templates

# Whether the made object's own webhook brings it, with our marker, or only a look finds it.
FOUND = pytest.mark.parametrize("webhooks", ["deliver", "drop"], ids=["webhook", "looked_for"])
# Whether it is the first appointment of its visit, or the others' stand.
WHICH = pytest.mark.parametrize("which", ["first", "third"])
LOST = {"match": {"method": "POST", "path": "/appointments/?$"}, "do": "drop_after"}
THIRD = {**name_of(1), "first_name": "Ines", "email": "ines@mail.example"}


@pytest.fixture
def clinic(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    """A clinic with a group profile and three patients, known from visits far away."""
    with a_clinic_with_groups(templates, tmp_path) as opened:
        opened.sandbox.behaviours("oncall", returns_provider=True)
        for number, who in enumerate((name_of(1), other_of(1), THIRD)):
            opened.linked(patient=opened.new_patient(**who), scheduled_time=here(slot(50 + number)))
        yield opened


def made(clinic: Clinic, webhooks: str, which: str) -> tuple[str, str]:
    """An appointment made for a visit of several that OnCall has, not yet heard of; both ids."""
    visit = ""
    if which == "third":
        visit = clinic.invite(datetime=there(slot(1)), participants=[name_of(1), other_of(1)])
        clinic.settle()
    before = {one["id"] for one in clinic.of("drchrono", "appointments")}
    clinic.sandbox.faults("drchrono", LOST, webhooks={"mode": "hold"})
    if which == "third":
        clinic.change_visit(visit, participants=[THIRD])
    else:
        visit = clinic.invite(datetime=there(slot(1)), participants=[name_of(1), other_of(1)])
    clinic.pump()
    (lost,) = [a["id"] for a in clinic.of("drchrono", "appointments") if a["id"] not in before]
    clinic.sandbox.faults("drchrono", webhooks={"mode": "deliver"})
    if webhooks == "drop":
        clinic.sandbox.control("drchrono", "faults", {"webhooks": {"mode": "drop", "times": 1}})
    return str(lost), visit


def bring(clinic: Clinic, webhooks: str) -> None:
    """Let the held webhook of the create come, or never."""
    if webhooks == "deliver":
        clinic.sandbox.control("drchrono", "release", {})
    clinic.settle(hours=3)


def near(clinic: Clinic) -> list[str]:
    """The times of the open appointments of the visit: not of those far away."""
    times = [one["scheduled_time"] for one in clinic.appointments()]
    return sorted(at for at in times if at < here(slot(40)))


@WHICH
@FOUND
def test_the_visit_was_moved_in_oncall_meanwhile(clinic: Clinic, webhooks: str, which: str) -> None:
    _, visit = made(clinic, webhooks, which)
    clinic.change_visit(visit, datetime=there(slot(2)))
    bring(clinic, webhooks)
    agree(clinic)
    assert near(clinic) == [here(slot(2))] * (3 if which == "third" else 2)
    assert clinic.attention() == []


@WHICH
@FOUND
def test_its_participant_was_cancelled_in_oncall_meanwhile(
    clinic: Clinic, webhooks: str, which: str
) -> None:
    lost, visit = made(clinic, webhooks, which)
    chart = clinic.appointment(lost)["patient"]
    (name,) = [p["first_name"] for p in clinic.of("drchrono", "patients") if p["id"] == chart]
    who = participant(clinic.visit(visit), name)["id"]
    answer = clinic.sandbox.staff_oncall("PATCH", f"/participants/{who}/", {"cancelled": True})
    assert answer.status_code == 200
    bring(clinic, webhooks)
    agree(clinic)
    assert clinic.appointment(lost)["status"] == "Cancelled"
    assert clinic.attention() == []


@WHICH
@FOUND
def test_it_was_cancelled_in_drchrono_meanwhile(clinic: Clinic, webhooks: str, which: str) -> None:
    lost, visit = made(clinic, webhooks, which)
    clinic.edit(lost, status="Cancelled")
    bring(clinic, webhooks)
    agree(clinic)
    assert clinic.appointment(lost)["status"] == "Cancelled"
    assert len(near(clinic)) == (2 if which == "third" else 1)
    assert len(open_names(clinic.visit(visit))) == len(near(clinic))
    assert clinic.attention() == []


@WHICH
@FOUND
def test_it_was_moved_in_drchrono_meanwhile(clinic: Clinic, webhooks: str, which: str) -> None:
    """The only appointment takes the visit along; one beside others leaves it."""
    lost, visit = made(clinic, webhooks, which)
    clinic.edit(lost, scheduled_time=here(slot(2)))
    bring(clinic, webhooks)
    agree(clinic)
    assert clinic.appointment(lost)["scheduled_time"] == here(slot(2))
    if which == "third":
        assert near(clinic) == [*[here(slot(1))] * 2, here(slot(2))]
        assert open_names(clinic.visit(visit)) == ["Omar", "Vera"]
    else:
        assert near(clinic) == [here(slot(2))] * 2
        assert open_names(clinic.visit(visit)) == ["Omar", "Vera"]
    assert clinic.attention() == []


@WHICH
def test_it_bore_no_marker_and_was_cancelled_meanwhile(clinic: Clinic, which: str) -> None:
    """An account without our field: patient, doctor and start tell what the create made."""
    with clinic.sync.store.write() as conn:
        for name in facts.under(conn, "appointment_field:"):
            facts.forget(conn, f"appointment_field:{name}")
    lost, visit = made(clinic, "drop", which)
    assert clinic.appointment(lost)["custom_fields"] == []
    clinic.edit(lost, status="Cancelled")
    bring(clinic, "drop")
    agree(clinic)
    there_now = [one for one in clinic.of("drchrono", "appointments") if one["id"] >= lost]
    assert len(there_now) == (1 if which == "third" else 2)  # it was not made again
    assert len(open_names(clinic.visit(visit))) == (2 if which == "third" else 1)
    assert clinic.attention() == []
