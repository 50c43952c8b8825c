"""An address is one mailbox of one household: what strangers share is offered to nobody.

After the articles on placeholder addresses (sticomputer.com, pocapoint.com, chironhealth.com): one
OnCall user behind such an address would see the visits of all of them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sync.matching import preview
from sync.store.schema import attention
from tests.support.clinic import Clinic, open_clinic, wall
from tests.support.sandbox_client import Sandbox
from tests.support.syncs import decide

DESK = "frontdesk@clinic.example"
NAMES = ("Alder", "Berg", "Castro", "Dumas", "Ek", "Fodor", "Gray", "Holm")


@pytest.fixture(params=["sqlite_url", "postgres_url"])
def waiting(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Iterator[Clinic]:
    """A connected clinic that asks before it goes live."""
    url = request.getfixturevalue(request.param)
    with open_clinic(sandbox, url, tmp_path, go_live="ask") as clinic:
        yield clinic


def chart(clinic: Clinic, number: int, last: str, email: str = DESK, **changes: Any) -> int:
    """A chart with one visit, each on a day of its own."""
    patient = clinic.new_patient(
        first_name=f"P{number}x",
        last_name=last,
        email=email,
        date_of_birth=f"19{50 + number}-03-04",
        **changes,
    )
    clinic.book(scheduled_time=wall(days=3 + number))
    return patient


def invited(clinic: Clinic) -> list[str]:
    return sorted(p["email"] for visit in clinic.visits() for p in visit["participants"])


def items(clinic: Clinic) -> list[tuple[str, list[str] | None]]:
    with clinic.sync.store.read() as conn:
        rows = conn.execute(
            select(attention.c.cause, attention.c.candidates)
            .where(attention.c.closed_at.is_(None))
            .order_by(attention.c.cause)
        )
        return [(row.cause, row.candidates) for row in rows]


def live(clinic: Clinic) -> None:
    clinic.beat("matching")
    preview.accept(clinic.sync)
    clinic.settle()


def test_a_mailbox_of_strangers_is_one_question(waiting: Clinic) -> None:
    """Eight charts with the desk's address; a family of four and one alone are as they were."""
    patients = [chart(waiting, number, last) for number, last in enumerate(NAMES)]
    for number in range(8, 12):
        chart(waiting, number, "Lund", "lund@mail.example")
    waiting.pump()
    found = preview.preview(waiting.sync)
    assert (found.create_in_oncall, found.mails) == (4, 4)
    assert (found.to_decide, found.charts_sharing_an_address) == ({"email_shared": 1}, 8)
    live(waiting)
    assert invited(waiting) == ["lund@mail.example"] * 4
    assert {c["email"] for c in waiting.of("oncall", "contacts")} == {"lund@mail.example"}
    told = ["8 charts", *map(str, sorted(patients))]
    assert items(waiting) == [("email_shared", told)]
    # One of them has an address of her own: her visit goes on, the number is put right.
    waiting.edit_patient(patients[0], email="alder@mail.example")
    waiting.settle()
    waiting.beat("addresses")
    waiting.settle()
    assert invited(waiting) == ["alder@mail.example"] + ["lund@mail.example"] * 4
    assert items(waiting) == [("email_shared", ["7 charts", *told[2:]])]
    waiting.forget()
    waiting.catch_up()
    assert waiting.writes() == []
    # When no more than a household shares it, nothing waits any more.
    for number, patient in enumerate(patients[1:3]):
        waiting.edit_patient(patient, email=f"own{number}@mail.example")
    waiting.settle()
    waiting.beat("addresses")
    waiting.settle()
    assert invited(waiting).count(DESK) == 5
    assert items(waiting) == []


def test_the_mapping_says_whose_an_address_is(clinic: Clinic) -> None:
    for number, last in enumerate(NAMES):
        chart(clinic, number, last)
    clinic.settle()
    assert invited(clinic).count(DESK) <= 5
    assert [cause for cause, _ in items(clinic)] == ["email_shared"]
    decide(clinic, f'[addresses]\nshared = ["{DESK}"]')
    clinic.settle()
    assert invited(clinic).count(DESK) == 8
    assert items(clinic) == []


def test_what_stands_stays_when_more_charts_come_to_share_its_address(clinic: Clinic) -> None:
    for number, last in enumerate(NAMES[:5]):
        chart(clinic, number, last)
    clinic.settle()
    stood = [visit["id"] for visit in clinic.visits()]
    clinic.forget()
    for number, last in enumerate(NAMES[5:], 5):
        chart(clinic, number, last)
    clinic.settle()
    clinic.catch_up()
    assert [visit["id"] for visit in clinic.visits()] == stood
    assert clinic.mails() == []


def test_a_placeholder_counts_as_none_and_wakes_when_a_real_one_is_entered(
    clinic: Clinic,
) -> None:
    patient = chart(clinic, 1, "Alder", "NoEmail@noemail.com")
    clinic.settle()
    assert invited(clinic) == []
    assert clinic.of("oncall", "contacts") == []
    assert items(clinic) == [("patient_without_email", None)]
    clinic.edit_patient(patient, email="alder@mail.example")
    clinic.settle()
    assert invited(clinic) == ["alder@mail.example"]
    assert items(clinic) == []


def test_the_clinics_own_placeholder_stands_in_the_mapping(clinic: Clinic) -> None:
    decide(clinic, f'[addresses]\nplaceholders = ["{DESK}"]')
    chart(clinic, 1, "Alder")
    clinic.settle()
    assert items(clinic) == [("patient_without_email", None)]
    text = clinic.settings.mapping_file.read_text()
    clinic.settings.mapping_file.write_text(text.replace(f'["{DESK}"]', "[]"))
    clinic.beat("mapping")
    clinic.settle()
    assert invited(clinic) == [DESK]
    assert items(clinic) == []


def test_who_books_with_a_placeholder_is_asked_about(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    charts = len(clinic.of("drchrono", "patients"))
    who = {"first_name": "Sam", "last_name": "Alder", "email": "none@none.com"}
    clinic.invite(participants=[who])
    clinic.settle()
    assert len(clinic.of("drchrono", "patients")) == charts
    assert items(clinic) == [("participant_without_email", None)]
