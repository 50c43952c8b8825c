"""Bring files of patients into a test's clinic."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from sync.batches import showing, steering
from sync.core.batch.model import Kind, State
from tests.support.clinic import DIVISION, PROVIDER, Clinic

HEADERS = ("First Name", "Last Name", "Email", "Date of Birth", "Mobile Phone", "Sex", "Chart ID")
Line = Sequence[str]


def line(number: int, **changes: str) -> list[str]:
    """A made-up patient; `changes` by the header's words in small letters, with `_`."""
    values = {
        "first_name": f"Nora{letters(number)}",
        "last_name": f"Quill{letters(number)}",
        "email": f"nora{number}@mail.example",
        "date_of_birth": "1980-12-31",
        "mobile_phone": "212-555-0147",
        "sex": "Female",
        "chart_id": f"MRN-{number}",
        **changes,
    }
    return [values[name.lower().replace(" ", "_")] for name in HEADERS]


def letters(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def text(lines: Sequence[Line], headers: Line = HEADERS) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([headers, *lines])
    return out.getvalue().encode()


def opened(clinic: Clinic, lines: Sequence[Line], headers: Line = HEADERS) -> int:
    file = io.BytesIO(text(lines, headers))
    return steering.open_file(clinic.sync, Kind.IMPORT_PATIENTS, file)


def planned(
    clinic: Clinic, lines: Sequence[Line], headers: Line = HEADERS, provider: str | None = PROVIDER
) -> int:
    number = opened(clinic, lines, headers)
    chosen = showing.columns(clinic.sync, number).chosen
    steering.choose(clinic.sync, number, chosen, provider=provider)
    clinic.pump()
    shown = showing.show(clinic.sync, number)
    assert (shown.state, shown.cause) == (State.PLANNED, None)
    return number


def done(clinic: Clinic, number: int) -> None:
    steering.start(clinic.sync, number)
    clinic.settle()
    assert showing.show(clinic.sync, number).state is State.DONE


def brought(clinic: Clinic, lines: Sequence[Line]) -> int:
    number = planned(clinic, lines)
    done(clinic, number)
    return number


def contact(clinic: Clinic, **changes: Any) -> str:
    """Staff make a contact in OnCall; returns its id."""
    base = clinic.sandbox.oncall_url
    body = {
        "first_name": "Noraa",
        "last_name": "Quilla",
        "email": "nora0@mail.example",
        "date_of_birth": "1980-12-31",
        "provider": f"{base}/providers/{PROVIDER}/",
        "division": f"{base}/divisions/{DIVISION}/",
        **changes,
    }
    answer = clinic.sandbox.staff_oncall("POST", "/contacts/", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"].rstrip("/").rpartition("/")[2])


def fates(clinic: Clinic, number: int) -> list[tuple[str, str | None]]:
    """Fate and cause of each line, in their order."""
    found = showing.items(clinic.sync, number, limit=1000)
    return [(str(one.fate), one.cause) for one in found]


def outcomes(clinic: Clinic, number: int) -> list[str]:
    """What became of each line, in their order."""
    found = showing.items(clinic.sync, number, limit=1000)
    return [str(one.outcome or "") for one in found]


def result(clinic: Clinic, number: int) -> list[dict[str, str]]:
    """The result as a reader of CSV has it."""
    whole = "".join(showing.result(clinic.sync, number, bom=False))
    return list(csv.DictReader(io.StringIO(whole)))
