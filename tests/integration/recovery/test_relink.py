"""The links are in both systems too: what the markers say when the database is lost."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from cli import environment
from cli.main import cli
from sync.store.schema import attendance, object_, visit
from tests.integration.visits.test_syncs_recurring import series
from tests.support.agreement import agree
from tests.support.clinic import ZONE, Clinic, open_clinic, utc, wall
from tests.support.group_clinic import PEOPLE, book, make_groups, patients
from tests.support.sandbox_client import Sandbox

OLD, NEW = "an-older-digest-key-of-32-bytes-or-so!", "the-newer-digest-key-of-32-bytes-too!!"


@contextmanager
def open_empty(sandbox: Sandbox, url: str, home: Path, **settings: Any) -> Iterator[Clinic]:
    """The same installation on a database that is empty; counting begins when it is connected."""
    with Clinic(sandbox, url, home, **settings) as clinic:
        clinic.connect()
        clinic.forget()
        yield clinic
        assert clinic.wire.problems == []


def relink(*arguments: str, code: int = 0) -> Result:
    found = CliRunner().invoke(cli, ["relink", *arguments])
    assert found.exit_code == code, found.output
    return found


def new_database(path: Path, name: str = "empty.db") -> str:
    return f"sqlite:///{path / name}"


@pytest.mark.parametrize(("keys", "foreign"), [(f"{NEW},{OLD}", False), (NEW, True)])
def test_whose_marker_it_is_goes_by_every_digest_key(
    sandbox: Sandbox,
    sqlite_url: str,
    tmp_path: Path,
    keys: str,
    foreign: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A marker made with a key that is still configured is ours, in an empty database too."""
    with open_clinic(sandbox, sqlite_url, tmp_path, digest_keys=OLD) as clinic:
        clinic.new_patient()
        clinic.go_live()
        appointment, _visit = clinic.linked()
    with open_empty(sandbox, new_database(tmp_path), tmp_path, digest_keys=keys) as clinic:
        clinic.edit(appointment, reason="a change, so that it is looked at")
        clinic.settle()
        assert clinic.attention() == ["foreign_marker" if foreign else "database_behind"]
        monkeypatch.setattr(environment, "settings", lambda: clinic.settings)
        told = relink("--yes", code=1 if foreign else 0).stderr
        assert ("DIGEST_KEYS" in told) is foreign
        clinic.settle()
        # The webhook's visit took a number that a marker has: that is written anew, by no mail.
        assert clinic.mails() == []
        clinic.forget()
        clinic.whole_cycle()
        assert clinic.attention() == (["foreign_marker"] * 2 if foreign else [])
        assert (clinic.writes(), clinic.mails(), len(clinic.visits())) == ([], [], 1)


# --- the database is lost -------------------------------------------------------------------------


def linked(clinic: Clinic) -> set[tuple[object, ...]]:
    """The links, told by the remote ids: what is one visit and where it stands, who attends it."""
    with clinic.sync.store.read() as conn:
        rows = conn.execute(select(object_).where(object_.c.remote_id.is_not(None))).all()
        visits = {row.aggregate: row for row in conn.execute(select(visit)).all()}
        current = conn.execute(select(attendance).where(attendance.c.current)).all()
    live = [row for row in rows if row.state == "live"]
    named = {row.id: f"{row.system} {row.kind} {row.remote_id}" for row in rows}
    person = {row.aggregate: named[row.id] for row in live if row.kind == "patient"}
    found: set[tuple[object, ...]] = {
        (named.get(a.appointment), named.get(a.participant), person.get(a.person), a.life)
        for a in current
    }
    for row in live:
        if row.kind == "appointment":
            at = visits[row.aggregate]
            group = (at.shared, at.slot_key if at.shared and at.state == "open" else None)
            place = (at.state, at.starts_at, at.doctor, group, at.occurrence_key)
            generation = row.generation if row.system == "oncall" else at.generation
            found.add((row.aggregate, named[row.id], row.has_marker, generation, place))
        elif row.kind != "participant":
            found.add((row.aggregate, named[row.id]))
    return found


def a_practice(clinic: Clinic) -> None:
    """A visit of each kind, from both sides, some with a past."""
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    make_groups(clinic)
    vera, omar, ines = patients(clinic)
    clinic.book(patient=vera, scheduled_time=wall(days=4))
    clinic.invite(datetime=f"{utc(days=5):%Y-%m-%dT%H:%M:%SZ}")
    clinic.book(patient=omar, doctor=202, profile=405, scheduled_time=wall(days=6))
    over = clinic.book(patient=vera, scheduled_time=wall(days=7))
    again = clinic.book(patient=vera, scheduled_time=wall(days=8))
    swapped = clinic.book(patient=vera, scheduled_time=wall(days=9))
    group = [book(clinic, one, scheduled_time=wall(days=10)) for one in (vera, omar, ines)]
    clinic.invite(
        datetime=f"{utc(days=11):%Y-%m-%dT%H:%M:%SZ}",
        participants=[
            {"first_name": first, "last_name": last, "email": f"{first.lower()}@mail.example"}
            for first, last in PEOPLE[:2]
        ],
    )
    end = utc(days=3).astimezone(ZONE) + timedelta(weeks=2)
    occurrences = series(clinic, patient=ines, recur_end_date=f"{end:%Y-%m-%d}")[:3]
    clinic.settle()
    clinic.beat("drchrono_window")
    clinic.settle()
    clinic.edit(over, status="Cancelled")
    clinic.edit(again, status="Cancelled")
    clinic.edit(swapped, patient=ines)
    clinic.edit(group[1], status="Cancelled")
    clinic.edit(occurrences[1], scheduled_time=wall(days=12))
    clinic.settle()
    clinic.edit(again, status="")
    clinic.settle()


def test_from_an_empty_database(
    sandbox: Sandbox, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All links are rebuilt from the markers; then a full pass writes nothing, and mails nobody."""
    with open_clinic(sandbox, f"sqlite:///{tmp_path / 'lost.db'}", tmp_path) as clinic:
        clinic.go_live()
        a_practice(clinic)
        clinic.whole_cycle()
        assert clinic.attention() == []
        before = linked(clinic)
    with open_empty(sandbox, postgres_url, tmp_path) as clinic:
        make_groups(clinic)
        monkeypatch.setattr(environment, "settings", lambda: clinic.settings)
        shown = relink("--dry-run", "--json")
        # Three as they were booked, three that ended or changed, two groups, three occurrences.
        assert json.loads(shown.stdout) == {
            "visits": 11, "groups": 2, "known": 0, "lost": 0, "people": 3, "foreign": 0
        }  # fmt: skip
        assert linked(clinic) == set()
        assert "--yes" in relink(code=1).stderr
        relink("--yes")
        clinic.pump()
        assert linked(clinic) - before == set()
        assert before - linked(clinic) == set()
        assert json.loads(relink("--dry-run", "--json").stdout)["known"] == 11
        clinic.whole_cycle()
        assert (clinic.writes(), clinic.mails(), clinic.attention()) == ([], [], [])
        # New visits get numbers that no marker has.
        clinic.book(patient=clinic.new_patient(), scheduled_time=wall(days=13))
        clinic.settle()
        assert (clinic.mails(), clinic.attention()) == ([("invitation", "app")], [])


# --- what differs by now --------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["ask", "record"])
def test_what_differs_by_now_follows_the_policy_and_what_does_not_is_left_alone(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path, policy: str
) -> None:
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        vera, omar, ines = patients(clinic)
        clinic.go_live()
        for day, one in enumerate((vera, vera, omar, ines), 4):
            clinic.book(patient=one, scheduled_time=wall(days=day))
        clinic.settle()
        moved, deleted = clinic.appointments()[1:3]
        visits = sorted(clinic.visits(), key=lambda one: int(one["id"]))
    # While there is no database: one visit is moved, one is deleted, one patient has a new address.
    clinic.edit(moved["id"], scheduled_time=wall(days=5, hour=17))
    clinic.delete(deleted["id"])
    clinic.edit_patient(ines, email="ines.new@mail.example")
    with open_empty(sandbox, new_database(tmp_path), tmp_path) as clinic:
        text = clinic.settings.mapping_file.read_text()
        clinic.settings.mapping_file.write_text(
            f'{text}\n[policy]\non_first_difference = "{policy}"\n'
        )
        clinic.beat("matching")
        clinic.settle()
        clinic.whole_cycle()
        now = {one["id"]: one for one in clinic.of("oncall", "appointments")}
        assert now[visits[0]["id"]] == visits[0]
        assert now[visits[2]["id"]]["cancelled"] is True
        at = now[visits[1]["id"]]["datetime"]
        email = now[visits[3]["id"]]["participants"][0]["email"]
        if policy == "ask":
            assert (at, email) == (visits[1]["datetime"], "ines@mail.example")
            assert clinic.attention() == ["contact_differs", "contact_differs", "starts_differs"]
            assert clinic.mails() == [("cancellation", "app")]
        else:
            assert (at, email) == (
                f"{utc(days=5, hour=17):%Y-%m-%dT%H:%M:%SZ}",
                "ines.new@mail.example",
            )
            assert clinic.attention() == []
            assert sorted(clinic.mails()) == [
                ("cancellation", "app"), ("change", "app"), ("invitation", "app")
            ]  # fmt: skip
            agree(clinic)


def test_another_patient_by_now_is_a_question(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    """The markers name each other, the people do not agree: nobody is cancelled for a guess."""
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        _vera, omar, _ines = patients(clinic)
        clinic.go_live()
        appointment, visit_id = clinic.linked()
    clinic.edit(appointment, patient=omar)
    with open_empty(sandbox, new_database(tmp_path), tmp_path) as clinic:
        clinic.beat("matching")
        clinic.settle()
        clinic.whole_cycle()
        assert clinic.attention() == ["visit_unsure", "visit_unsure"]
        assert (clinic.writes(), clinic.mails()) == ([], [])
        assert [one["id"] for one in clinic.visits()] == [visit_id]
