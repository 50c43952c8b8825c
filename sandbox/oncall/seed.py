"""Decides how the planned clinic is written down in OnCall."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sandbox import world
from sandbox.oncall import rules, wire

if TYPE_CHECKING:
    from sandbox.answers import Json
    from sandbox.oncall.organisation import Organisation

DIVISION_IDS = ("2404", "2405")
PROVIDER_IDS = ("196157", "196158", "196159")
# Guide, contact samples: "2": "EMR id", "6": "Has submitted forms?".
CUSTOM_FIELDS = {"2": world.CUSTOM_FIELD, "6": "Has submitted forms?"}
SEXES = {"Male": "male", "Female": "female"}


def plant(organisation: Organisation, seed: str, number: int) -> None:
    """Fill an empty organisation; what both sides know carries no marker."""
    plan = world.plan(seed, number, organisation.clock.now().date())
    organisation.custom_fields = dict(CUSTOM_FIELDS)
    for division_id, name in zip(DIVISION_IDS, world.DIVISIONS, strict=True):
        organisation.divisions[division_id] = {"id": division_id, "name": name}
    for doctor, provider_id in zip(world.DOCTORS, PROVIDER_IDS, strict=True):
        row = {
            "id": provider_id,
            "full_name": f"{doctor.first_name} {doctor.last_name}",
            "email": doctor.email,
            "divisions": [DIVISION_IDS[index] for index in doctor.divisions],
        }
        organisation.providers.seed(provider_id, row)
    for index in plan.contacts:
        _contact(organisation, plan.patients[index])
    for index in plan.visits:
        _visit(organisation, plan, plan.slots[index])


def _owner(doctor_index: int) -> Json:
    doctor = world.DOCTORS[doctor_index]
    return {
        "provider": PROVIDER_IDS[doctor_index],
        "division": DIVISION_IDS[doctor.divisions[0]],
    }


def _contact(organisation: Organisation, person: world.Patient) -> None:
    row = {
        **_owner(person.doctor),
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
    zone = ZoneInfo(world.DOCTORS[slot.doctor].timezone)
    values: Json = {"first_name": person.first_name, "last_name": person.last_name}
    rules.name_parts(values)
    row = {
        **_owner(slot.doctor),
        "id": organisation.new_id("appointment"),
        "title": "Video visit",
        "datetime": wire.canonical(slot.start.replace(tzinfo=zone)),
        "duration": slot.minutes,
        "type": "online",
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
