"""Bring patients of a file in: each line becomes a roster contact, once.

Planned in four passes: the file's lines become items, each line is read and judged, addresses that
too many lines share are told. Done one after another (`import_patients_do`).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sync.batches import kept
from sync.batches.kinds import listed_contacts, reading
from sync.batches.kinds.import_patients_do import do as do
from sync.batches.kinds.import_patients_judge import Judged, chart_of, judged
from sync.batches.kinds.model import Cost
from sync.core.batch.model import Fate
from sync.core.records import Absent, present
from sync.core.rules.people import keys, normal_email, normal_name
from sync.people import chartless
from sync.store.batches import items
from sync.store.tables import attendances, links
from sync.store.visits import visits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.batches.kinds.listed_contacts import Contacts
    from sync.batches.step import Step
    from sync.runtime import Sync
    from sync.sheets.patients import PatientRead
    from sync.store.batches.items import Stored

_AT_ONCE: Final = 100
_SHARED: Final = "shared"  # the last pass
# A search by e-mail and the POST; an update reads the contact before.
COSTS: Final = {Fate.CREATE: Cost(oncall=2), Fate.UPDATE: Cost(oncall=2)}


def costs(sync: Sync, options: Mapping[str, Any]) -> Mapping[Fate, Cost]:
    """What a line of each fate costs. Nobody gets a mail of a contact."""
    del sync, options
    return COSTS


def plan(step: Step) -> None:
    """Read the file and judge each line. Raises UnusableBatchError and the lists' RemoteErrors."""
    if step.cursor.get("pass") != _SHARED:
        reading.lines(step)
        known = listed_contacts.read(step)
        while some := reading.following(step, _AT_ONCE):
            rows = _judged(step, some, known)
            last = some[-1].number
            with step.keeping({"pass": reading.JUDGE, "line": last}) as conn:
                items.judge(conn, step.row.id, rows)
        step.keep({"pass": _SHARED, "mailbox": ""})
    _tell_shared(step)
    kept.forget(step)


def _judged(step: Step, some: list[Stored], known: Contacts) -> list[dict[str, Any]]:
    """What is stored of some lines. Of lines that name the same person the first one counts."""
    made = [_line(step, item, known) for item in some]
    doubled = partial(_says, step)
    reading.judge_doubled(step, made, doubled, lambda fate, cause: _columns(Judged(fate, cause)))
    return made


def _says(step: Step, item: Stored) -> tuple[object, ...]:
    read = reading.patient(step, item)
    return read.person.phone, read.person.sex, read.patient, read.record


def _line(step: Step, item: Stored, known: Contacts) -> dict[str, Any]:
    sync = step.sync
    read = reading.patient(step, item)
    found, doctor = problem(read), doctor_of(step, read)
    if doctor is None and found is None:
        doctor = _known_doctor(step, read)
    entry = None if doctor is None else sync.mapping.doctor(doctor)
    if found is None and entry is None:
        cause = "no_provider" if doctor is None else "unmapped"
        found = Judged(Fate.PROBLEM, cause)
    told: dict[str, Any] = {"number": item.number, "key": None, "mailbox": None, "doctor": doctor}
    if found is None:
        assert entry is not None  # noqa: S101 - else it was a problem
        place = (entry.oncall_provider, entry.oncall_division)
        found = judged(step, read, place, known)
        told["key"] = chartless.create_key(sync.digests, read.person, place).partition(":")[2]
        email = normal_email(present(read.person.email, ""))
        told["mailbox"] = sync.digests.person("email", email)
    return {**told, **_columns(found)}


def _columns(found: Judged) -> dict[str, Any]:
    return {
        "fate": found.fate.value,
        "cause": found.cause,
        "column": found.column,
        "fields": list(found.fields) or None,
        "candidates": list(found.candidates) or None,
        "source_id": found.source_id,
        "remote_id": found.remote_id,
        "subject": found.subject,
    }


def problem(read: PatientRead) -> Judged | None:
    """The first problem of a line; what it has no word for by the doctor is told apart."""
    if not read.problems:
        return None
    first = read.problems[0]
    return Judged(Fate.PROBLEM, first.code, column=first.column)


def doctor_of(step: Step, read: PatientRead) -> str | None:
    """The doctor of a line: its own, else the one that was chosen for all."""
    own = read.person.doctor
    chosen = step.options.get("doctor")
    return own if not isinstance(own, Absent) else None if chosen is None else str(chosen)


def _known_doctor(step: Step, read: PatientRead) -> str | None:
    """The one mapped doctor with whom the line's chart has a contact or visits to come, if any."""
    sync, mapping = step.sync, step.sync.mapping
    with sync.store.read() as conn:
        person = chart_of(conn, step, read).person
        if person is None:
            return None
        attended = attendances.open_attendances_of_person(conn, person, now=sync.clock())
        doctors = set(visits.doctors_of(conn, [one.visit for one in attended]))
        for one in links.objects_of(conn, person):
            if one.kind == "contact" and one.known:
                doctors.add(mapping.doctor_for(one.provider, one.division) or "")
    known = [one for one in doctors if mapping.doctor(one) is not None]
    return known[0] if len(known) == 1 else None


def _tell_shared(step: Step) -> None:
    """Make problems of the lines of an address that more people share than one household has."""
    table, batch = step.sync.mapping.addresses, step.row.id
    last = str(step.cursor.get("mailbox", ""))
    while table.families:
        with step.sync.store.read() as conn:
            crowded = items.crowded(conn, batch, last, table.families)
        if not crowded:
            return
        for mailbox in crowded:
            with step.sync.store.read() as conn:
                found = items.with_mailbox(conn, batch, mailbox)
            read = [reading.patient(step, one) for one in found]
            families = {normal_name(present(one.person.last_name, "")) for one in read}
            email = dict(keys(read[0].person))["email"][0]
            shared = table.is_crowd(email, len(read), len(families))
            told = Judged(Fate.PROBLEM, "email_shared")
            last = mailbox
            with step.keeping({"pass": _SHARED, "mailbox": last}) as conn:
                if shared:
                    rows = [{"number": one.number, **_columns(told)} for one in found]
                    items.judge(conn, batch, rows)
