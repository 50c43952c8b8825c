"""Compare what both systems show, by their own state and typed-in tables, not by our code.

Every open visit is one line: start, length, type, provider, name and e-mail. Both sides' lines must
be the same, each once; people and contacts must not be doubled.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

# The sandbox's seed: doctor → OnCall provider, division, zone; profile → OnCall type.
DOCTORS = {
    201: ("196157", "2404", ZoneInfo("US/Eastern")),
    202: ("196158", "2404", ZoneInfo("US/Eastern")),
    203: ("196159", "2405", ZoneInfo("America/Los_Angeles")),
}
TYPES = {401: "online", 402: "phone", 404: "online", 405: "phone", 407: "online", 408: "phone"}
OVER_THERE = {"Complete", "No show"}
OVER_HERE = {"Cancelled", "No Show", "Complete", "Rescheduled"}
SEXES = {"Female": "female", "Male": "male"}


class Shown(Protocol):
    """Both systems' own state."""

    def of(self, remote: str, kind: str) -> list[dict[str, Any]]:
        """Every object of a kind on one side."""


class Line(NamedTuple):
    """One patient's open visit as either side shows it."""

    starts: str
    minutes: int
    type: str
    provider: str
    division: str
    first_name: str
    last_name: str
    email: str


class Who(NamedTuple):
    """One patient with one provider, as a chart or a contact shows them."""

    provider: str
    first_name: str
    last_name: str
    email: str
    phone: str
    birth_date: str | None
    sex: str


def differences(
    shown: Shown, *, contacts: bool = True, types: Mapping[int, str] = TYPES
) -> list[str]:
    """What differs and what is there twice, one line each; ask when nothing is due any more.

    `types` is what the mapping says: the type of a profile.
    """
    here, there = Counter(_appointments(shown, types)), Counter(_visits(shown))
    problems = [f"only in DrChrono: {line}" for line in (here - there).elements()]
    problems += [f"only in OnCall: {line}" for line in (there - here).elements()]
    problems += _doubles("visit in DrChrono", here.elements())
    problems += _doubles("visit in OnCall", there.elements())
    problems += _doubled_slots(shown, types)
    problems += _doubles("patient", (_identity(p) for p in shown.of("drchrono", "patients")))
    if contacts:
        problems += _contacts(shown, types)
    return problems


def _appointments(shown: Shown, types: Mapping[int, str]) -> list[Line]:
    patients = {p["id"]: p for p in shown.of("drchrono", "patients")}
    return [_line(one, patients[one["patient"]], types) for one in open_appointments(shown, types)]


def open_appointments(shown: Shown, types: Mapping[int, str] = TYPES) -> list[dict[str, Any]]:
    """The appointments that OnCall is to know: in scope, not over, not deleted."""
    return [
        one
        for one in shown.of("drchrono", "appointments")
        if one["status"] not in OVER_HERE
        and not one["deleted_flag"]
        and not one.get("is_virtual_base")
        and one["profile"] in types
    ]


def open_visits(shown: Shown) -> list[dict[str, Any]]:
    """The OnCall visits that are not over and still have somebody to come."""
    return [
        one
        for one in shown.of("oncall", "appointments")
        if not one["cancelled"]
        and one["status"] not in OVER_THERE
        and not all(who["cancelled"] for who in one["participants"])
    ]


def _line(one: dict[str, Any], patient: dict[str, Any], types: Mapping[int, str]) -> Line:
    provider, division, zone = DOCTORS[one["doctor"]]
    starts = datetime.fromisoformat(one["scheduled_time"]).replace(tzinfo=zone).astimezone(UTC)
    return Line(
        f"{starts:%Y-%m-%dT%H:%M:%SZ}",
        one["duration"],
        types[one["profile"]],
        provider,
        division,
        patient["first_name"],
        patient["last_name"],
        patient["email"],
    )


def _visits(shown: Shown) -> list[Line]:
    return [
        Line(
            one["datetime"],
            one["duration"],
            one["type"],
            one["provider"],
            one["division"],
            who["first_name"],
            who["last_name"],
            who["email"],
        )
        for one in open_visits(shown)
        for who in one["participants"]
        if not who["cancelled"]
    ]


def _contacts(shown: Shown, types: Mapping[int, str]) -> list[str]:
    """A contact per patient and provider that ever had a visit, saying what the chart says."""
    patients = {p["id"]: p for p in shown.of("drchrono", "patients")}
    seen = {(one["patient"], DOCTORS[one["doctor"]][0]) for one in open_appointments(shown, types)}
    wanted = {_who(patients[patient], provider) for patient, provider in seen}
    rows = shown.of("oncall", "contacts")
    known = [
        Who(
            row["provider"],
            row["first_name"],
            row["last_name"],
            row["email"] or "",
            row["phone"] or "",
            row["date_of_birth"],
            row["sex"],
        )
        for row in rows
    ]
    problems = [f"no contact says: {who}" for who in wanted - set(known)]
    return problems + _doubles("contact", (who[:4] for who in known))


def _who(patient: dict[str, Any], provider: str) -> Who:
    digits = "".join(sign for sign in patient["cell_phone"] or "" if sign.isdigit())
    return Who(
        provider,
        patient["first_name"],
        patient["last_name"],
        patient["email"],
        digits,
        patient["date_of_birth"] or None,
        SEXES.get(patient["gender"], "Unknown"),
    )


def _doubled_slots(shown: Shown, types: Mapping[int, str]) -> list[str]:
    """Two open visits of one person with one doctor at one time, whatever else they say."""
    here = [
        (one["doctor"], one["patient"], one["scheduled_time"])
        for one in open_appointments(shown, types)
    ]
    there = [
        (one["provider"], one["datetime"], who["email"])
        for one in open_visits(shown)
        for who in one["participants"]
        if not who["cancelled"]
    ]
    return _doubles("slot in DrChrono", here) + _doubles("slot in OnCall", there)


def _identity(patient: dict[str, Any]) -> tuple[str, ...]:
    names = ("first_name", "last_name", "email", "date_of_birth")
    return tuple(str(patient[name] or "") for name in names)


def _doubles(what: str, items: Iterable[tuple[Any, ...]]) -> list[str]:
    return [
        f"{count} times the {what}: {item}" for item, count in Counter(items).items() if count > 1
    ]
