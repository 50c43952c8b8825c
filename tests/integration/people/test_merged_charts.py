"""Charts merged in DrChrono whose e-mails differ are one person: asked, or taken over by policy.

Charts are often doubled because an address changed (redguava/cliniko-api#97 and #378,
drajer-health/eCRNow#541, medplum/medplum#6449).
"""

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sync.operations.hand import resolve
from sync.store.schema import attention
from tests.support.clinic import Clinic
from tests.support.group_clinic import a_clinic_with_groups, book, patients
from tests.support.syncs import decide, linked, visit_of
from tests.support.templates import Templates

NEW = "vera.new@mail.example"


def merge(clinic: Clinic, former: int, kept: int, leaves: str = "gone") -> None:
    body = {"former": former, "kept": kept, "leaves": leaves}
    clinic.sandbox.control("drchrono", "merge", body)


def emails(clinic: Clinic) -> list[str]:
    return sorted(p["email"] for visit in clinic.visits() for p in visit["participants"])


def asked(clinic: Clinic) -> tuple[int, list[str]]:
    with clinic.sync.store.read() as conn:
        row = conn.execute(
            select(attention.c.id, attention.c.candidates).where(
                attention.c.closed_at.is_(None), attention.c.cause == "charts_merged"
            )
        ).one()
    return row.id, row.candidates


def set_up(clinic: Clinic, told: str, **kept: Any) -> tuple[int, int, str, str]:
    """A visit of one chart, and a chart that it will be merged into; its webhook by `told`."""
    former = clinic.patient
    appointment, visit = linked(clinic)
    clinic.settle()
    if told != "before":
        clinic.sandbox.faults("drchrono", webhooks={"mode": "drop", "times": 1})
    other = clinic.new_patient(**{"email": NEW, **kept})
    clinic.settle()
    clinic.forget()
    return former, other, appointment, visit


WAYS = [*product(["sqlite"], ["before", "after", "never"], ["gone", "inactive"])]


@pytest.mark.parametrize(
    ("clinic", "told", "leaves"), [*WAYS, ("postgresql", "never", "gone")], indirect=["clinic"]
)
def test_merged_charts_are_a_question_and_then_one_mail(
    clinic: Clinic, told: str, leaves: str
) -> None:
    former, kept, _, visit = set_up(clinic, told)
    merge(clinic, former, kept, leaves)
    if told == "after":
        clinic.edit_patient(kept, cell_phone="(212) 555-0199")
    clinic.settle()
    assert [v["id"] for v in clinic.visits()] == [visit]
    assert clinic.mails() == []
    item, ids = asked(clinic)
    assert ids == [str(former), str(kept)]
    shown = resolve.question(clinic.sync, item)
    assert [one.id for one in shown.candidates] == ids
    resolve.resolve(clinic.sync, item, str(kept))
    clinic.settle()
    assert [v["id"] for v in clinic.visits()] == [visit]
    assert emails(clinic) == [NEW]
    assert {c["email"] for c in clinic.of("oncall", "contacts")} == {NEW}
    assert clinic.mails() == [("invitation", "app")]  # to the new address
    assert clinic.attention() == []
    clinic.forget()
    clinic.whole_cycle()
    assert clinic.writes() == []


def test_by_policy_a_merged_chart_is_taken_over(clinic: Clinic) -> None:
    decide(clinic, '[policy]\nmerged_charts = "take_over"')
    former, kept, _, visit = set_up(clinic, "never")
    merge(clinic, former, kept)
    clinic.settle()
    assert [v["id"] for v in clinic.visits()] == [visit]
    assert emails(clinic) == [NEW]
    assert clinic.mails() == [("invitation", "app")]
    assert clinic.attention() == []


def test_somebody_says_that_it_is_another_patient(clinic: Clinic) -> None:
    former, kept, _, visit = set_up(clinic, "never")
    merge(clinic, former, kept)
    clinic.settle()
    item, _ = asked(clinic)
    resolve.resolve(clinic.sync, item, resolve.NONE)
    clinic.settle()
    assert visit_of(clinic, visit)["cancelled"] is True
    assert emails(clinic) == [NEW]
    assert sorted(clinic.mails()) == [("cancellation", "app"), ("invitation", "app")]
    assert clinic.attention() == []


@pytest.mark.parametrize(
    ("kept", "leaves"),
    [
        ({}, "active"),
        ({"first_name": "Vesna"}, "gone"),
        ({"date_of_birth": "2012-05-06"}, "gone"),
        ({"date_of_birth": None}, "gone"),
    ],
)
def test_another_patient_is_a_new_visit(clinic: Clinic, kept: dict[str, Any], leaves: str) -> None:
    former, other, _, visit = set_up(clinic, "before", **kept)
    merge(clinic, former, other, leaves)
    clinic.settle()
    assert visit_of(clinic, visit)["cancelled"] is True
    assert emails(clinic) == [NEW]
    assert clinic.attention() == []


def test_the_question_ends_when_the_appointment_is_given_back(clinic: Clinic) -> None:
    former, kept, appointment, visit = set_up(clinic, "never")
    merge(clinic, former, kept, "inactive")
    clinic.settle()
    assert "charts_merged" in clinic.attention()
    clinic.edit_patient(former, patient_status="A")
    clinic.edit(appointment, patient=former)
    clinic.settle()
    assert [v["id"] for v in clinic.visits()] == [visit]
    assert clinic.mails() == []
    assert clinic.attention() == []


def test_a_member_of_a_group_whose_charts_were_merged_is_asked_about(
    templates: Templates, tmp_path: Path
) -> None:
    """The others' visit goes on meanwhile."""
    with a_clinic_with_groups(templates, tmp_path) as clinic:
        members = patients(clinic)
        booked = [book(clinic, one) for one in members]
        clinic.settle()
        (visit,) = clinic.visits()
        kept = clinic.new_patient(first_name="Vera", last_name="Lindqvist", email=NEW)
        clinic.settle()
        clinic.forget()
        merge(clinic, members[0], kept)
        clinic.settle()
        assert len(clinic.visits()[0]["participants"]) == 3
        assert clinic.mails() == []
        item, ids = asked(clinic)
        assert ids == [str(members[0]), str(kept)]
        clinic.edit(booked[1], status="Cancelled")
        clinic.settle()
        assert clinic.mails() == [("cancellation", "app")]
        resolve.resolve(clinic.sync, item, str(kept))
        clinic.settle()
        assert [v["id"] for v in clinic.visits()] == [visit["id"]]
        coming = [p["email"] for p in clinic.visits()[0]["participants"] if not p["cancelled"]]
        assert sorted(coming) == ["ines@mail.example", NEW]
        assert sorted(clinic.mails()) == [("cancellation", "app"), ("invitation", "app")]
        assert clinic.attention() == []
