"""Compare what both systems of a larger practice show, by their own state.

The ids are those of the sandbox's larger practice, typed in: doctor, provider, office, division and
profiles go in step.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from cli.world.sandbox_control import SandboxControl

DOCTORS_PER_OFFICE = 5
ZONES = ("US/Eastern", "America/Chicago", "America/Los_Angeles")
TYPES = ("online", "phone", None)  # of a doctor's three profiles; None is seen at the office


@dataclass(frozen=True, slots=True)
class Place:
    """A doctor in both systems."""

    doctor: int
    office: int
    telehealth: int
    provider: str
    division: str
    zone: str


class Line(NamedTuple):
    """An open visit as either side shows it."""

    starts: str
    minutes: int
    type: str | None
    provider: str
    division: str
    name: str
    email: str


def place_of(index: int) -> Place:
    """The doctor with this index."""
    office = index // DOCTORS_PER_OFFICE
    return Place(
        doctor=201 + index,
        office=301 + office,
        telehealth=401 + 3 * index,
        provider=str(196157 + index),
        division=str(2404 + office),
        zone=ZONES[office % len(ZONES)],
    )


def utc_time(place: Place, wall: str) -> datetime:
    """A time on the doctor's wall clock, aware UTC."""
    return datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(place.zone)).astimezone(UTC)


def utc_text(place: Place, wall: str) -> str:
    """The same as OnCall writes it."""
    return f"{utc_time(place, wall):%Y-%m-%dT%H:%M:%SZ}"


def differences(control: SandboxControl) -> list[str]:
    """What is on one side only or twice; ask when nothing waits any more."""
    here = Counter(_here(control.state("drchrono")["objects"]))
    there = Counter(_there(control.state("oncall")["objects"]["appointments"]))
    problems = [f"only in DrChrono: {line}" for line in (here - there).elements()]
    problems += [f"only in OnCall: {line}" for line in (there - here).elements()]
    problems += [f"{count} times: {line}" for line, count in (here | there).items() if count > 1]
    return problems


def _here(objects: dict[str, list[dict[str, Any]]]) -> Iterable[Line]:
    patients = {one["id"]: one for one in objects["patients"]}
    for one in objects["appointments"]:
        kind = TYPES[(one["profile"] - 401) % 3]
        if kind is None or one["status"] == "Cancelled" or one["deleted_flag"]:
            continue
        place, who = place_of(one["doctor"] - 201), patients[one["patient"]]
        yield Line(
            utc_text(place, one["scheduled_time"]),
            one["duration"],
            kind,
            place.provider,
            place.division,
            f"{who['first_name']} {who['last_name']}",
            who["email"],
        )


def _there(visits: list[dict[str, Any]]) -> Iterable[Line]:
    for one in visits:
        if one["cancelled"]:
            continue
        for who in one["participants"]:
            yield Line(
                one["datetime"],
                one["duration"],
                one["type"],
                one["provider"],
                one["division"],
                f"{who['first_name']} {who['last_name']}",
                who["email"],
            )
