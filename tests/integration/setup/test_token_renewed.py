"""Go on with what waited for the authorisation when the token could be renewed after all."""

from tests.support.agreement import agree
from tests.support.clinic import Clinic
from tests.support.flows import here, slot


def test_what_met_a_token_that_was_dead_and_young_goes_on(clinic: Clinic) -> None:
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    clinic.advance(61)
    keeper = clinic.sync.keeper
    assert keeper.renew_after_refusal(keeper.version())
    clinic.beat("token")
    # Too young for its age to be the reason: nothing is renewed, and the visit waits.
    clinic.sandbox.control("drchrono", "expire", {"what": "access"})
    clinic.edit(appointment, status="Cancelled")
    clinic.settle()
    assert clinic.attention() == ["auth"]
    assert clinic.visit(visit)["cancelled"] is False
    clinic.advance(61)
    clinic.book(patient=clinic.patient, scheduled_time=here(slot(1)))
    clinic.settle()  # its run renews the token
    clinic.beat("token")
    clinic.settle()
    agree(clinic)
    assert clinic.visit(visit)["cancelled"] is True
    assert clinic.attention() == []


def test_the_same_token_wakes_nothing(clinic: Clinic) -> None:
    clinic.beat("token")
    clinic.book(patient=clinic.patient, scheduled_time=here(slot(0)))
    clinic.settle()
    assert clinic.beat("token") == ()
