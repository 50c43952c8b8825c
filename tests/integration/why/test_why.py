"""Ask why a visit isn't there, over both systems as they stand: one flow for each group of causes.

docs/costs.md states what an answer costs at most; each question here counts it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from cli.commands import why as command
from cli.main import cli
from sync.config import Mode
from sync.core.causes.model import Remedy
from sync.operations.attention import attention_drop
from sync.operations.hand import by_hand
from sync.operations.lookup import UnknownError
from sync.operations.why.answer import Answer
from sync.operations.why.ask import why
from sync.operations.why.facts import Kind
from sync.runtime import Sync
from sync.store.schema import metadata
from sync.store.tables import claims, links
from tests.support import group_clinic
from tests.support.clinic import DOCTOR, OFFICE, Clinic, wall

# What the clinic's patient is called and has: nothing of it may be in an answer or at rest.
PERSONAL = ("Vera", "Lindqvist", "vera@", "1984-05", "555-0147", "noemail")


def ask(
    clinic: Clinic,
    kind: Kind,
    remote_id: object,
    *,
    calls: tuple[int, int] | None,
    sync: Sync | None = None,
) -> Answer:
    """The answer, at exactly this cost in calls to DrChrono and OnCall, without a write."""
    clinic.forget()
    answer = why(sync or clinic.sync, kind, str(remote_id))
    spent = (len(clinic.calls("drchrono")), len(clinic.calls("oncall")))
    assert calls in {None, spent}, answer
    assert clinic.writes() == []
    told = json.dumps(answer.as_dict())
    assert [word for word in PERSONAL if word in told] == []
    return answer


def remap(clinic: Clinic, before: str, after: str) -> None:
    """Change the mapping file."""
    path = clinic.settings.mapping_file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def deaf(clinic: Clinic) -> None:
    for remote in ("drchrono", "oncall"):
        clinic.sandbox.faults(remote, webhooks={"mode": "drop"})


@pytest.mark.parametrize("clinic", ["sqlite", "postgresql"], indirect=True)
def test_what_is_there_differs_and_is_over(clinic: Clinic) -> None:
    appointment, visit = clinic.linked()
    there = ask(clinic, "appointment", appointment, calls=(1, 1))
    assert (there.cause, there.subject["oncall-appointment"]) == ("there", visit)
    assert there.since is not None
    assert "(US/Eastern)" in there.sentence
    assert ask(clinic, "oncall-appointment", visit, calls=(1, 1)).cause == "there"
    assert ask(clinic, "patient", clinic.patient, calls=(1, 0)).cause == "there"
    clinic.edit(appointment, duration=45)
    differs = ask(clinic, "appointment", appointment, calls=(1, 1))
    assert (differs.cause, differs.deed) == ("differs", Remedy.LOOK_AGAIN)
    assert "the length" in differs.sentence
    clinic.settle()
    clinic.edit(appointment, status="Cancelled")
    assert ask(clinic, "appointment", appointment, calls=(1, 1)).cause == "being_carried"
    clinic.settle()
    assert ask(clinic, "appointment", appointment, calls=(1, 1)).cause == "cancelled"
    assert ask(clinic, "oncall-appointment", visit, calls=(1, 1)).cause == "cancelled"
    gone, _ = clinic.linked(scheduled_time=wall(days=5))
    clinic.delete(gone)
    assert ask(clinic, "appointment", gone, calls=(2, 1)).cause == "being_carried"
    clinic.settle()
    assert ask(clinic, "appointment", gone, calls=(2, 1)).cause == "deleted"


def test_what_a_patient_cancelled_in_oncall(clinic: Clinic) -> None:
    appointment, visit = clinic.linked()
    clinic.change_visit(visit, by="patient", cancelled=True)
    assert ask(clinic, "appointment", appointment, calls=(1, 1)).cause == "cancelled_there"
    clinic.settle()
    assert ask(clinic, "appointment", appointment, calls=(1, 1)).cause == "cancelled"


def test_what_the_mapping_leaves_out(clinic: Clinic) -> None:
    there, _ = clinic.linked(scheduled_time=wall(days=9))
    profiles = clinic.of("drchrono", "appointment_profiles")
    meant = clinic.sync.mapping.visit_type
    other = next(one["id"] for one in profiles if meant(str(one["id"]), None, None) is None)
    skipped = clinic.book(profile=other)
    clinic.pump()
    answer = ask(clinic, "appointment", skipped, calls=(1, 0))
    assert (answer.cause, answer.deed) == ("type_skipped", Remedy.EDIT_MAPPING)
    room = clinic.book(patient=None, appt_is_break=True, exam_room=0)
    assert ask(clinic, "appointment", room, calls=(1, 0)).cause == "break"
    missing = clinic.book(scheduled_time=wall(days=6))
    remap(clinic, f"drchrono = {DOCTOR}\n", "drchrono = 909\n")
    assert ask(clinic, "appointment", missing, calls=(1, 0)).cause == "doctor_unmapped"
    remap(clinic, "drchrono = 909\n", f"drchrono = {DOCTOR}\noffices = [999]\n")
    remap(clinic, f"booking_office = {OFFICE}\n", "booking_office = 999\n")
    answer = ask(clinic, "appointment", missing, calls=(1, 0))
    assert answer.cause == "office_not_listed"
    assert str(OFFICE) in answer.sentence
    clinic.settings.mapping_file.write_text("this is no mapping")
    assert ask(clinic, "appointment", missing, calls=(0, 0)).cause == "mapping_unusable"
    assert ask(clinic, "appointment", "4711", calls=(0, 0)).cause == "mapping_unusable"
    assert ask(clinic, "appointment", there, calls=(0, 0)).cause == "there"
    unread = ask(clinic, "patient", clinic.patient, calls=(1, 0))
    assert unread.cause == "there"


def test_what_stands_at_another_time(clinic: Clinic) -> None:
    began = clinic.book(scheduled_time=wall(days=-2))
    far = clinic.book(scheduled_time=wall(days=250))
    clinic.pump()
    assert ask(clinic, "appointment", began, calls=(1, 0)).cause == "past"
    beyond = ask(clinic, "appointment", far, calls=(1, 0))
    assert beyond.cause == "beyond_window"
    assert beyond.until is not None
    assert abs(beyond.until - clinic.now() - timedelta(days=70)) < timedelta(days=2)
    assert str(beyond.until.year) in beyond.sentence


@pytest.mark.parametrize("clinic", ["sqlite", "postgresql"], indirect=True)
def test_what_the_chart_lacks(clinic: Clinic) -> None:
    deaf(clinic)
    clinic.sandbox.behaviours("drchrono", checks_email=False)
    appointment = clinic.book()
    for change, cause in [
        ({"email": ""}, "patient_without_email"),
        ({"email": "noemail@clinic.example"}, "patient_email_placeholder"),
        ({"email": "vera@"}, "patient_email_unclear"),
        ({"email": "vera@mail.example", "patient_status": "I"}, "patient_inactive"),
    ]:
        clinic.edit_patient(clinic.patient, **change)
        assert ask(clinic, "appointment", appointment, calls=(2, 0)).cause == cause
        assert ask(clinic, "patient", clinic.patient, calls=(1, 0)).cause == cause
    clinic.edit_patient(clinic.patient, patient_status="A")
    assert ask(clinic, "appointment", appointment, calls=(2, 0)).cause == "not_heard_of"
    assert ask(clinic, "patient", clinic.patient, calls=(1, 0)).cause == "no_visit_yet"


def test_a_chart_whose_item_is_open_names_it_until_it_is_mended(clinic: Clinic) -> None:
    clinic.edit_patient(clinic.patient, email="")
    appointment = clinic.book()
    clinic.settle()
    answer = ask(clinic, "appointment", appointment, calls=(2, 0))
    assert (answer.cause, answer.item is not None) == ("patient_without_email", True)
    deaf(clinic)
    clinic.edit_patient(clinic.patient, email="vera@mail.example")
    assert ask(clinic, "appointment", appointment, calls=(2, 0)).cause == "about_to_be_made"


def test_who_is_excluded_and_who_shares_an_address(clinic: Clinic) -> None:
    deaf(clinic)
    appointment = clinic.book()
    patient = clinic.patient
    by_hand.exclude(clinic.sync, str(patient))
    answer = ask(clinic, "appointment", appointment, calls=(2, 0))
    assert (answer.cause, answer.command) == ("patient_excluded", f"exclude {patient} --undo")
    assert ask(clinic, "patient", patient, calls=(1, 0)).cause == "patient_excluded"
    remap(clinic, "[types]\n", "[addresses]\nfamilies = 1\n\n[types]\n")
    crowd = [
        clinic.new_patient(first_name=f"A{one}", last_name=f"Holm{one}", email="desk@mail.example")
        for one in "bcde"
    ]
    clinic.catch_up()
    booked = clinic.book(patient=crowd[0], scheduled_time=wall(days=5))
    assert ask(clinic, "appointment", booked, calls=(2, 0)).cause == "email_shared"


def test_what_a_person_is_asked(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    clinic.new_patient(date_of_birth="1990-01-01")
    clinic.catch_up()
    visit = clinic.invite()
    clinic.settle()
    answer = ask(clinic, "oncall-appointment", visit, calls=(0, 1))
    assert (answer.cause, answer.deed) == ("patient_unsure", Remedy.RESOLVE)
    assert answer.command == f"attention resolve {answer.item}"
    attention_drop(clinic.sync, answer.item or 0)
    left = ask(clinic, "oncall-appointment", visit, calls=(0, 1))
    assert (left.cause, left.command) == ("left_alone", f"resync oncall-appointment {visit}")


def test_what_was_never_heard_of(clinic: Clinic) -> None:
    deaf(clinic)
    for kind, calls in (("appointment", (2, 0)), ("oncall-appointment", (0, 2))):
        unknown = ask(clinic, kind, "987654", calls=calls)  # type: ignore[arg-type]
        assert unknown.cause == "never_heard_of"
    assert ask(clinic, "patient", "987654", calls=(2, 0)).cause == "never_heard_of"
    booked = clinic.book()
    assert ask(clinic, "appointment", f"00{booked}", calls=None).cause == "never_heard_of"
    visit = clinic.invite()
    heard = ask(clinic, "oncall-appointment", visit, calls=(0, 1))
    assert (heard.cause, heard.command) == ("not_heard_of", f"resync oncall-appointment {visit}")
    with pytest.raises(UnknownError):
        why(clinic.sync, "appointment", "x' or 1=1")


def test_one_that_is_being_worked_on_or_waits(clinic: Clinic) -> None:
    appointment = clinic.book()
    clinic.sandbox.wait_idle()
    row = ask(clinic, "appointment", appointment, calls=(2, 0))
    assert row.cause == "overdue"
    with clinic.sync.store.write() as conn:
        key = links.find(conn, "drchrono", "appointment", appointment).aggregate  # type: ignore[union-attr]
        lease = claims.claim(conn, key, owner="another", now=clinic.now(), seconds=45)
    assert lease is not None
    assert ask(clinic, "appointment", appointment, calls=(2, 0)).cause == "being_worked_on"


def test_a_service_that_is_not_live(clinic: Clinic) -> None:
    deaf(clinic)
    appointment = clinic.book()
    for mode, cause in ((Mode.SHADOW, "shadow"), (Mode.PAUSED, "paused")):
        clinic.sync.settings = clinic.settings.model_copy(update={"sync_mode": mode})
        answer = ask(clinic, "appointment", appointment, calls=(2, 0))
        assert (answer.cause, answer.deed) == (cause, Remedy.RESUME)
    clinic.sync.settings = clinic.settings


def test_what_can_t_be_asked_is_answered_from_what_is_known(clinic: Clinic) -> None:
    clinic.edit_patient(clinic.patient, email="")
    asked = clinic.book()
    clinic.settle()
    appointment, visit = clinic.linked(
        patient=clinic.new_patient(first_name="Ada", email="ada@mail.example"),
        scheduled_time=wall(days=6),
    )
    down = {"match": {"path": "^/api/"}, "do": "status", "status": 500, "times": None}
    clinic.sandbox.faults("drchrono", down)
    known = ask(clinic, "appointment", asked, calls=(1, 0))
    assert (known.cause, known.only_known) == ("patient_without_email", True)
    assert "DrChrono could not be asked" in known.sentence
    there = ask(clinic, "appointment", appointment, calls=(1, 1))
    assert (there.cause, there.only_known) == ("there", True)
    assert ask(clinic, "appointment", "4711", calls=(1, 0)).cause == "system_down"
    clinic.sandbox.faults("drchrono", {**down, "status": 429}, clear=True)
    throttled = ask(clinic, "appointment", "4711", calls=(1, 0))
    assert (throttled.cause, throttled.until is not None) == ("waits_for_budget", True)
    # Closed by now: no call goes out at all.
    again = ask(clinic, "oncall-appointment", visit, calls=(0, 1))
    assert (again.cause, again.only_known) == ("there", True)


def test_under_a_wrong_account_nothing_is_asked_or_believed(clinic: Clinic) -> None:
    appointment, _ = clinic.linked()
    clinic.sandbox.control("drchrono", "move", {"account": "stranger"})
    # What it takes to know that it is wrong, once.
    first = ask(clinic, "appointment", appointment, calls=None)
    assert (first.cause, first.only_known) == ("there", True)
    assert "its account" in first.sentence
    later = ask(clinic, "appointment", "4711", calls=(0, 0))
    assert later.cause == "wrong_account"


def test_a_group_s_member(
    clinic: Clinic,
) -> None:
    assert group_clinic.make_groups(clinic)
    _people, appointments, visit = group_clinic.booked(clinic, 3)
    there = ask(clinic, "appointment", appointments[0], calls=(1, 1))
    assert (there.cause, there.subject["oncall-appointment"]) == ("there", visit)
    whole = ask(clinic, "oncall-appointment", visit, calls=(0, 1))
    assert whole.cause == "there"
    assert set(whole.subject["appointment"].split(", ")) == set(appointments)


@pytest.fixture
def run(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    @contextmanager
    def opened() -> Iterator[Sync]:
        yield clinic.sync

    monkeypatch.setattr(command, "opened", opened)
    return CliRunner()


def test_the_command(clinic: Clinic, run: CliRunner) -> None:
    appointment, visit = clinic.linked()
    remap(
        clinic,
        "[types]\n",
        '[text]\nvisit_link = "https://visits.example/v/{oncall_id}"\n\n[types]\n',
    )
    shown = run.invoke(cli, ["why", "appointment", appointment])
    assert shown.exit_code == 0
    assert shown.stdout.startswith("Nothing is wrong: Appointment")
    assert f"Open it: https://visits.example/v/{visit}" in shown.stdout
    told = json.loads(run.invoke(cli, ["why", "oncall-appointment", visit, "--json"]).stdout)
    assert (told["cause"], told["press"]) == ("there", "")
    wrong = run.invoke(cli, ["why", "patient", "nobody!"])
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert wrong.stderr == "That can't be the id of a patient.\n"
    assert run.invoke(cli, ["why", "contact", "1"]).exit_code == 2


def test_nothing_personal_stays_of_it(clinic: Clinic, tmp_path: Path) -> None:
    del tmp_path
    appointment, visit = clinic.linked()
    for kind, one in (("appointment", appointment), ("oncall-appointment", visit)):
        why(clinic.sync, kind, one)  # type: ignore[arg-type]
    why(clinic.sync, "patient", str(clinic.patient))
    with clinic.sync.store.read() as conn:
        rows = "\n".join(
            str(row) for table in metadata.sorted_tables for row in conn.execute(select(table))
        )
    assert [word for word in PERSONAL if word in rows] == []
