"""Kill a backfill at its every call, before it goes out and after its answer: each item once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.batches import steering
from tests.integration.batches.test_backfill_appointments import several
from tests.integration.batches.test_backfill_from_oncall import allow, charts, contact
from tests.integration.batches.test_backfill_patients import contacts
from tests.support.batches.backfills import (
    APPOINTMENTS,
    fates,
    killed_again_and_again,
    outcomes,
    people,
    planned,
)
from tests.support.clinic import Clinic
from tests.support.flows import prove_the_list
from tests.support.sandbox_client import Sandbox
from tests.support.templates import Templates, gone_live


@pytest.fixture(params=["sqlite", "postgresql"])
def clinic(
    request: pytest.FixtureRequest, sandbox: Sandbox, templates: Templates, tmp_path: Path
) -> Iterator[Clinic]:
    """As everywhere, but that a permitted call may never have gone out."""
    del sandbox
    on_postgresql = request.param == "postgresql"
    server = str(request.getfixturevalue("postgres_server")) if on_postgresql else None
    with templates.unchecked("clinic", tmp_path, gone_live, server) as opened:
        yield opened


def test_each_chart_has_one_contact(clinic: Clinic) -> None:
    people(clinic, 3)
    number = planned(clinic)
    steering.start(clinic.sync, number)
    assert killed_again_and_again(clinic, number) > 6
    found = contacts(clinic)
    assert len(found) == len(set(found)) == 4
    assert set(outcomes(clinic, number).values()) == {"created"}


def test_each_appointment_has_one_visit(clinic: Clinic) -> None:
    prove_the_list(clinic)
    before = len(clinic.visits())
    several(clinic, 2)
    number = planned(clinic, APPOINTMENTS)
    clinic.forget()
    steering.start(clinic.sync, number)
    assert killed_again_and_again(clinic, number) > 4
    assert len(clinic.visits()) == before + 2
    assert sorted(outcomes(clinic, number).values())[-2:] == ["created"] * 2
    assert clinic.mails() == [("invitation", "app")] * 2


def test_each_contact_has_one_chart(clinic: Clinic) -> None:
    allow(clinic)
    contact(clinic)
    contact(clinic, first_name="Joao", email="joao@mail.example")
    number = planned(clinic, source="oncall")
    steering.start(clinic.sync, number)
    assert killed_again_and_again(clinic, number) > 4
    assert charts(clinic) == ["ines@mail.example", "joao@mail.example", "vera@mail.example"]
    assert set(outcomes(clinic, number).values()) == {"created"}
    again = planned(clinic, source="oncall")
    assert set(fates(clinic, again).values()) == {"already_there"}
