"""Ask why a visit isn't there when it is the service's, the account's or the clinic's doing."""

from pathlib import Path

import pytest
from sqlalchemy import delete

from sync.operations import pausing
from sync.operations.why.answer import Answer
from sync.operations.why.ask import why
from sync.outbound.budget import Limit
from sync.store.schema import probe
from tests.support.clinic import Clinic, open_clinic, wall
from tests.support.sandbox_client import Sandbox


def ask(clinic: Clinic, appointment: str, *, calls: tuple[int, int] | None) -> Answer:
    clinic.forget()
    answer = why(clinic.sync, "appointment", appointment)
    spent = (len(clinic.calls("drchrono")), len(clinic.calls("oncall")))
    assert calls in {None, spent}, answer
    assert clinic.writes() == []
    return answer


def deaf(clinic: Clinic) -> None:
    for remote in ("drchrono", "oncall"):
        clinic.sandbox.faults(remote, webhooks={"mode": "drop"})


def test_before_going_live_is_accepted(sandbox: Sandbox, sqlite_url: str, tmp_path: Path) -> None:
    with open_clinic(sandbox, sqlite_url, tmp_path, go_live="ask") as clinic:
        clinic.new_patient()
        clinic.pump()
        clinic.beat("matching")
        appointment = clinic.book()
        answer = ask(clinic, appointment, calls=(1, 0))
        assert (answer.cause, answer.command) == ("not_accepted", "go-live --dry-run")
        clinic.settle()
        assert ask(clinic, appointment, calls=(1, 0)).cause == "not_accepted"


def test_a_doctor_who_was_just_mapped(clinic: Clinic) -> None:
    path = clinic.settings.mapping_file
    whole = path.read_text()
    without = whole.replace("drchrono = 202\n", "drchrono = 909\n")
    assert without != whole
    path.write_text(without)
    with clinic.sync.store.write() as conn:
        conn.execute(delete(probe).where(probe.c.name == "matched:202"))
    appointment = clinic.book(doctor=202)
    assert ask(clinic, appointment, calls=(1, 0)).cause == "doctor_unmapped"
    path.write_text(whole)
    assert ask(clinic, appointment, calls=(1, 0)).cause == "being_matched"


def test_without_an_account(clinic: Clinic) -> None:
    appointment, _ = clinic.linked()
    clinic.sync.keeper.disconnect()
    known = ask(clinic, appointment, calls=(0, 1))
    assert (known.cause, known.only_known) == ("there", True)
    answer = ask(clinic, "4711", calls=(0, 0))
    assert (answer.cause, answer.command) == ("not_connected", "connect")


def test_when_our_own_budget_is_used_up(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    appointment = clinic.book()
    clinic.sandbox.wait_idle()
    clinic.calls("drchrono")
    used_up = {**clinic.sync.limits, "drchrono": Limit(hourly=1)}
    monkeypatch.setattr(clinic.sync, "limits", used_up)
    waits = ask(clinic, appointment, calls=(2, 0))
    assert (waits.cause, waits.until is not None) == ("waits_for_budget", True)
    assert "DrChrono allows no more calls before about" in waits.sentence


def test_an_end_that_may_not_be_written(clinic: Clinic) -> None:
    appointment, _ = clinic.linked()
    clinic.edit(appointment, status="No Show")
    for _ in range(2):  # before and after a worker has seen it
        answer = ask(clinic, appointment, calls=(1, 1))
        assert answer.cause == "left_open"
        assert "is a no-show in DrChrono" in answer.sentence
        clinic.settle()


@pytest.mark.parametrize("what", ["everything", "oncall", "doctor:201"])
def test_what_an_operator_has_paused(clinic: Clinic, what: str) -> None:
    there, _ = clinic.linked(scheduled_time=wall(days=6))
    pausing.pause(clinic.sync, what)
    appointment = clinic.book()
    clinic.edit(there, duration=45)
    for calls in ((2, 0), None):  # before a worker has seen it, and with a create written down
        missing = ask(clinic, appointment, calls=calls)
        assert (missing.cause, missing.command) == ("paused_by_hand", f"resume {what}")
        changed = ask(clinic, there, calls=(1, 1))
        assert (changed.cause, changed.command) == ("paused_by_hand", f"resume {what}")
        assert "is in OnCall as OnCall visit" in changed.sentence
        clinic.pump()


def test_one_that_was_rescheduled(clinic: Clinic) -> None:
    appointment, _ = clinic.linked()
    clinic.edit(appointment, status="Rescheduled")
    assert ask(clinic, appointment, calls=(1, 1)).cause == "rescheduled"


def test_another_patient_on_the_same_appointment(clinic: Clinic) -> None:
    appointment, _ = clinic.linked(scheduled_time=wall(days=6))
    other = clinic.new_patient(first_name="Ada", email="ada@mail.example")
    deaf(clinic)
    clinic.edit(appointment, patient=other)
    assert ask(clinic, appointment, calls=(1, 1)).cause == "about_to_be_replaced"
