"""Bring files of appointments into a test's clinic."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from sync.batches import showing, steering
from sync.core.batch.model import Kind, State
from tests.support.clinic import PROVIDER, ZONE, Clinic, utc

HEADERS = (
    *("Patient First Name", "Patient Last Name", "Patient Email", "Date of Birth"),
    *("Provider", "Date", "Start Time", "Duration", "Visit Type", "Status"),
    *("Appointment ID", "MRN", "DrChrono Patient ID"),
)


def line(number: int = 0, *, days: int = 5, **changes: str) -> list[str]:
    """A visit of the clinic's one patient, each number at an hour of its own."""
    at = utc(days=days + number // 6, hour=14 + number % 6).astimezone(ZONE)
    values = {
        "patient_first_name": "Vera",
        "patient_last_name": "Lindqvist",
        "patient_email": "vera@mail.example",
        "date_of_birth": "1984-05-06",
        "provider": PROVIDER,
        "date": f"{at:%Y-%m-%d}",
        "start_time": f"{at:%I:%M %p}",
        "duration": "30",
        "visit_type": "online",
        "status": "Scheduled",
        "appointment_id": f"EMR-{number}",
        "mrn": "MRN-7",
        "drchrono_patient_id": "",
        **changes,
    }
    return [values[name.lower().replace(" ", "_")] for name in HEADERS]


def planned(clinic: Clinic, lines: Sequence[Sequence[str]], provider: str | None = None) -> int:
    """A batch of these lines that waits to be started."""
    out = io.StringIO()
    csv.writer(out).writerows([HEADERS, *lines])
    file = io.BytesIO(out.getvalue().encode())
    number = steering.open_file(clinic.sync, Kind.IMPORT_APPOINTMENTS, file)
    chosen = showing.columns(clinic.sync, number).chosen
    steering.choose(clinic.sync, number, chosen, provider=provider)
    clinic.pump()
    shown = showing.show(clinic.sync, number)
    assert (shown.state, shown.cause) == (State.PLANNED, None)
    return number


def made(clinic: Clinic) -> list[str]:
    """The references of the visits that files have made in OnCall, each as often as it stands."""
    every = [one.get("metadata") or {} for one in clinic.of("oncall", "appointments")]
    return sorted(str(one["emr_appointment_id"]) for one in every if "emr_appointment_id" in one)
