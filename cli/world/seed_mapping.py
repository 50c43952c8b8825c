"""Decide, for the sandbox's known clinic, what `mapping suggest` leaves to a person.

A suggested line that is doubtful stands behind a #; here stands what the clinic's people would
write in its place.
"""

import re
from collections.abc import Iterator

from sync.setup.mapping_edit.gathered import Practice

_DOCTOR = re.compile(r"(?:# )?drchrono = (\d+)")
_DIVISIONS = re.compile(r"# decide: the provider and the division \(divisions: (\d+)")
# Commented out only because of the lines around it.
_CERTAIN = re.compile(r"# (\[\[doctors\]\]$|oncall_provider = \d|contact_field = \d+  # EMR id$)")
# Both offices are registered to the practice's owner, so the API does not say who works where.
_SEES_PATIENTS_IN = {
    "Okafor": "Riverside Main",
    "Reyes": "Riverside Main",
    "Lindqvist": "Riverside West",
}
# The words by which the seed's profiles are called, and the type each is booked as.
_BOOKED_AS = (("Telehealth", "online"), ("Phone Consult", "phone"))


def decided(text: str, practice: Practice) -> str:
    """The suggested mapping with everything decided: the file `run` works with.

    A doctor in several divisions sees video visits in the first; visits from OnCall are booked
    where the doctor sees patients, in any room.
    """
    return "\n".join(_lines(text, practice)) + "\n"


def _lines(text: str, practice: Practice) -> Iterator[str]:
    doctor = ""
    for line in text.splitlines():
        named, divisions = _DOCTOR.fullmatch(line), _DIVISIONS.match(line)
        if named:
            doctor = named[1]
            yield f"drchrono = {doctor}"
            yield from _booking(doctor, practice)
        elif divisions:
            yield f"oncall_division = {divisions[1]}"
        elif _CERTAIN.match(line):
            yield line.removeprefix("# ")
        elif "booking_office" in line or line.startswith(("# oncall_division", "# decide:")):
            continue
        else:
            yield line


def _booking(doctor: str, practice: Practice) -> Iterator[str]:
    who = next(each for each in practice.doctors if str(each["id"]) == doctor)
    place = _SEES_PATIENTS_IN.get(str(who["last_name"]))
    office = next((each for each in practice.offices if each["name"] == place), practice.offices[0])
    rooms = office["exam_rooms"]
    listed = rooms if isinstance(rooms, list) else []
    indexes = [str(room["index"]) for room in listed if isinstance(room, dict)]
    yield f"booking_office = {office['id']}"
    yield f"exam_rooms = [{', '.join(indexes)}]"
    profiles = {
        each["name"]: each["id"] for each in practice.profiles if str(each["doctor"]) == doctor
    }
    booked = [f"{word} = {profiles[name]}" for name, word in _BOOKED_AS if name in profiles]
    yield f"booking_profiles = {{ {', '.join(booked)} }}"
