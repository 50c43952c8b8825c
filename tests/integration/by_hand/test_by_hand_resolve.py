"""Have unsure patients wait with their candidates, and decide them with a command."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from cli import environment
from cli.main import cli
from sync.matching import preview
from sync.operations import attention as operate
from sync.operations.hand import resolve
from sync.operations.hand.by_hand import NotPossibleError
from sync.people import contacts
from sync.store.schema import attention, decision
from sync.store.tables import links
from tests.support.clinic import DIVISION, PROVIDER, Clinic, open_clinic, utc, wall
from tests.support.sandbox_client import Sandbox

OLGA = {"first_name": "Olga", "last_name": "Lindqvist", "email": "vera@mail.example"}


def item(clinic: Clinic, cause: str) -> operate.OpenItem:
    (found,) = [one for one in operate.attention_list(clinic.sync) if one.cause == cause]
    return found


def never(clinic: Clinic) -> list[tuple[str, str]]:
    with clinic.sync.store.read() as conn:
        rows = conn.execute(
            select(decision.c.a, decision.c.b).where(decision.c.kind == "never_pair")
        )
        return sorted((row.a, row.b) for row in rows)


def booked_for(clinic: Clinic) -> list[int]:
    return [one["patient"] for one in clinic.appointments()]


@pytest.fixture
def unsure(clinic: Clinic) -> Clinic:
    """Someone with Vera's e-mail and another first name has a visit in OnCall."""
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    clinic.invite(participants=[OLGA])
    clinic.settle()
    assert clinic.attention() == ["patient_unsure"]
    assert clinic.appointments() == []
    return clinic


def test_the_candidates_are_shown_live_and_not_kept(unsure: Clinic) -> None:
    waiting = item(unsure, "patient_unsure")
    assert waiting.candidates == (str(unsure.patient),)
    unsure.sandbox.faults("drchrono", webhooks={"mode": "drop"})
    unsure.edit_patient(unsure.patient, first_name="Veronika")
    shown = resolve.question(unsure.sync, waiting.id)
    assert shown.subject == "Olga Lindqvist, vera@mail.example"
    (one,) = shown.candidates
    assert one.words == "Veronika Lindqvist, vera@mail.example, born 1984-05-06"
    with unsure.sync.store.read() as conn:
        stored = [str(row) for row in conn.execute(select(attention))]
        stored += [str(row) for row in conn.execute(select(decision))]
    assert "Olga" not in "".join(stored)
    assert "Veronika" not in "".join(stored)


def test_the_chosen_patient_is_linked(unsure: Clinic) -> None:
    waiting = item(unsure, "patient_unsure")
    resolve.resolve(unsure.sync, waiting.id, str(unsure.patient))
    unsure.settle()
    assert booked_for(unsure) == [unsure.patient]
    assert unsure.attention() == []
    assert never(unsure) == []
    unsure.catch_up()
    assert (len(unsure.appointments()), len(unsure.visits())) == (1, 1)


def test_none_of_them_is_a_new_patient_and_they_are_never_asked_about_again(
    unsure: Clinic,
) -> None:
    waiting = item(unsure, "patient_unsure")
    (participant,) = unsure.visits()[0]["participants"]
    resolve.resolve(unsure.sync, waiting.id, "none")
    assert never(unsure) == [(f"participant:{participant['id']}", f"patient:{unsure.patient}")]
    unsure.settle()
    (patient,) = booked_for(unsure)
    assert patient != unsure.patient
    assert len(unsure.of("drchrono", "patients")) == 2
    assert unsure.attention() == []


def test_an_answer_that_is_no_candidate_is_refused(unsure: Clinic) -> None:
    waiting = item(unsure, "patient_unsure")
    with pytest.raises(NotPossibleError, match=str(unsure.patient)):
        resolve.resolve(unsure.sync, waiting.id, "999999")
    with pytest.raises(LookupError):
        resolve.resolve(unsure.sync, waiting.id + 1, "none")
    assert unsure.attention() == ["patient_unsure"]


def test_a_new_patient_that_the_policy_asks_about(clinic: Clinic) -> None:
    path = clinic.settings.mapping_file
    path.write_text(path.read_text() + '\n[policy]\nnew_patients = "ask"\n')
    clinic.beat("mapping")
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    ines = {"first_name": "Ines", "last_name": "Okoro", "email": "ines@mail.example"}
    clinic.invite(participants=[ines])
    clinic.settle()
    waiting = item(clinic, "new_patient")
    assert resolve.question(clinic.sync, waiting.id).candidates == ()
    resolve.resolve(clinic.sync, waiting.id, "none")
    clinic.settle()
    assert len(clinic.of("drchrono", "patients")) == 2
    assert len(clinic.appointments()) == 1


def test_a_new_patient_who_is_somebody_known_after_all(clinic: Clinic) -> None:
    path = clinic.settings.mapping_file
    path.write_text(path.read_text() + '\n[policy]\nnew_patients = "ask"\n')
    clinic.beat("mapping")
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    ines = {"first_name": "Ines", "last_name": "Okoro", "email": "ines@mail.example"}
    clinic.invite(participants=[ines])
    clinic.settle()
    waiting = item(clinic, "new_patient")
    resolve.resolve(clinic.sync, waiting.id, str(clinic.patient))
    clinic.settle()
    assert booked_for(clinic) == [clinic.patient]


def contact_of(clinic: Clinic, **changes: object) -> str:
    base = clinic.sandbox.oncall_url
    body = {
        "first_name": "Vera",
        "last_name": "Lindqvist",
        "email": "vera@mail.example",
        "provider": f"{base}/providers/{PROVIDER}/",
        "division": f"{base}/divisions/{DIVISION}/",
        **changes,
    }
    made = clinic.sandbox.staff_oncall("POST", "/contacts/", body)
    return str(made.json()["url"].rstrip("/").rpartition("/")[2])


def test_the_chosen_contact_is_linked(clinic: Clinic) -> None:
    first, second = contact_of(clinic), contact_of(clinic, last_name="Berg")
    clinic.sandbox.staff_oncall("PATCH", f"/contacts/{first}/", {"first_name": "Wera"})
    clinic.book()
    clinic.settle()
    waiting = item(clinic, "contact_unsure")
    assert set(waiting.candidates) == {first, second}
    resolve.resolve(clinic.sync, waiting.id, second)
    clinic.settle()
    with clinic.sync.store.read() as conn:
        patient = links.find(conn, "drchrono", "patient", str(clinic.patient))
        assert patient is not None
        linked = contacts.of(conn, patient.aggregate, PROVIDER, DIVISION)
    assert linked is not None
    assert linked.remote_id == second
    assert len(clinic.of("oncall", "contacts")) == 2


def test_none_of_the_contacts_means_a_new_one(clinic: Clinic) -> None:
    wrong = contact_of(clinic, first_name="Wera")
    clinic.book()
    clinic.settle()
    waiting = item(clinic, "contact_unsure")
    resolve.resolve(clinic.sync, waiting.id, "none")
    clinic.settle()
    assert never(clinic) == [(f"contact:{wrong}", f"patient:{clinic.patient}")]
    assert len(clinic.of("oncall", "contacts")) == 2
    assert clinic.attention() == []


@pytest.fixture
def twice(sandbox: Sandbox, sqlite_url: str, tmp_path: Path) -> Iterator[Clinic]:
    """Each of two visits in OnCall may be the one appointment that stands at their time."""
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        clinic.new_patient()
        clinic.book(scheduled_time=wall(days=4))
        clinic.invite()
        clinic.invite()
        clinic.pump()
        clinic.go_live()
        yield clinic


def test_which_visit_it_is_and_what_the_others_are(twice: Clinic) -> None:
    """Two OnCall visits may be the one appointment: one is chosen, the other is none then."""
    (appointment,) = [one["id"] for one in twice.appointments()]
    first, second = sorted(one["id"] for one in twice.visits())
    assert twice.attention() == ["visit_unsure"] * 3
    waiting = [
        one for one in operate.attention_list(twice.sync) if set(one.candidates) == {first, second}
    ]
    shown = resolve.question(twice.sync, waiting[0].id)
    when = f"{utc(days=4):%Y-%m-%d %H:%M} UTC, 30 minutes"
    assert shown.subject == f"{when}, patient {twice.patient}"
    assert [one.id for one in shown.candidates] == [first, second]
    resolve.resolve(twice.sync, waiting[0].id, second)
    twice.settle()
    # The other's one candidate is another's now: it is a second booking, and told as such.
    assert twice.attention() == ["slot_taken"]
    assert len(twice.appointments()) == 1
    assert len(twice.visits()) == 2
    assert twice.mails() == []
    twice.edit(appointment, scheduled_time=wall(days=5))
    twice.settle()
    stands = {str(one["id"]): one["datetime"] for one in twice.visits()}
    assert stands[second] == f"{utc(days=5):%Y-%m-%dT%H:%M:%SZ}"
    assert stands[first] == f"{utc(days=4):%Y-%m-%dT%H:%M:%SZ}"
    # Its slot is free now: it is a visit of its own.
    assert twice.attention() == []
    assert len(twice.appointments()) == 2
    assert preview.waits(twice.sync) is False


def test_none_of_the_visits_means_one_of_its_own(twice: Clinic) -> None:
    theirs = {one["id"] for one in twice.visits()}
    (waiting,) = [
        one for one in operate.attention_list(twice.sync) if set(one.candidates) == theirs
    ]
    resolve.resolve(twice.sync, waiting.id, "none")
    twice.settle()
    assert len(twice.visits()) == 3
    assert twice.mails() == [("invitation", "app")]
    assert len(twice.appointments()) == 1


def test_who_comes_to_the_same_slot_meanwhile_waits_too(twice: Clinic) -> None:
    theirs = {one["id"] for one in twice.visits()}
    twice.book(
        scheduled_time=wall(days=4),
        patient=twice.patient,
        exam_room=2,
        allow_overlapping=True,
    )
    twice.settle()
    assert twice.attention() == ["visit_unsure"] * 4
    newest = operate.attention_list(twice.sync)[-1]
    assert set(newest.candidates) <= theirs
    assert newest.candidates
    assert len(twice.visits()) == 2
    assert twice.mails() == []


def test_the_command_shows_them_and_answers(
    unsure: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "settings", lambda: unsure.settings)
    runner, number = CliRunner(), str(item(unsure, "patient_unsure").id)
    shown = runner.invoke(cli, ["attention", "resolve", number])
    assert shown.exit_code == 0
    assert f"patient {unsure.patient}: Vera Lindqvist, vera@mail.example" in shown.stdout
    asked = runner.invoke(cli, ["attention", "resolve", number, "none"])
    assert asked.exit_code == 1
    assert "--yes" in asked.stderr
    assert unsure.attention() == ["patient_unsure"]
    done = runner.invoke(cli, ["attention", "resolve", number, str(unsure.patient), "--yes"])
    assert done.exit_code == 0, done.output
    unsure.settle()
    assert booked_for(unsure) == [unsure.patient]
