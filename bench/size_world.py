"""Fill the sandbox with a large practice, and the database with the links of it.

Rows are copies of one patient, appointment, visit and contact that the sandbox and the engine made
themselves; only what tells them apart is changed. Nobody is told of them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from sqlalchemy import insert, select

from sync.runtime import Sync
from sync.store.schema import aggregate, attendance, baseline, object_, person, visit, work
from tests.support.clinic import ZONE, Clinic, utc

CHUNK = 2_000
PATIENT, APPOINTMENT, VISIT, PARTICIPANT, CONTACT = (
    *(1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000),
)
DAYS = 150  # over which the visits are spread
Row = dict[str, Any]


def fill(clinic: Clinic, patients: int, visits: int, *, contacts: bool, there: bool) -> None:
    """Have the sandbox hold so many; `there`: OnCall has the visits too, `contacts`: contacts."""
    appointment, visit_id = clinic.linked()
    chart = _row(clinic, "drchrono", "patients", str(clinic.patient))
    booked = _row(clinic, "drchrono", "appointments", appointment)
    held = _row(clinic, "oncall", "appointments", visit_id)
    contact = clinic.of("oncall", "contacts")[0]
    _send(clinic, "drchrono", "patients", (_patient(chart, n) for n in range(patients)))
    at = [_begins(n) for n in range(visits)]
    _send(
        clinic,
        "drchrono",
        "appointments",
        (_appointment(booked, n, patients, at[n]) for n in range(visits)),
    )
    if contacts:
        _send(clinic, "oncall", "contacts", (_contact(contact, n) for n in range(patients)))
    if there:
        _send(
            clinic,
            "oncall",
            "appointments",
            (_visit(held, n, patients, at[n]) for n in range(visits)),
        )


def _row(clinic: Clinic, remote: str, kind: str, remote_id: str) -> Row:
    return next(one for one in clinic.of(remote, kind) if str(one["id"]) == remote_id)


def _begins(number: int) -> Any:
    return utc(days=2 + number % DAYS, hour=8 + number // DAYS % 12)


def _name(number: int) -> Row:
    letters = "".join(chr(ord("a") + int(digit)) for digit in f"{number:05d}")
    return {
        "first_name": f"Nora{letters}",
        "last_name": f"Quill{letters}",
        "email": f"nora{number}@mail.example",
    }


def _patient(row: Row, number: int) -> Row:
    made = copy.deepcopy(row)
    made.update(_name(number), id=PATIENT + number, custom_demographics=[])
    return made


def _appointment(row: Row, number: int, patients: int, at: Any) -> Row:
    made = copy.deepcopy(row)
    wall = f"{at.astimezone(ZONE):%Y-%m-%dT%H:%M:%S}"
    made.update(id=str(APPOINTMENT + number), patient=PATIENT + number % patients)
    made.update(scheduled_time=wall, custom_fields=[])
    return made


def _visit(row: Row, number: int, patients: int, at: Any) -> Row:
    made = copy.deepcopy(row)
    who = made["participants"][0]
    named = _name(number % patients)
    who.update(named, id=str(PARTICIPANT + number), appointment=str(VISIT + number))
    who["name"] = f"{named['first_name']} {named['last_name']}"
    made.update(id=str(VISIT + number), datetime=f"{at:%Y-%m-%dT%H:%M:%SZ}", metadata=None)
    made["participants"] = [who]
    return made


def _contact(row: Row, number: int) -> Row:
    made, named = copy.deepcopy(row), _name(number)
    made.update(named, id=str(CONTACT + number), name=" ".join(list(named.values())[:2]))
    return made


def _send(clinic: Clinic, remote: str, kind: str, rows: Iterable[Row]) -> None:
    some: dict[str, Row] = {}
    for row in rows:
        some[str(row["id"])] = row
        if len(some) == CHUNK:
            clinic.sandbox.control(remote, "fill", {"kind": kind, "rows": some})
            some = {}
    if some:
        clinic.sandbox.control(remote, "fill", {"kind": kind, "rows": some})


# --- what is linked -------------------------------------------------------------------------------


def link(sync: Sync, patients: int, visits: int) -> None:
    """Write the rows that the engine would have made: every visit and person linked, and settled.

    Baselines are those of OnCall's provider alone: the comparison asks for no other.
    """
    now = sync.clock()
    with sync.store.write() as conn:
        first = int(
            conn.execute(select(aggregate.c.id).order_by(aggregate.c.id.desc())).scalar() or 0
        )
        base = int(conn.execute(select(object_.c.id).order_by(object_.c.id.desc())).scalar() or 0)
    people, keys = first + 1, first + 1 + patients
    rows_of_people, rows_of_visits = base + 1, base + 1 + 2 * patients

    def objects(
        of: int, number: int, kinds: tuple[tuple[str, str, int], ...], at: int
    ) -> list[Row]:
        usual = {"state": "live", "created_at": now, "seen_at": now, "has_marker": True}
        return [
            {
                **usual,
                "id": at + place,
                "system": system,
                "kind": kind,
                "remote_id": str(first_id + number),
                "aggregate": of,
                "provider": "196157" if kind == "contact" else None,
                "division": "2404" if kind == "contact" else None,
            }
            for place, (system, kind, first_id) in enumerate(kinds)
        ]

    of_a_person = (("drchrono", "patient", PATIENT), ("oncall", "contact", CONTACT))
    of_a_visit = (
        ("drchrono", "appointment", APPOINTMENT),
        ("oncall", "appointment", VISIT),
        ("oncall", "participant", PARTICIPANT),
    )
    for begin in range(0, patients, CHUNK):
        numbers = range(begin, min(begin + CHUNK, patients))
        with sync.store.write() as conn:
            _put(
                conn,
                aggregate,
                [{"id": people + n, "kind": "person", "created_at": now} for n in numbers],
            )
            _put(conn, person, [{"aggregate": people + n} for n in numbers])
            _put(
                conn,
                object_,
                [
                    row
                    for n in numbers
                    for row in objects(people + n, n, of_a_person, rows_of_people + 2 * n)
                ],
            )
    for begin in range(0, visits, CHUNK):
        numbers = range(begin, min(begin + CHUNK, visits))
        with sync.store.write() as conn:
            _put(
                conn,
                aggregate,
                [{"id": keys + n, "kind": "visit", "created_at": now} for n in numbers],
            )
            _put(
                conn,
                visit,
                [
                    {"aggregate": keys + n, "starts_at": _begins(n), "doctor": "201"}
                    for n in numbers
                ],
            )
            _put(
                conn,
                object_,
                [
                    row
                    for n in numbers
                    for row in objects(keys + n, n, of_a_visit, rows_of_visits + 3 * n)
                ],
            )
            _put(
                conn,
                attendance,
                [
                    {
                        "visit": keys + n,
                        "current": True,
                        "appointment": rows_of_visits + 3 * n,
                        "participant": rows_of_visits + 3 * n + 2,
                        "person": people + n % patients,
                    }
                    for n in numbers
                ],
            )
            _put(
                conn,
                work,
                [
                    {"aggregate": keys + n, "wanted": 1, "done": 1, "lane": 2, "due": now}
                    for n in numbers
                ],
            )
            _put(conn, baseline, [_provider(sync, rows_of_visits + 3 * n + 1) for n in numbers])


def _provider(sync: Sync, row: int) -> Row:
    key_id = sync.digests.key_ids[0]
    digest = sync.digests.field(row, "provider", "196157", key_id)
    return {"object": row, "field": "provider", "key_id": key_id, "digest": digest}


def _put(conn: Any, table: Any, rows: list[Row]) -> None:
    if rows:
        conn.execute(insert(table), rows)
