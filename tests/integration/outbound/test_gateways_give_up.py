"""A gateway that answers in an API's place for an hour: told, and nobody has to come for it."""

from typing import Any

import pytest

from tests.support.agreement import agree
from tests.support.clinic import Clinic
from tests.support.flows import prove_the_list

PAGE = "<!DOCTYPE html><title>Sorry</title>"
MAKE: dict[str, Any] = {"method": "POST", "path": "^/appointments/$"}
CHANGE: dict[str, Any] = {"method": "PATCH", "path": "^/appointments/."}


def gives_up(clinic: Clinic, match: dict[str, Any], status: int) -> None:
    page = {"do": "html", "status": status, "body": PAGE}
    clinic.sandbox.faults("oncall", {"match": match, "times": None, **page})


@pytest.mark.parametrize("proven", [True, False])
@pytest.mark.parametrize("status", [503, 200])
def test_what_it_kept_from_being_made_is_made_once_afterwards(
    clinic: Clinic, status: int, proven: bool
) -> None:
    """Whether the POST got through is not known; that its answer came says that it has ended."""
    if proven:
        prove_the_list(clinic)
    before = {visit["id"] for visit in clinic.visits()}
    gives_up(clinic, MAKE, status)
    clinic.book(patient=clinic.patient)
    clinic.settle(hours=1)
    assert clinic.attention() == ["keeps_failing"]
    clinic.sandbox.faults("oncall", clear=True)
    clinic.settle(hours=2)
    assert len({visit["id"] for visit in clinic.visits()} - before) == 1
    agree(clinic)
    assert clinic.mails()[-1:] == [("invitation", "app")]
    assert clinic.attention() == []


def test_what_got_through_all_the_same_is_found(clinic: Clinic) -> None:
    """An answer is lost and the gateway gives up on the next: one visit, one mail."""
    clinic.sandbox.faults("oncall", {"match": MAKE, "do": "drop_after"})
    clinic.sandbox.faults("oncall", webhooks={"mode": "drop", "times": 1})
    gives_up(clinic, MAKE, 504)
    clinic.book(patient=clinic.patient)
    clinic.settle(hours=0.5)
    assert clinic.mails() == [("invitation", "app")]
    agree(clinic)


def test_a_change_it_kept_out_for_hours_fills_no_brake(clinic: Clinic) -> None:
    appointment, visit = clinic.linked()
    gives_up(clinic, CHANGE, 502)
    clinic.edit(appointment, status="Cancelled")
    clinic.settle(hours=3)
    assert 11 < clinic.calls("oncall").count("PATCH /appointments/ID/") < 35
    assert clinic.attention() == ["keeps_failing"]
    clinic.sandbox.faults("oncall", clear=True)
    clinic.settle(hours=1)
    assert clinic.visit(visit)["cancelled"]
    assert clinic.mails() == [("cancellation", "app")]
    assert clinic.attention() == []
