"""Read a row of a file of patients."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sync.core.records import ABSENT
from sync.sheets import people

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.core.records import Person
    from sync.sheets.choosing import Choice
    from sync.sheets.model import Options, Problem


@dataclass(frozen=True, slots=True)
class PatientRead:
    """A patient of a file. `person.doctor` is the doctor of their provider, ABSENT: none is said.

    `patient` is their id in DrChrono, `record` their reference in the health record; "" for none.
    What is wrong is in `problems`; a field that can't be read is empty.
    """

    person: Person
    patient: str = field(repr=False)
    record: str = field(repr=False)
    problems: tuple[Problem, ...] = ()


def read_patient(cells: Sequence[str], choice: Choice, options: Options) -> PatientRead:
    """What a row says of a patient. Never raises for a cell."""
    row = people.Cells(cells, choice)
    person = people.read_person(row, options)
    doctor = people.doctor(row, options)
    patient, record = people.patient_id(row), people.identity(row, "record")
    person = replace(person, doctor=ABSENT if doctor is None else doctor)
    return PatientRead(person, patient, record, tuple(row.problems))
