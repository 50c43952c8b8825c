"""See no difference in invisible characters: the same person, and nothing written.

After public reports of pasted addresses: validatorjs/validator.js#940, mikel/mail#1173,
knadh/listmonk#1845, jstanden/cerb#1349.
"""

from typing import Any

import pytest
from sqlalchemy import update

from sync.store.schema import baseline
from sync.store.tables import links
from tests.support.clinic import Clinic
from tests.support.syncs import linked

CLEAN = {"first_name": "Jane", "last_name": "Doe", "email": "jane@mail.example"}
PASTED = [
    {"first_name": "\u200bJane", "last_name": "Doe\u200f", "email": "\ufeffjane@mail.example"},
    {"first_name": "Jane\u00a0", "last_name": "\u3000Doe", "email": "jane@ma\u00adil.example"},
    {"first_name": "Jane", "last_name": "Doe\u2060", "email": "mailto:JANE@mail.example"},
]


@pytest.mark.parametrize("mode", ["keep", "strip"])
@pytest.mark.parametrize("pasted", PASTED)
def test_who_books_with_pasted_text_is_the_known_patient(
    clinic: Clinic, pasted: dict[str, Any], mode: str
) -> None:
    clinic.sandbox.behaviours("oncall", returns_provider=True, invisible=mode)
    patient = clinic.new_patient(**CLEAN)
    clinic.pump()
    charts = len(clinic.of("drchrono", "patients"))
    clinic.invite(participants=[pasted])
    clinic.settle()
    assert [a["patient"] for a in clinic.appointments()] == [patient]
    assert len(clinic.of("drchrono", "patients")) == charts
    assert clinic.attention() == []
    clinic.forget()
    clinic.edit_patient(patient, cell_phone="(212) 555-0199")
    clinic.whole_cycle()
    assert clinic.writes() == ["PATCH /contacts/ID/"]  # the phone, and nothing else
    assert clinic.mails() == []


@pytest.mark.parametrize("mode", ["keep", "strip", "refuse"])
def test_a_chart_with_pasted_text_is_invited_by_what_it_says(clinic: Clinic, mode: str) -> None:
    clinic.sandbox.behaviours("oncall", invisible=mode)
    clinic.new_patient(**PASTED[0])
    _, visit = linked(clinic)
    clinic.settle()
    (who,) = clinic.visit(visit)["participants"]
    (contact,) = clinic.of("oncall", "contacts")
    for made in (who, contact):
        assert {name: made[name] for name in CLEAN} == CLEAN
    assert clinic.attention() == []
    clinic.forget()
    clinic.edit_patient(clinic.patient, **CLEAN)  # cleaned up: no change of what it says
    clinic.whole_cycle()
    assert clinic.writes() == []
    assert clinic.mails() == []


def test_a_pasted_address_of_a_new_patient_is_written_plain(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    clinic.sandbox.behaviours("drchrono", invisible="refuse")
    clinic.invite(participants=[PASTED[0]])
    clinic.settle()
    made = clinic.of("drchrono", "patients")[-1]
    assert {name: made[name] for name in CLEAN} == CLEAN
    assert clinic.attention() == []


def test_baselines_of_text_as_it_was_sent_are_no_change(clinic: Clinic) -> None:
    """A database of an earlier version: its digests are of invisible characters, too."""
    clinic.new_patient(**PASTED[0])
    linked(clinic)
    clinic.settle()
    digests = clinic.sync.digests
    with clinic.sync.store.write() as conn:
        patient = links.find(conn, "drchrono", "patient", str(clinic.patient))
        assert patient is not None
        visit = clinic.visits()[-1]
        participant = links.find(conn, "oncall", "participant", visit["participants"][0]["id"])
        contact = links.find(conn, "oncall", "contact", clinic.of("oncall", "contacts")[-1]["id"])
        for obj in (patient, participant, contact):
            assert obj is not None
            for name, value in PASTED[0].items():
                conn.execute(
                    update(baseline)
                    .where(baseline.c.object == obj.id, baseline.c.field == name)
                    .values(digest=digests.field(obj.id, name, value))
                )
    clinic.forget()
    clinic.edit_patient(clinic.patient, cell_phone="(212) 555-0199")
    clinic.settle()
    assert clinic.writes() == ["PATCH /contacts/ID/"]
    assert clinic.mails() == []
