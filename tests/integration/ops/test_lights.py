"""The four lights over a real sandbox: after calls, webhooks and refusals."""

from sync.operations.lights import Colour, lights
from tests.support.clinic import Clinic


def shown(clinic: Clinic) -> dict[str, Colour]:
    return {f"{one.system} {one.what}": one.colour for one in lights(clinic.sync)}


def test_all_is_green_after_a_visit_was_carried(clinic: Clinic) -> None:
    clinic.linked()
    clinic.catch_up()
    assert set(shown(clinic).values()) == {Colour.GOOD}


def test_a_refused_write_is_seen_on_its_own_light_alone(clinic: Clinic) -> None:
    appointment, _visit = clinic.linked()
    refused = {"match": {"method": "PATCH", "path": "^/appointments/"}, "do": "status"}
    clinic.sandbox.faults("oncall", {**refused, "status": 400, "times": None})
    clinic.edit(appointment, duration=45)
    clinic.settle()
    colours = shown(clinic)
    assert colours.pop("oncall write") in {Colour.LATE, Colour.BAD}
    assert set(colours.values()) == {Colour.GOOD}


def test_reads_that_stop_turn_the_light(clinic: Clinic) -> None:
    clinic.linked()
    clinic.advance(3600)
    assert shown(clinic)["drchrono read"] is Colour.LATE
    clinic.advance(7 * 3600)
    assert shown(clinic)["drchrono read"] is Colour.BAD
    assert shown(clinic)["drchrono write"] is Colour.GOOD
