"""Write the planned clinic into OnCall."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sandbox import larger, world
from sandbox.answers import Json
from sandbox.oncall import rules, wire

if TYPE_CHECKING:
    from sandbox.oncall.organisation import Organisation

FIRST_DIVISION = 2404
FIRST_PROVIDER = 196157
# As in the guide's samples: "2": "EMR id", "6": "Has submitted forms?" (docs/api-facts.md, O32).
CUSTOM_FIELDS = {"2": world.CUSTOM_FIELD, "6": "Has submitted forms?"}
SEXES = {"Male": "male", "Female": "female"}
# What OnCall calls a visit of a profile that it knows.
TYPES = {"Telehealth": "online", "Phone Consult": "phone"}


def plant(organisation: Organisation, seed: world.Seed) -> None:
    """Fill an empty organisation; what both sides know carries no marker."""
    plan = larger.plan(seed, organisation.clock.now().date())
    organisation.custom_fields = dict(CUSTOM_FIELDS)
    for index, name in enumerate(plan.divisions):
        organisation.divisions[_division(index)] = {"id": _division(index), "name": name}
    for doctor in plan.doctors:
        provider_id = str(FIRST_PROVIDER + doctor.index)
        row = {
            "id": provider_id,
            "full_name": f"{doctor.first_name} {doctor.last_name}",
            "email": doctor.email,
            "divisions": [_division(index) for index in doctor.divisions],
        }
        organisation.providers.seed(provider_id, row)
    for index in plan.contacts:
        _contact(organisation, plan, plan.patients[index])
    for index in plan.visits:
        _visit(organisation, plan, plan.slots[index])


ANOTHER_DIVISION = "7707"
# Somebody else's organisation on the same server: a key of it sees this provider and no other.
ANOTHER_PROVIDER: Json = {
    "id": "990001",
    "full_name": "Ines Holm",
    "email": "ines@hilltop.example",
    "divisions": [ANOTHER_DIVISION],
}


def plant_another(organisation: Organisation) -> None:
    """Fill an empty organisation with the other one's roster."""
    division = {"id": ANOTHER_DIVISION, "name": "Hilltop Dental"}
    organisation.divisions[ANOTHER_DIVISION] = division
    organisation.providers.seed(ANOTHER_PROVIDER["id"], dict(ANOTHER_PROVIDER))


def _division(index: int) -> str:
    return str(FIRST_DIVISION + index)


def _owner(doctor: world.Doctor) -> Json:
    return {
        "provider": str(FIRST_PROVIDER + doctor.index),
        "division": _division(doctor.divisions[0]),
    }


def _contact(organisation: Organisation, plan: world.Plan, person: world.Patient) -> None:
    row = {
        **_owner(plan.doctors[person.doctor]),
        "id": organisation.new_id("contact"),
        "roster_id": organisation.new_id("roster"),
        "name": f"{person.first_name} {person.last_name}",
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "phone": "".join(sign for sign in person.cell_phone if sign.isdigit()),
        "notes": None,
        "sex": SEXES.get(person.gender, "Unknown"),
        "date_of_birth": person.date_of_birth,
        "custom_field_values": {},
    }
    organisation.contacts.seed(row["id"], row)


def _visit(organisation: Organisation, plan: world.Plan, slot: world.Slot) -> None:
    person = plan.patients[slot.patient]
    zone = ZoneInfo(plan.doctors[slot.doctor].timezone)
    values: Json = {"first_name": person.first_name, "last_name": person.last_name}
    rules.name_parts(values)
    row = {
        **_owner(plan.doctors[slot.doctor]),
        "id": organisation.new_id("appointment"),
        "title": "Video visit",
        "datetime": wire.canonical(slot.start.replace(tzinfo=zone)),
        "duration": slot.minutes,
        "type": TYPES[slot.profile],
        "status": "Incomplete",
        "cancelled": False,
        "metadata": None,
        "updated": organisation.clock.iso(),
    }
    row["participants"] = [
        {
            **values,
            "id": organisation.new_id("participant"),
            "appointment": row["id"],
            "email": person.email,
            "fee": 0,
            "cancelled": False,
            "user_id": organisation.user_id(person.email),
        }
    ]
    organisation.appointments.seed(row["id"], row)
    organisation.index(row)
