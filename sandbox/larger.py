"""Plan a practice of any number of doctors: the clinic of three, only larger.

Every doctor is worked with alike, so that what is measured grows with the number of doctors alone:
video and phone visits on each coming weekday, more of them this week than next, some visits at the
office, and patients of their own, whom both systems know.
"""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

from sandbox import world
from sandbox.world import Doctor, Office, Patient, Plan, Seed, Slot

# What the ids of a kind have room for (`sandbox.drchrono.seed`).
MOST_DOCTORS = 90
DOCTORS_PER_OFFICE = 5
PATIENTS_PER_DOCTOR = 40
ZONES = ("US/Eastern", "America/Chicago", "America/Los_Angeles")
ROOMS = ("Room 1", "Room 2", "Video Room")
DAYS = 14
# Of the sixteen half hours of a doctor's day: seen by video or phone in this week and in the next,
# and at the office. What is left is free, for who books and moves.
VISITS_THIS_WEEK = 6
VISITS_NEXT_WEEK = 2
OFFICE_VISITS = 4


def plan(seed: Seed, today: date) -> Plan:
    """The world of a seed on its start day, the same for both remotes."""
    if seed.doctors is None:
        return world.plan(seed, today)
    doctors = tuple(_doctor(index) for index in range(seed.doctors))
    offices = tuple(
        Office(index, f"Riverside {index + 1}", "Albany", "NY", ROOMS)
        for index in range(doctors[-1].office + 1)
    )
    divisions = tuple(f"Division {office.index + 1}" for office in offices)
    empty = Plan(doctors=doctors, offices=offices, divisions=divisions)
    if seed.name == "empty":
        return empty
    slots = tuple(_slots(random.Random(seed.number), doctors, today))
    patients = tuple(
        _patient(index, len(doctors)) for index in range(PATIENTS_PER_DOCTOR * len(doctors))
    )
    visits = tuple(slot.index for slot in slots if slot.profile != "Office Visit")
    contacts = tuple(range(len(patients)))
    return Plan(doctors, offices, divisions, patients, slots, contacts, visits)


def _doctor(index: int) -> Doctor:
    office = index // DOCTORS_PER_OFFICE
    first, last, _, _ = world.PEOPLE[(7 * index + 3) % len(world.PEOPLE)]
    zone = ZONES[office % len(ZONES)]
    name = f"{last} {index + 1}"
    return Doctor(
        index, first, name, f"doctor{index + 1}@riverside.example", zone, office, (office,)
    )


def _patient(index: int, doctors: int) -> Patient:
    """The first and the last names of the clinic's people, in all pairs; born a week apart."""
    first, _, gender, _ = world.PEOPLE[index % len(world.PEOPLE)]
    _, last, _, _ = world.PEOPLE[index // len(world.PEOPLE) % len(world.PEOPLE)]
    born = date(1940, 1, 1) + timedelta(weeks=index)
    return Patient(
        index=index,
        first_name=first,
        last_name=last,
        email=f"patient{index:04d}@mail.example",
        date_of_birth=born.isoformat(),
        gender=gender,
        cell_phone=f"(212) 555-{index % 10_000:04d}",
        doctor=index % doctors,
    )


def _slots(chance: random.Random, doctors: tuple[Doctor, ...], today: date) -> list[Slot]:
    days = [today + timedelta(days=ahead) for ahead in range(1, DAYS + 1)]
    weekdays = [day for day in days if day.weekday() < 5]
    found: list[Slot] = []
    for doctor in doctors:
        mine = [doctor.index + len(doctors) * one for one in range(PATIENTS_PER_DOCTOR)]
        chance.shuffle(mine)
        dealt = 0
        for place, day in enumerate(weekdays):
            visits = VISITS_THIS_WEEK if place < 5 else VISITS_NEXT_WEEK
            hours = sorted(chance.sample(world.HALF_HOURS, visits + OFFICE_VISITS))
            at_office = set(chance.sample(hours, OFFICE_VISITS))
            for hour in hours:
                order = 2 if hour in at_office else 1 if dealt % 4 == 3 else 0
                patient = mine[dealt % len(mine)]
                start = datetime.combine(day, hour)
                found.append(_slot(len(found), patient, doctor, start, order))
                dealt += 1
    return found


def _slot(index: int, patient: int, doctor: Doctor, start: datetime, order: int) -> Slot:
    name, minutes, _ = world.PROFILES[order]
    room = len(ROOMS) if name == "Telehealth" else 1
    return Slot(index, patient, doctor.index, start, minutes, name, room, "")
