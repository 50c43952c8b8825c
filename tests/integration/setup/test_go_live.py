"""Show first what going live would match and make, and do nothing before the word."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from cli import environment
from cli.main import cli
from sync.matching import preview
from sync.operations.status import overview
from sync.setup.check import check
from sync.store.schema import object_
from sync.tasks import schedule
from tests.support.clinic import Clinic, open_clinic, utc, wall
from tests.support.sandbox_client import Sandbox


@pytest.fixture
def waiting(sandbox: Sandbox, sqlite_url: str, tmp_path: Path) -> Iterator[Clinic]:
    """A connected clinic that asks before it goes live; one patient."""
    with open_clinic(sandbox, sqlite_url, tmp_path, go_live="ask") as clinic:
        clinic.sandbox.behaviours("oncall", returns_provider=True)
        clinic.new_patient()
        clinic.pump()
        yield clinic


def rows(clinic: Clinic) -> int:
    with clinic.sync.store.read() as conn:
        return conn.execute(select(func.count()).select_from(object_)).scalar_one()


def writes(clinic: Clinic) -> list[str]:
    found = clinic.calls("oncall") + clinic.calls("drchrono")
    return [call for call in found if call.startswith("POST")]


def everything(clinic: Clinic) -> None:
    """One visit on both sides, one of each side alone, and what a person must decide."""
    clinic.book(scheduled_time=wall(days=4))
    clinic.invite()
    clinic.book(scheduled_time=wall(days=5))
    clinic.invite(
        datetime=f"{utc(days=6):%Y-%m-%dT%H:%M:%SZ}",
        participants=[{"first_name": "Ines", "last_name": "Okoro", "email": "ines@mail.example"}],
    )
    clinic.invite(  # Vera's address, another name: it may be her
        datetime=f"{utc(days=7):%Y-%m-%dT%H:%M:%SZ}",
        participants=[{"first_name": "Olga", "last_name": "Berg", "email": "vera@mail.example"}],
    )
    clinic.new_patient(first_name="Nora", email="")
    clinic.book(scheduled_time=wall(days=8))


def test_the_dry_run_counts_and_stores_nothing(waiting: Clinic) -> None:
    waiting.sandbox.faults("drchrono", webhooks={"mode": "drop"})
    waiting.sandbox.faults("oncall", webhooks={"mode": "drop"})
    everything(waiting)
    before = rows(waiting)
    waiting.forget()
    found = preview.preview(waiting.sync)
    assert found == preview.GoLivePreview(
        accepted=False,
        people_matched=0,
        visits_linked=0,
        visits_matched=1,
        create_in_oncall=1,
        create_in_drchrono=1,
        new_patients=1,
        new_contacts=2,
        # docs/costs.md: 3 + 1 for the two visits, 1 for each contact, 3 for the patient, 2 for the
        # link
        drchrono_calls=11,
        oncall_calls=12,  # 2 + 3, 2 for each contact, 3 for the link
        mails=1,
        to_decide={"patient_unsure": 1, "patient_without_email": 1},
    )
    assert rows(waiting) == before
    assert writes(waiting) == []
    assert waiting.mails() == []


def test_of_several_participants_each_known_one_gets_an_appointment(waiting: Clinic) -> None:
    who = ("first_name", "last_name", "email")
    rows = [("Vera", "Lindqvist", "vera@mail.example"), ("Ola", "Nord", "ola@clinic.example")]
    waiting.invite(participants=[dict(zip(who, row, strict=True)) for row in rows])
    waiting.pump()
    found = preview.preview(waiting.sync)
    assert (found.create_in_drchrono, found.to_decide) == (1, {"participant_unmatched": 1})
    assert (found.new_patients, found.mails) == (0, 0)


def test_nothing_is_created_before_it_was_accepted(waiting: Clinic) -> None:
    everything(waiting)
    waiting.pump()
    waiting.forget()
    waiting.beat("matching")
    waiting.settle()
    assert writes(waiting) == []
    assert waiting.mails() == []
    (linked,) = [v for v in waiting.visits() if v["metadata"]]  # what is the same is linked
    assert linked["datetime"] == f"{utc(days=4):%Y-%m-%dT%H:%M:%SZ}"
    assert preview.preview(waiting.sync).visits_linked == 1
    preview.accept(waiting.sync)
    waiting.settle()
    # Vera's second visit, and Ines' appointment beside the three; one invitation is ours.
    assert len(waiting.visits()) == 4
    assert len(waiting.appointments()) == 4
    assert waiting.mails() == [("invitation", "app")]


def test_who_books_with_an_untold_provider_is_counted_as_a_question(waiting: Clinic) -> None:
    """OnCall does not tell the provider, and two of the division are mapped."""
    waiting.sandbox.behaviours("oncall", returns_provider=False)
    who = {"first_name": "Ines", "last_name": "Okoro", "email": "ines@mail.example"}
    waiting.invite(participants=[who])
    waiting.pump()
    found = preview.preview(waiting.sync)
    assert (found.create_in_drchrono, found.to_decide) == (0, {"provider_unknown": 1})


def test_a_contact_is_not_made_before_it_was_accepted(waiting: Clinic) -> None:
    """A matched visit's patient has no contact yet: that is created too."""
    waiting.book(scheduled_time=wall(days=4))
    waiting.invite()
    waiting.pump()
    waiting.beat("matching")
    waiting.settle()
    waiting.edit_patient(waiting.patient, first_name="Veronika")
    waiting.settle()
    assert waiting.of("oncall", "contacts") == []
    preview.accept(waiting.sync)
    waiting.settle()
    assert [one["first_name"] for one in waiting.of("oncall", "contacts")] == ["Veronika"]


def test_check_and_status_say_that_it_waits(waiting: Clinic) -> None:
    assert not overview(waiting.sync).waits_for_go_live
    waiting.beat("matching")
    assert overview(waiting.sync).waits_for_go_live
    (finding,) = [one for one in check(waiting.sync) if one.name == "going live"]
    assert not finding.ok
    assert "drchrono-oncall go-live --yes" in finding.fix
    preview.accept(waiting.sync)
    assert not overview(waiting.sync).waits_for_go_live
    (finding,) = [one for one in check(waiting.sync) if one.name == "going live"]
    assert finding.ok


def test_accepted_before_the_matching_nothing_is_made_until_it(waiting: Clinic) -> None:
    waiting.book()
    waiting.pump()
    preview.accept(waiting.sync)
    waiting.settle()
    assert waiting.visits() == []
    assert "oncall_walk" not in schedule.due_tasks(waiting.sync)
    waiting.beat("matching")
    waiting.settle()
    assert len(waiting.visits()) == 1


def test_several_that_it_may_be_wait_for_a_person(waiting: Clinic) -> None:
    """Two OnCall visits stand for one appointment, by all that is known: none is picked."""
    appointment = waiting.book(scheduled_time=wall(days=4))
    waiting.invite()
    waiting.invite()
    waiting.pump()
    waiting.beat("matching")
    preview.accept(waiting.sync)
    waiting.settle()
    assert waiting.attention() == ["visit_unsure"] * 3
    waiting.edit(appointment, notes="seen")
    waiting.catch_up()
    assert (len(waiting.appointments()), len(waiting.visits())) == (1, 2)


def test_the_command_shows_asks_and_accepts(
    waiting: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting.book()
    waiting.pump()
    waiting.beat("matching")
    waiting.settle()
    monkeypatch.setattr(environment, "settings", lambda: waiting.settings)
    runner = CliRunner()
    shown = runner.invoke(cli, ["go-live", "--dry-run", "--json"])
    assert shown.exit_code == 0
    assert json.loads(shown.stdout)["create_in_oncall"] == 1
    assert json.loads(shown.stdout)["mails"] == 1
    refused = runner.invoke(cli, ["go-live"])
    assert refused.exit_code == 1
    assert "--yes" in refused.stderr
    waiting.settle()
    assert waiting.visits() == []
    assert runner.invoke(cli, ["go-live", "--yes"]).exit_code == 0
    waiting.settle()
    assert len(waiting.visits()) == 1
    again = runner.invoke(cli, ["go-live", "--yes"])
    assert "accepted before" in again.stderr
