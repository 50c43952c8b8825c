"""Write the planned clinic into DrChrono."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox import larger, world
from sandbox.drchrono import wire

if TYPE_CHECKING:
    from sandbox.drchrono.practice import Practice

# The first id of each kind, with gaps between them, so that a mistaken id finds nothing.
FIRST_DOCTOR = 201
FIRST_OFFICE = 301
USER_ID = 501
FIRST_PROFILE = 401
FIRST_PATIENT = 7001
FIRST_APPOINTMENT = 90001


def plant(practice: Practice, seed: world.Seed) -> None:
    """Fill an empty practice."""
    practice.practice_group = world.PRACTICE_GROUP
    practice.custom_statuses = world.CUSTOM_STATUSES
    plan = larger.plan(seed, practice.clock.now().date())
    _doctors(practice, plan)
    _offices(practice, plan)
    _profiles(practice, plan)
    _users(practice)
    _patients(practice, plan)
    _appointments(practice, plan)


def _doctors(practice: Practice, plan: world.Plan) -> None:
    for doctor in plan.doctors:
        doctor_id = FIRST_DOCTOR + doctor.index
        row = {
            "id": doctor_id,
            "first_name": doctor.first_name,
            "last_name": doctor.last_name,
            "email": doctor.email,
            "timezone": doctor.timezone,
            "practice_group": world.PRACTICE_GROUP,
            "practice_group_name": world.PRACTICE_NAME,
            "specialty": "Family Practitioner",
            "country": "US",
            "suffix": "MD",
            "job_title": "Provider/Staff (Private Practice)",
            "cell_phone": "",
            "home_phone": "",
            "office_phone": "(212) 555-0100",
            "npi_number": "",
            "group_npi_number": "",
            "website": "",
            "profile_picture": None,
            "is_account_suspended": False,
        }
        practice.tables["doctors"].seed(str(doctor_id), row)


def _offices(practice: Practice, plan: world.Plan) -> None:
    for office in plan.offices:
        office_id = FIRST_OFFICE + office.index
        rooms = [
            {"index": index, "name": name, "online_scheduling": False}
            for index, name in enumerate(office.rooms, start=1)
        ]
        row = {
            "id": office_id,
            "doctor": FIRST_DOCTOR,
            "name": office.name,
            "city": office.city,
            "state": office.state,
            "country": "US",
            "address": "1 River Street",
            "zip_code": "12207",
            "phone_number": "(212) 555-0100",
            "fax_number": "",
            "start_time": "00:00:00",
            "end_time": "24:00:00",
            "exam_rooms": rooms,
            "online_scheduling": False,
            "archived": False,
        }
        practice.tables["offices"].seed(str(office_id), row)


def _profiles(practice: Practice, plan: world.Plan) -> None:
    profile_id = FIRST_PROFILE
    for doctor in plan.doctors:
        for order, (name, minutes, color) in enumerate(world.PROFILES):
            row = {
                "id": profile_id,
                "doctor": FIRST_DOCTOR + doctor.index,
                "name": name,
                "duration": minutes,
                "color": color,
                "reason": name,
                "online_scheduling": False,
                "sort_order": order,
                "archived": False,
            }
            practice.tables["appointment_profiles"].seed(str(profile_id), row)
            profile_id += 1


def _users(practice: Practice) -> None:
    row = {
        "id": USER_ID,
        "username": "m.okafor",
        "doctor": FIRST_DOCTOR,
        "is_doctor": True,
        "is_staff": False,
        "plan_type": "provider",
        "practice_group": world.PRACTICE_GROUP,
        "permissions": {"access_scheduling": True, "manage_patients": True, "settings": True},
    }
    practice.tables["users"].seed(str(USER_ID), row)


def _patients(practice: Practice, plan: world.Plan) -> None:
    for person in plan.patients:
        number = FIRST_PATIENT + person.index
        revision = practice.old_revision(person.index)
        row = {
            **wire.blank_patient(),
            "id": number,
            "doctor": FIRST_DOCTOR + person.doctor,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "email": person.email,
            "date_of_birth": person.date_of_birth,
            "gender": person.gender,
            "cell_phone": person.cell_phone,
            "chart_id": wire.chart_id(person.first_name, person.last_name, person.index + 1),
            "created_at": revision,
            "updated_at": revision,
        }
        practice.patients.seed(str(number), row)


def _appointments(practice: Practice, plan: world.Plan) -> None:
    names = [name for name, _, _ in world.PROFILES]
    for slot in plan.slots:
        appointment_id = str(FIRST_APPOINTMENT + slot.index)
        order = names.index(slot.profile)
        revision = practice.old_revision(len(plan.patients) + slot.index)
        row = {
            **wire.blank_appointment(),
            "id": appointment_id,
            "doctor": FIRST_DOCTOR + slot.doctor,
            "office": FIRST_OFFICE + plan.doctors[slot.doctor].office,
            "patient": FIRST_PATIENT + slot.patient,
            "exam_room": slot.room,
            "scheduled_time": slot.start.isoformat(),
            "duration": slot.minutes,
            "profile": FIRST_PROFILE + slot.doctor * len(names) + order,
            "color": world.PROFILES[order][2],
            "reason": slot.profile,
            "status": slot.status,
            "created_at": revision,
            "updated_at": revision,
            "extended_updated_at": revision,
            "_telehealth": slot.profile == "Telehealth",
        }
        practice.appointments.seed(appointment_id, row)
