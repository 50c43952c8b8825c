"""Bring appointments of a file in: each line one OnCall visit, whoever is killed in between."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sync.batches import showing, steering
from sync.core.batch.model import Outcome, State
from tests.support.agreement import agree
from tests.support.batches.imports import done, fates, outcomes, result
from tests.support.batches.visits import line, made, planned
from tests.support.clinic import ZONE, Clinic, utc, wall
from tests.support.flows import prove_the_list
from tests.support.templates import Templates, gone_live, on_both

POSTED = {"method": "POST", "path": "^/appointments/$"}


@on_both
def test_each_line_becomes_a_visit_in_both_systems(clinic: Clinic) -> None:
    number = planned(clinic, [line(0), line(1, visit_type="phone")])
    assert fates(clinic, number) == [("create", None)] * 2
    foreseen = showing.foreseen(clinic.sync, number)
    assert (foreseen.mails_to_patients, foreseen.mails_to_providers) == (2, 2)
    assert clinic.visits() == []
    done(clinic, number)
    assert outcomes(clinic, number) == ["created"] * 2
    first, second = clinic.visits()
    assert (first["type"], second["type"]) == ("online", "phone")
    assert [one["patient"] for one in clinic.appointments()] == [clinic.patient] * 2
    # The references of the health record go along, beside our marker.
    assert first["metadata"]["emr_appointment_id"] == "EMR-0"
    assert first["metadata"]["emr_patient_id"] == "MRN-7"
    told = result(clinic, number)
    assert [one["outcome"] for one in told] == ["created"] * 2
    assert told[0]["oncall_url"].endswith(f"/appointments/{first['id']}/")
    agree(clinic)
    again = planned(clinic, [line(0), line(1)])
    assert fates(clinic, again) == [("already_there", None)] * 2


def test_a_line_costs_what_was_foreseen(clinic: Clinic) -> None:
    clinic.linked()
    number = planned(clinic, [line(0)])
    foreseen = showing.foreseen(clinic.sync, number)
    clinic.forget()
    done(clinic, number)
    assert clinic.calls("drchrono") == ["POST /api/appointments"]
    assert clinic.calls("oncall") == [
        "POST /appointments/",
        *("GET /appointments/ID/", "PATCH /appointments/ID/", "GET /appointments/ID/"),
    ]
    assert (foreseen.drchrono_calls, foreseen.oncall_calls) == (1, 4)
    assert clinic.mails() == [("invitation", "app")]


@on_both
def test_what_stands_already_is_not_made_again(clinic: Clinic) -> None:
    clinic.linked(scheduled_time=wall(days=5, hour=14))
    clinic.invite(datetime=f"{utc(days=5, hour=15):%Y-%m-%dT%H:%M:%SZ}")
    clinic.settle()
    both = len(clinic.visits())
    first = line(0, date=wall(days=5, hour=14)[:10], start_time=wall(days=5, hour=14)[11:16])
    number = planned(clinic, [first, line(1)])
    assert fates(clinic, number) == [("already_there", None)] * 2
    done(clinic, number)
    assert len(clinic.visits()) == both
    agree(clinic)


def test_a_visit_of_one_system_alone_is_found_by_reading_it(clinic: Clinic) -> None:
    # Nothing may be written to DrChrono, so OnCall's visit stays alone.
    path = clinic.sync.settings.mapping_file
    path.write_text(path.read_text() + '\n[policy]\ndirection = "to_oncall"\n')
    clinic.beat("mapping")
    there = clinic.invite(datetime=f"{utc(days=5, hour=14):%Y-%m-%dT%H:%M:%SZ}")
    clinic.settle()
    number = planned(clinic, [line(0), line(1)])
    found = [(str(one.fate), one.remote_id) for one in showing.items(clinic.sync, number)]
    assert found == [("already_there", there), ("create", None)]


def test_what_drchrono_has_alone_is_made_by_its_own_run(clinic: Clinic) -> None:
    path = clinic.sync.settings.mapping_file
    whole = path.read_text()
    path.write_text(whole + '\n[policy]\ndirection = "to_drchrono"\n')
    clinic.beat("mapping")
    said = line(0)
    starts = utc(days=5, hour=14).astimezone(ZONE)
    appointment = clinic.book(scheduled_time=f"{starts:%Y-%m-%dT%H:%M:%S}")
    clinic.settle()
    number = planned(clinic, [said])
    (item,) = showing.items(clinic.sync, number)
    assert (str(item.fate), item.source_id) == ("create", appointment)
    path.write_text(whole)
    clinic.beat("mapping")
    done(clinic, number)
    assert outcomes(clinic, number)[0] in {"created", "already_there"}
    assert (len(clinic.visits()), len(clinic.appointments())) == (1, 1)
    agree(clinic)


@pytest.mark.parametrize(
    ("changes", "fate", "cause"),
    [
        ({"date": "2020-01-31"}, "problem", "visit_past"),
        ({"date": "2099-01-31"}, "problem", "visit_far"),
        ({"status": "Cancelled"}, "problem", "visit_over"),
        ({"provider": "999999"}, "problem", "provider_unknown"),
        ({"provider": ""}, "problem", "provider_missing"),
        ({"patient_email": "Vera"}, "problem", "email_is_name"),
        ({"patient_first_name": "Veronika"}, "question", "patient_unsure"),
        ({"date_of_birth": "1984-05-07"}, "question", "patient_unsure"),
        ({"drchrono_patient_id": "123456"}, "problem", "patient_unknown"),
    ],
)
def test_doubt_is_a_question_and_a_problem_is_named(
    clinic: Clinic, changes: dict[str, str], fate: str, cause: str
) -> None:
    number = planned(clinic, [line(0, **changes)])
    assert fates(clinic, number) == [(fate, cause)]
    done(clinic, number)
    assert clinic.visits() == []


def test_who_has_no_chart_gets_one_by_the_visit_s_own_run(clinic: Clinic) -> None:
    new = {"patient_first_name": "Nils", "patient_last_name": "Newcomer"}
    number = planned(clinic, [line(0, **new, patient_email="nils@mail.example")])
    done(clinic, number)
    assert outcomes(clinic, number) == ["created"]
    (appointment,) = clinic.appointments()
    assert appointment["patient"] != clinic.patient
    agree(clinic)


def test_the_same_visit_twice_in_a_file_is_made_once(clinic: Clinic) -> None:
    again, longer = line(0, appointment_id="EMR-9"), line(1, duration="60")
    number = planned(clinic, [line(0), again, line(1), longer])
    assert fates(clinic, number) == [
        ("create", None),
        ("already_there", "same_line"),
        ("create", None),
        ("problem", "same_line_differs"),
    ]
    done(clinic, number)
    assert made(clinic) == ["EMR-0", "EMR-1"]
    told = [(one["oncall_url"], one["outcome"]) for one in result(clinic, number)]
    assert told[1] == (told[0][0], "already_there")
    assert told[0][0] != told[2][0] != ""


def test_a_chart_s_id_alone_says_who_it_is(clinic: Clinic) -> None:
    nameless = dict.fromkeys(("patient_first_name", "patient_last_name", "patient_email"), "")
    said = line(0, **nameless, date_of_birth="", drchrono_patient_id=str(clinic.patient))
    number = planned(clinic, [said])
    done(clinic, number)
    (visit,) = clinic.visits()
    assert [one["email"] for one in visit["participants"]] == ["vera@mail.example"]
    agree(clinic)


# --- lost answers and kills -----------------------------------------------------------------------


@on_both
@pytest.mark.parametrize("landed", [True, False])
def test_a_lost_answer_makes_no_second_visit(clinic: Clinic, landed: bool) -> None:
    prove_the_list(clinic)
    before = len(clinic.visits())
    lost = {"match": POSTED, "do": "drop_after" if landed else "drop", "times": 1}
    clinic.sandbox.faults("oncall", lost, webhooks={"mode": "drop"})
    number = planned(clinic, [line(0)])
    steering.start(clinic.sync, number)
    clinic.settle(hours=3)
    assert showing.show(clinic.sync, number).state is State.DONE
    assert made(clinic) == ["EMR-0"]
    assert len(clinic.visits()) == before + 1
    clinic.sandbox.faults("oncall", webhooks={"mode": "deliver"})
    agree(clinic)


def test_cancelled_it_finds_what_was_sent_and_sends_nothing_more(clinic: Clinic) -> None:
    prove_the_list(clinic)
    clinic.sandbox.faults("oncall", {"match": POSTED, "do": "drop_after", "times": 1})
    number = planned(clinic, [line(0), line(1), line(2)])
    steering.start(clinic.sync, number)
    with dying(clinic, 12), pytest.raises(KilledError):
        clinic.pump()
    clinic.advance(60)
    steering.cancel(clinic.sync, number)
    clinic.settle(hours=3)
    shown = showing.show(clinic.sync, number)
    assert shown.state is State.CANCELLED
    assert shown.outcomes.get(Outcome.CREATED, 0) == len(made(clinic)) <= 1
    agree(clinic)


class KilledError(BaseException):
    """The process is gone."""


@contextmanager
def dying(clinic: Clinic, points: int) -> Iterator[None]:
    """Die after so many commits and calls; from then on this process stores and sends nothing."""
    left = points
    store = clinic.sync.store
    write, worker = store.write, threading.get_ident()

    def point() -> None:
        nonlocal left
        if threading.get_ident() != worker:
            return  # the doors live on
        left -= 1
        if left <= 0:
            raise KilledError

    @contextmanager
    def mortal(**more: Any) -> Iterator[Any]:
        point()
        with write(**more) as conn:
            yield conn
        point()

    patch = pytest.MonkeyPatch()
    patch.setattr(store, "write", mortal)
    try:
        yield
    finally:
        patch.undo()


@pytest.fixture
def mortal(
    request: pytest.FixtureRequest, templates: Templates, tmp_path: Path
) -> Iterator[Clinic]:
    """A clinic in which a call can be written down and never made."""
    on_postgresql = request.param == "postgresql"
    server = str(request.getfixturevalue("postgres_server")) if on_postgresql else None
    with templates.unchecked("clinic", tmp_path, gone_live, server) as opened:
        yield opened


@pytest.mark.parametrize(
    ("mortal", "seed"), [("sqlite", 1), ("postgresql", 2)], indirect=["mortal"]
)
def test_killed_at_random_points_each_line_is_sent_once(mortal: Clinic, seed: int) -> None:
    clinic = mortal
    prove_the_list(clinic)
    before = len(clinic.visits())
    chance = random.Random(seed)  # noqa: S311 - a test of chance
    number = planned(clinic, [line(one) for one in range(4)])
    steering.start(clinic.sync, number)
    for _ in range(12):
        with dying(clinic, chance.randrange(2, 40)):
            try:
                clinic.pump()
            except KilledError:
                clinic.advance(60)
    clinic.settle(hours=3)
    shown = showing.show(clinic.sync, number)
    assert (shown.state, dict(shown.outcomes)) == (State.DONE, {Outcome.CREATED: 4})
    assert made(clinic) == ["EMR-0", "EMR-1", "EMR-2", "EMR-3"]
    assert len(clinic.visits()) == before + 4
    agree(clinic)
