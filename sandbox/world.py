"""Plan the seeded clinic for both remotes: who lives there and when they are seen.

The plan is a pure function of the seed number and the start day, so each remote can build its
own half of the same world.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

PRACTICE_GROUP = 4242
PRACTICE_NAME = "Riverside Family Practice"
CUSTOM_STATUSES = ("Ready for Video", "Waiting on Forms")


@dataclass(frozen=True)
class Doctor:
    """One doctor here, one provider there; `divisions` are OnCall's."""

    index: int
    first_name: str
    last_name: str
    email: str
    timezone: str
    office: int
    divisions: tuple[int, ...]


@dataclass(frozen=True)
class Office:
    """One office with its exam rooms."""

    index: int
    name: str
    city: str
    state: str
    rooms: tuple[str, ...]


@dataclass(frozen=True)
class Patient:
    """One person; "" or None is unknown."""

    index: int
    first_name: str
    last_name: str
    email: str
    date_of_birth: str | None
    gender: str
    cell_phone: str
    doctor: int


@dataclass(frozen=True)
class Slot:
    """One coming appointment: wall clock in the doctor's zone, minutes."""

    index: int
    patient: int
    doctor: int
    start: datetime
    minutes: int
    profile: str
    room: int
    status: str


# One legacy zone name and one of today's (docs/api-facts.md, D25).
DOCTORS = (
    Doctor(0, "Miriam", "Okafor", "m.okafor@riverside.example", "US/Eastern", 0, (0,)),
    Doctor(1, "Daniel", "Reyes", "d.reyes@riverside.example", "US/Eastern", 0, (0, 1)),
    Doctor(
        2, "Hannah", "Lindqvist", "h.lindqvist@riverside.example", "America/Los_Angeles", 1, (1,)
    ),
)
OFFICES = (
    Office(0, "Riverside Main", "Albany", "NY", ("Room 1", "Room 2", "Video Room")),
    Office(1, "Riverside West", "Oakland", "CA", ("Room A", "Video Room")),
)
# name, minutes, colour
PROFILES = (
    ("Telehealth", 30, "#3366CC"),
    ("Phone Consult", 15, "#33AA77"),
    ("Office Visit", 30, "#CC8833"),
)
DIVISIONS = ("East", "West")
CUSTOM_FIELD = "EMR id"


@dataclass(frozen=True)
class Seed:
    """Which world: "clinic" or "empty" (nobody has an appointment), drawn from a number.

    With `doctors` it is a larger practice (`sandbox.larger`), else the clinic of three.
    """

    name: str = "clinic"
    number: int = 1
    doctors: int | None = None


@dataclass(frozen=True)
class Plan:
    """The clinic. `contacts` are patients, `visits` slots that OnCall knows already."""

    doctors: tuple[Doctor, ...] = DOCTORS
    offices: tuple[Office, ...] = OFFICES
    divisions: tuple[str, ...] = DIVISIONS
    patients: tuple[Patient, ...] = ()
    slots: tuple[Slot, ...] = ()
    contacts: tuple[int, ...] = ()
    visits: tuple[int, ...] = ()


# first name, last name, gender, born; an e-mail of their own unless listed below.
PEOPLE = (
    ("Jane", "Harper", "Female", "1980-01-02"),
    ("Zoë", "Núñez", "Female", "1991-07-14"),
    ("François", "Lefèvre", "Male", "1968-03-30"),
    ("Liam", "Prescott", "Male", "2015-05-09"),
    ("Noah", "Prescott", "Male", "2015-05-09"),
    ("Grace", "Adeyemi", "Female", "1975-11-21"),
    ("Peter", "Adeyemi", "Male", "1973-02-11"),
    ("Tunde", "Adeyemi", "Male", "2009-08-17"),
    ("Walter", "Voss", "Male", "1941-12-05"),
    ("Irene", "Castellano", "Female", "1938-04-27"),
    ("Jürgen", "Böhm", "Male", "1959-09-19"),
    ("Søren", "Kjær", "Male", "1984-06-03"),
    ("Aisha", "Rahman", "Female", "1995-10-12"),
    ("Mei", "Tanaka", "Female", "1988-01-25"),
    ("Omar", "Haddad", "Male", "1979-05-31"),
    ("Chloe", "Bennett", "Female", "2001-03-08"),
    ("Victor", "Stanescu", "Male", "1966-07-22"),
    ("Rosa", "Delgado", "Female", "1953-11-02"),
    ("Ethan", "Brooks", "Male", "1999-12-29"),
    ("Priya", "Raman", "Female", "1983-04-16"),
    ("Hugh", "O'Donnell", "Male", "1947-08-08"),
    ("Mary-Anne", "Schultz", "Female", "1970-02-24"),
    ("Samuel", "Weiss", "Male", None),
    ("Lucia", "Ferrante", "Female", "1992-09-01"),
    ("Andre", "Baptiste", "Male", "1986-06-18"),
    ("Nadia", "Petrova", "Female", "1978-12-13"),
    ("Kofi", "Mensah", "Male", "1990-03-27"),
    ("Elena", "Marchetti", "Female", None),
    ("Robert", "Yates", "Male", "1955-10-10"),
    ("Sofía", "Ibáñez", "Female", "1997-05-05"),
    ("Thomas", "Grady", "Male", "1962-01-19"),
    ("Yuki", "Mori", "Other", "2003-07-07"),
    ("Carla", "Simmons", "Female", "1981-08-30"),
    ("Dmitri", "Sokolov", "Male", "1972-04-04"),
    ("Amara", "Nwosu", "Female", "1994-11-11"),
    ("Felix", "Hartmann", "Male", "2007-02-15"),
    ("Bianca", "Rossi", "Female", "1985-09-23"),
    ("George", "Pappas", "Male", None),
    ("Leila", "Karimi", "Female", "1989-06-26"),
    ("Simon", "Achterberg", "Male", "1976-10-28"),
)
# The twins share their parents' address, the Adeyemis one for the family; two have none.
_SHARED_EMAIL = {
    3: "prescott.family@mail.example",
    4: "prescott.family@mail.example",
    5: "adeyemi.home@mail.example",
    6: "adeyemi.home@mail.example",
    7: "adeyemi.home@mail.example",
    8: "",
    9: "",
}
# Starts from 9 to 17.
HALF_HOURS = tuple(time(9 + half // 2, 30 * (half % 2)) for half in range(16))
SLOTS = 60
CONTACTS = 12
VISITS = 8
DAYS = 14


def people() -> tuple[Patient, ...]:
    """The forty patients, always the same."""
    return tuple(
        Patient(
            index=index,
            first_name=first,
            last_name=last,
            email=_SHARED_EMAIL.get(index, f"patient{index:02d}@mail.example"),
            date_of_birth=born,
            gender=gender,
            cell_phone=f"(212) 555-01{index:02d}",
            doctor=index % len(DOCTORS),
        )
        for index, (first, last, gender, born) in enumerate(PEOPLE)
    )


def plan(seed: Seed, today: date) -> Plan:
    """The clinic of three doctors on its start day; "empty" has a clinic but nobody in it."""
    if seed.name == "empty":
        return Plan()
    # Not the day: who has which visit is the same on every day, and only the dates follow it.
    chance = random.Random(seed.number)
    patients = people()
    slots = _slots(chance, today)
    # People with an address of their own can be matched without doubt.
    clear = [p.index for p in patients if p.email and p.index not in _SHARED_EMAIL]
    contacts = tuple(sorted(chance.sample(clear, CONTACTS)))
    # A visit that both sides know needs one slot per patient and a profile OnCall would hold.
    online = [s for s in slots if s.profile == "Telehealth" and s.patient in clear]
    chance.shuffle(online)
    known: dict[int, int] = {}
    for slot in online:
        known.setdefault(slot.patient, slot.index)
    visits = tuple(sorted(list(known.values())[:VISITS]))
    return Plan(patients=patients, slots=slots, contacts=contacts, visits=visits)


def _slots(chance: random.Random, today: date) -> tuple[Slot, ...]:
    days = [today + timedelta(days=ahead) for ahead in range(1, DAYS + 1)]
    weekdays = [day for day in days if day.weekday() < 5]
    # Each start is used once per doctor, so nothing overlaps by accident.
    free = [
        (doctor.index, day, hour) for doctor in DOCTORS for day in weekdays for hour in HALF_HOURS
    ]
    chosen = sorted(chance.sample(free, SLOTS), key=lambda one: (one[1], one[2], one[0]))
    patients = list(range(len(PEOPLE))) + chance.sample(range(len(PEOPLE)), 20)
    chance.shuffle(patients)
    slots = []
    for index, (doctor, day, hour) in enumerate(chosen):
        # Every second one is a video visit, so that both sides have enough in common.
        profile = PROFILES[0 if index % 2 == 0 else chance.choice((1, 2))]
        slots.append(
            Slot(
                index=index,
                patient=patients[index],
                doctor=doctor,
                start=datetime.combine(day, hour),
                minutes=profile[1],
                profile=profile[0],
                room=len(OFFICES[DOCTORS[doctor].office].rooms)
                if profile[0] == "Telehealth"
                else doctor % 2 + 1,
                status=chance.choice(("", "", "", "Confirmed")),
            )
        )
    return tuple(slots)
