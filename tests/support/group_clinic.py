"""Run a clinic with group visits: its people, their bookings, who is in a visit."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.clinic import TELEHEALTH, Clinic, wall
from tests.support.templates import Templates, gone_live

# In the tests' clinic the phone profile of the doctor is the group's.
GROUP = 402
PEOPLE = [("Vera", "Lindqvist"), ("Omar", "Haddad"), ("Ines", "Costa"), ("Jon", "Berg")]
# What is asked of a group is what a visit of one has long done.
ALIKE = pytest.mark.parametrize("profile", [TELEHEALTH, GROUP], ids=["of_one", "of_a_group"])
# Whether OnCall appends to the list of participants that it is sent, or replaces its own by it.
BOTH_READINGS = pytest.mark.parametrize("clinic", ["append", "replace"], indirect=True)
HOST = {"first_name": "Co", "last_name": "Host", "email": "host@mail.example"}


def make_groups(clinic: Clinic) -> bool:
    """Name the group profile in the mapping file, as its page says; whether that is news."""
    path, told = clinic.settings.mapping_file, f"group_profiles = [{GROUP}]"
    before = path.read_text().splitlines()
    lines = [line for line in before if not line.startswith("group_profiles")]
    at = lines.index("[types]") + 1
    path.write_text("\n".join([*lines[:at], told, *lines[at:]]) + "\n")
    return told not in before


def with_groups(clinic: Clinic) -> None:
    """A group profile, one patient, gone live: made once as the template `groups`."""
    make_groups(clinic)
    gone_live(clinic)


@contextmanager
def a_clinic_with_groups(
    templates: Templates, home: Path, participants_patch: str = "append"
) -> Iterator[Clinic]:
    """A clinic with a group profile, gone live, in one of BOTH_READINGS."""
    with templates.copied("groups", home, with_groups) as clinic:
        clinic.sandbox.behaviours("oncall", participants_patch=participants_patch)
        yield clinic


def with_nobody(clinic: Clinic) -> None:
    """The same, and nobody is known yet: the template `groups_of_nobody`."""
    before_live(clinic)
    clinic.go_live()


def before_live(clinic: Clinic) -> None:
    """A group profile and nobody, and not gone live: the template `groups_before_live`."""
    make_groups(clinic)
    clinic.patient = 0


def day() -> dict[str, Any]:
    """When `invite` books in OnCall, for a booking in DrChrono."""
    return {"scheduled_time": wall(days=4), "duration": 30}


def patients(clinic: Clinic, count: int = 3) -> list[int]:
    found = []
    for number in range(count):
        first, last = PEOPLE[number] if number < len(PEOPLE) else (f"Ada{number}", "Okoro")
        found.append(
            clinic.new_patient(
                first_name=first, last_name=last, email=f"{first.lower()}@mail.example"
            )
        )
    return found


def book(clinic: Clinic, patient: int, **changes: Any) -> str:
    body = {"profile": GROUP, "duration": 60, "allow_overlapping": True, **changes}
    return clinic.book(patient=patient, **body)


def group_of(clinic: Clinic, people: list[int], **changes: Any) -> list[str]:
    """A group that stands on both sides; the ids of its appointments."""
    booked = [book(clinic, one, **changes) for one in people]
    clinic.settle()
    clinic.forget()
    return booked


def booked(clinic: Clinic, count: int, profile: int = GROUP) -> tuple[list[int], list[str], str]:
    """A visit of some patients that stands on both sides: charts, appointments, and its id."""
    people = [clinic.patient]
    for first in ("Omar", "Ines")[: count - 1]:
        email = f"{first.lower()}@mail.example"
        people.append(clinic.new_patient(first_name=first, email=email))
    made = [book(clinic, one, profile=profile) for one in people]
    clinic.settle()
    clinic.forget()
    (visit,) = clinic.visits()
    return people, made, str(visit["id"])


def open_names(visit: dict[str, Any]) -> list[str]:
    return sorted(p["first_name"] for p in visit["participants"] if not p["cancelled"])


def participant(visit: dict[str, Any], first_name: str) -> dict[str, Any]:
    return next(p for p in visit["participants"] if p["first_name"] == first_name)


def invite(clinic: Clinic, count: int, *more: dict[str, str]) -> str:
    """Staff book a visit with patients of the clinic in OnCall, which tells its doctor.

    Without the first of PEOPLE: the clinic has two charts of that name and address.
    """
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    names = PEOPLE[1 : count + 1]
    listed = [
        {"first_name": first, "last_name": last, "email": f"{first.lower()}@mail.example"}
        for first, last in names
    ]
    return clinic.invite(participants=[*listed, *more], type="phone")
