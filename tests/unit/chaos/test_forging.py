"""Forge all that a leaked credential lets somebody say."""

import json
import random

from chaos.forging import FAR, Forged, Forger

OBJECTS = {
    "drchrono": {
        "appointments": [
            {"id": "70", "patient": 9, "duration": 30, "status": "", "updated_at": "2026"},
            {"id": "71", "patient": 10, "duration": 30, "status": "", "updated_at": "2026"},
        ],
        "patients": [
            {"id": 9, "first_name": "A", "last_name": "B", "email": "a@mail.example"},
            {
                "id": 10,
                "first_name": "C",
                "last_name": "D",
                "email": "c@mail.example",
                "custom_demographics": [{"field_type": 2, "value": "m=x&a=4&g=1"}],
            },
        ],
    },
    "oncall": {"appointments": [{"id": "5"}]},
}


def forged(count: int, seed: int = 1) -> list[Forged]:
    forger = Forger(random.Random(seed), ["stranger@mail.example"])
    forger.see(OBJECTS)
    return [forger.one() for _ in range(count)]


def test_it_says_all_that_can_be_said() -> None:
    made = forged(600)
    text = "\n".join(one.body for one in made)
    events = {one.event for one in made}
    assert {"APPOINTMENT_DELETE", "PATIENT_MODIFY", "PATIENT_CREATE"} <= events
    assert {"CLINICAL_NOTE_LOCK", "appointment_updated"} <= events
    for lie in (FAR, "9" * 30, "9" * 5000, "\\ud800", "stranger@mail.example", "Rescheduled"):
        assert lie in text, lie
    # A marker that was copied, and one with another number in it.
    assert "m=x&a=4&g=1" in text
    assert any("m=x&a=" in one.body and "m=x&a=4&g=1" not in one.body for one in made)
    # Ids that are, that are still to come, and that are in a hint.
    deleted = [json.loads(o.body)["object"] for o in made if o.event == "APPOINTMENT_DELETE"]
    assert {"70", "71"} & {one["id"] for one in deleted}
    assert any(71 < int(one["id"]) < 112 for one in deleted)


def test_a_seed_makes_the_same_calls() -> None:
    assert forged(50, seed=3) == forged(50, seed=3)


def test_before_anything_was_seen_it_has_words_too() -> None:
    forger = Forger(random.Random(1), [])
    assert all(json.loads(forger.one().body) for _ in range(100))
