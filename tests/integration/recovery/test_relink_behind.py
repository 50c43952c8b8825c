"""A database that is behind the two systems: yesterday's copy, put back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from typing import Any

from sqlalchemy import make_url

from sync.core.markers import parse_marker
from sync.run.evidence import behind
from sync.tasks import gaps, schedule, worker
from tests.support.agreement import agree
from tests.support.clinic import Clinic, open_clinic, utc, wall
from tests.support.group_clinic import PEOPLE, book, make_groups, patients
from tests.support.sandbox_client import Sandbox

# An account that lets us have no field for our marker in DrChrono's appointments.
NO_FIELD: dict[str, Any] = {
    "match": {"method": "POST", "path": "^/api/custom_appointment_fields$"},
    "do": "status",
    "status": 403,
    "times": None,
}


def copy_database(url: str, name: str) -> str:
    """The database (SQLite) as it stands now under another name; nobody is connected to it."""
    path = Path(str(make_url(url).database))
    copyfile(path, path.with_name(f"{name}.db"))
    return f"sqlite:///{path.with_name(name)}.db"


def beat(clinic: Clinic) -> None:
    """What beat and workers do in three quarters of a minute, a look every fifteen seconds."""
    for _ in range(3):
        for name in schedule.due_tasks(clinic.sync):
            clinic.beat(name)
        with clinic.sync.store.read() as conn:
            held = behind.holds(conn)
        if not held:
            clinic.pump()
        clinic.advance(15)
    clinic.settle()


def assert_nothing_is_worked_on(clinic: Clinic) -> None:
    """Something is due, and no run of it does anything."""
    clinic.sandbox.wait_idle()
    before = clinic.calls("drchrono") + clinic.calls("oncall")
    due = clinic.due()
    assert due
    assert [worker.run(clinic.sync, key) for key in due] == [()] * len(due)
    assert clinic.calls("drchrono") + clinic.calls("oncall") == before


def work_until_behind(clinic: Clinic) -> None:
    """Work on what is due until it shows that the database is behind."""
    for _ in range(20):
        clinic.sandbox.wait_idle()
        for key in clinic.due():
            worker.run(clinic.sync, key)
        if "database_behind" in clinic.attention():
            return
        clinic.advance(1)
    raise AssertionError("nothing showed it")


def a_day(clinic: Clinic, stood: dict[str, str]) -> None:
    """What is booked, moved, ended and begun again on both sides in a day."""
    vera, omar, ines = (int(stood[name]) for name in ("vera", "omar", "ines"))
    clinic.book(patient=omar, scheduled_time=wall(days=5))
    clinic.invite(
        datetime=f"{utc(days=6):%Y-%m-%dT%H:%M:%SZ}",
        participants=[{"first_name": "Nora", "last_name": "Vik", "email": "nora@mail.example"}],
    )
    for one in (vera, omar, ines):
        book(clinic, one, scheduled_time=wall(days=7))
    book(clinic, ines, scheduled_time=wall(days=12))  # joins a group that stands
    clinic.invite(
        datetime=f"{utc(days=13):%Y-%m-%dT%H:%M:%SZ}",
        type="phone",
        participants=[
            {"first_name": first, "last_name": last, "email": f"{first.lower()}@mail.example"}
            for first, last in PEOPLE[:2]
        ],
    )
    clinic.edit(stood["moved"], scheduled_time=wall(days=8, hour=17))
    clinic.edit(stood["again"], status="Cancelled")
    clinic.edit(stood["cancelled"], status="Cancelled")
    clinic.edit_patient(ines, email="ines.new@mail.example")
    clinic.settle()
    clinic.edit(stood["again"], status="")
    clinic.settle()


@contextmanager
def a_copy_of_yesterday(sandbox: Sandbox, url: str, home: Path) -> Iterator[Clinic]:
    """A clinic that went on for a day, and then on the database of the day before."""
    sandbox.behaviours("oncall", returns_provider=True)
    with open_clinic(sandbox, url, home) as clinic:
        make_groups(clinic)
        vera, omar, ines = patients(clinic)
        clinic.go_live()
        stood = {"vera": str(vera), "omar": str(omar), "ines": str(ines)}
        for day, name in enumerate(("moved", "again", "cancelled"), 9):
            stood[name] = clinic.book(patient=ines, scheduled_time=wall(days=day))
        for one in (vera, omar):
            book(clinic, one, scheduled_time=wall(days=12))
        clinic.settle()
        beat(clinic)
    yesterday = copy_database(url, "yesterday")
    with open_clinic(sandbox, url, home) as clinic:
        make_groups(clinic)
        a_day(clinic, stood)
        clinic.whole_cycle()
        agree(clinic)
        offset = clinic.offset
    with Clinic(sandbox, yesterday, home) as clinic:
        clinic.offset = offset
        clinic.connect()
        make_groups(clinic)
        clinic.forget()
        yield clinic


def test_yesterday_s_database_goes_on_where_it_stood(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    """Visits made since are known by their markers: none is doubled, nobody is mailed again."""
    with a_copy_of_yesterday(sandbox, sqlite_url, tmp_path) as clinic:
        beat(clinic)
        agree(clinic)
        assert clinic.mails() == []
        assert clinic.writes() == []
        assert clinic.attention() == []


def test_a_webhook_tells_that_the_database_is_behind(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    """Without a gap in time: the first marker that contradicts the rows stops all work.

    What is booked meanwhile gets numbers that markers of the lost day have too.
    """
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        vera, omar, ines = patients(clinic)
        clinic.go_live()
        stood, _visit = clinic.linked(patient=vera)
        clinic.catch_up()
    yesterday = copy_database(sqlite_url, "yesterday")
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        days = {omar: 5, ines: 7}
        since = [clinic.book(patient=p, scheduled_time=wall(days=d)) for p, d in days.items()]
        clinic.settle()
    with Clinic(sandbox, yesterday, tmp_path) as clinic:
        clinic.connect()
        clinic.forget()
        booked = clinic.book(patient=vera, scheduled_time=wall(days=6))
        clinic.edit(since[0], reason="a change, so that it is looked at")
        clinic.edit(stood, scheduled_time=wall(days=3, hour=17))
        work_until_behind(clinic)
        clinic.edit(stood, status="Confirmed")
        assert_nothing_is_worked_on(clinic)
        clinic.beat("matching")
        clinic.settle()
        clinic.whole_cycle()
        agree(clinic)
        assert clinic.attention() == []
        # The visit that is new, and the one that was moved; of those made since nobody hears.
        assert sorted(clinic.mails()) == [("change", "app"), ("invitation", "app")]
        markers = [clinic.appointment(one)["custom_fields"] for one in (booked, *since)]
        numbers = {parse_marker(field["field_value"]) for (field,) in markers}
        assert len({one.aggregate for one in numbers if one is not None}) == 3
        clinic.forget()
        clinic.whole_cycle()
        assert (clinic.writes(), clinic.mails()) == ([], [])


def test_after_an_outage_nothing_is_made_before_the_newest_were_looked_at(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    """Yesterday's database, in an account that lets us have no field: OnCall's marker says it."""
    sandbox.faults("drchrono", NO_FIELD)
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        clinic.new_patient()
        clinic.go_live()
        patient = clinic.patient
        beat(clinic)
    yesterday = copy_database(sqlite_url, "yesterday")
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        appointment = clinic.book(patient=patient)
        clinic.settle()
        assert clinic.appointment(appointment)["custom_fields"] == []
    with Clinic(sandbox, yesterday, tmp_path) as clinic:
        clinic.connect()
        clinic.advance(3600)
        clinic.forget()
        clinic.edit(appointment, reason="a change, so that it is looked at")
        gaps.after_a_gap(clinic.sync)  # a worker that begins before the beat does this
        assert_nothing_is_worked_on(clinic)
        beat(clinic)
        agree(clinic)
        assert clinic.mails() == []
        assert clinic.attention() == ["appointment_field_refused"]


def test_what_waited_yesterday_was_booked_since(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    """A visit that the copy knows alone; its appointment bears nothing and is met first."""
    sandbox.faults("drchrono", NO_FIELD)
    who = {"first_name": "Nora", "last_name": "Vik", "email": "nora@mail.example"}
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        clinic.new_patient()
        clinic.go_live()
        visit_id = clinic.invite(participants=[who])
        clinic.settle()
        assert "provider_unknown" in clinic.attention()
    yesterday = copy_database(sqlite_url, "yesterday")
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        sandbox.behaviours("oncall", returns_provider=True)
        clinic.change_visit(visit_id, duration=45)
        clinic.settle()
        (appointment,) = clinic.appointments()
        assert appointment["custom_fields"] == []
    with Clinic(sandbox, yesterday, tmp_path) as clinic:
        clinic.connect()
        clinic.forget()
        clinic.edit(appointment["id"], reason="a change, so that it is looked at")
        work_until_behind(clinic)
        clinic.beat("matching")
        clinic.settle()
        clinic.whole_cycle()
        agree(clinic)
        assert clinic.mails() == []
        assert (len(clinic.appointments()), len(clinic.visits())) == (1, 1)
