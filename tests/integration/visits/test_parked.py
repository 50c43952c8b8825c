"""Park what fails or waits: when it is tried again, why it waits, what wakes it.

One poisoned object delays no other.

What it waits for wakes it: a patient and the mapping in invariant 9's tests, the authorisation in
`test_token_renewed.py`, a visit in `test_successors.py`. The reasons are told by `explain`:
`test_explain_tells_what_it_waits_for_and_what_came_meanwhile`.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from sync.operations import attention as operate
from sync.store.schema import attention, work
from sync.tasks import worker
from sync.visits import reconcile as visits_run
from tests.support.agreement import agree
from tests.support.clinic import Clinic
from tests.support.flows import here, name_of, slot, there
from tests.support.templates import Templates, gone_live

# --- the back-off ---------------------------------------------------------------------------------


def test_the_back_off_has_full_jitter_and_a_cap(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anything up to 2, 4, 8 … 900 seconds; told after eight tries, and tried on for weeks."""
    spans: list[tuple[float, float]] = []

    def longest(least: float, most: float) -> float:
        spans.append((least, most))
        return most

    monkeypatch.setattr(worker.random, "uniform", longest)
    appointment, _ = clinic.linked(scheduled_time=here(slot(0)))
    match = {"method": "GET", "path": r"^/appointments/\d+/$"}
    clinic.sandbox.faults("oncall", {"match": match, "do": "status", "times": None})
    clinic.edit(appointment, duration=50)
    for tries in range(1, 12):
        clinic.pump()
        assert len(spans) == tries
        assert clinic.attention() == (["keeps_failing"] if tries >= 8 else [])
        clinic.advance(spans[-1][1] - 1)
        clinic.pump()
        assert len(spans) == tries
        clinic.advance(1)
    assert [most for _, most in spans] == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    assert {least for least, _ in spans} == {0.2}
    with clinic.sync.store.write() as conn:
        conn.execute(update(work).where(work.c.attempts > 0).values(attempts=2000))
    clinic.pump()
    assert spans[-1] == (0.2, 900)
    behave(clinic)
    clinic.advance(900)
    clinic.pump()
    agree(clinic)
    assert clinic.attention() == []
    assert _ever_told(clinic, "keeps_failing") == 1


def behave(clinic: Clinic) -> None:
    for remote in ("drchrono", "oncall"):
        clinic.sandbox.faults(remote, clear=True)
    clinic.sandbox.behaviours("drchrono", burst_limit=None)


def _ever_told(clinic: Clinic, cause: str) -> int:
    with clinic.sync.store.read() as conn:
        return conn.execute(
            select(func.count()).select_from(attention).where(attention.c.cause == cause)
        ).scalar_one()


# --- what wakes it --------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["nobody", "its own object", "a person"])
def test_what_was_refused_is_woken_by(clinic: Clinic, who: str) -> None:
    """Catching up does not repeat a refused write; a change of the visit or `retry` does."""
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    match = {"method": "PATCH", "path": "^/appointments/"}
    refusal = {"match": match, "do": "status", "status": 400, "body": {"duration": ["No."]}}
    clinic.sandbox.faults("oncall", refusal)
    clinic.edit(appointment, duration=50)
    clinic.settle()
    (item,) = operate.attention_list(clinic.sync)
    assert (item.cause, item.candidates) == ("refused", ("duration",))
    clinic.forget()
    if who == "its own object":
        clinic.edit(appointment, scheduled_time=here(slot(1)))
    elif who == "a person":
        operate.attention_retry(clinic.sync, item.id)
    clinic.settle()
    if who == "nobody":
        clinic.whole_cycle()
        clinic.catch_up()
        clinic.advance(25 * 3600)
        clinic.beat("oncall_tiers")
        clinic.settle()
        assert clinic.writes() == []
        assert "GET /appointments/ID/" not in clinic.calls("oncall")
        assert clinic.attention() == ["refused"]
        assert clinic.visit(visit)["duration"] == 30
    else:
        agree(clinic)
        assert clinic.attention() == []


def test_what_waits_costs_a_pass_nothing(clinic: Clinic) -> None:
    """A patient without an address, whose chart and visit every pass shows for a day."""
    patient = clinic.new_patient(**{**name_of(1), "email": ""})
    clinic.book(patient=patient, scheduled_time=here(slot(0)))
    clinic.settle()
    assert clinic.attention() == ["patient_without_email"]
    clinic.forget()
    for _ in range(3):
        clinic.catch_up()
    assert [c for c in clinic.calls("drchrono") if c.endswith("/ID")] == []
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop"})
    clinic.edit_patient(patient, email="vera1@mail.example")
    clinic.catch_up()
    agree(clinic)


# --- one poisoned object --------------------------------------------------------------------------


@contextmanager
def unreadable(clinic: Clinic, name: str, remote_id: str) -> Iterator[None]:
    """Every answer that shows this object shows a start that is no time."""
    sent, clinic.wire.answers = clinic.sync.wire.send, False

    def spoilt(request: Any) -> Any:
        answer = sent(request)
        if answer.status != 200 or not answer.content:
            return answer
        body = json.loads(answer.content)
        for one in body.get("results", [body]) if isinstance(body, dict) else []:
            if remote_id in {str(one.get("id")), str(one.get("url")).rstrip("/").split("/")[-1]}:
                one[name] = "nonsense"
        return replace(answer, content=json.dumps(body).encode())

    clinic.sync.wire.send = spoilt  # type: ignore[method-assign]
    yield
    clinic.sync.wire.send = sent  # type: ignore[method-assign]


@contextmanager
def broken(clinic: Clinic, _name: str, remote_id: str) -> Iterator[None]:
    """500 for every read of it."""
    path = rf"/appointments/{remote_id}/?$"
    for remote in ("drchrono", "oncall"):
        fault = {"match": {"method": "GET", "path": path}, "do": "status", "times": None}
        clinic.sandbox.faults(remote, fault)
    yield
    behave(clinic)


@contextmanager
def defective(_clinic: Clinic, _name: str, remote_id: str) -> Iterator[None]:
    """A defect of ours that only this visit meets."""
    planned: Callable[..., Any] = visits_run.make_plan

    def fails(started: Any) -> Any:
        if remote_id in {one.remote_id for one in started.state.objects}:
            raise ZeroDivisionError
        return planned(started)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(visits_run, "make_plan", fails)
        yield


@pytest.fixture
def three(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    """A clinic with three visits on both sides, in one slot after the other."""
    with templates.copied("three", tmp_path, of_three) as opened:
        yield opened


def of_three(clinic: Clinic) -> None:
    gone_live(clinic)
    for number in range(3):
        clinic.linked(scheduled_time=here(slot(number)))


@pytest.mark.parametrize(
    ("side", "poison", "told"),
    [
        ("drchrono", unreadable, "catch-up"),
        ("oncall", unreadable, "catch-up"),
        ("drchrono", broken, "webhook"),
        ("oncall", broken, "catch-up"),
        ("drchrono", defective, "catch-up"),
        ("oncall", defective, "webhook"),
    ],
)
def test_one_poisoned_object_delays_no_other(
    three: Clinic, side: str, poison: Any, told: str
) -> None:
    """Of three visits that are moved the middle one fails: the others arrive all the same."""
    clinic, visits = three, in_order(three)
    which, name = {"drchrono": (0, "scheduled_time"), "oncall": (1, "datetime")}[side]
    clinic.sandbox.faults(side, webhooks={"mode": "deliver" if told == "webhook" else "drop"})
    with poison(clinic, name, visits[1][which]):
        for number, (appointment, visit) in enumerate(visits):
            if side == "drchrono":
                clinic.edit(appointment, scheduled_time=here(slot(number, minute=30)))
            else:
                clinic.change_visit(visit, datetime=there(slot(number, minute=30)))
        if told == "catch-up":
            scan(clinic, side)
        clinic.sandbox.wait_idle()
        for key in clinic.due():
            run(clinic, key)
    shown = [
        (clinic.appointment(appointment)["scheduled_time"], clinic.visit(visit)["datetime"])
        for appointment, visit in visits
    ]
    for number in (0, 2):
        at = slot(number, minute=30)
        assert shown[number] == (here(at), there(at))
    clinic.advance(61)
    operate.resync(clinic.sync, "appointment", visits[1][0])
    clinic.settle()
    agree(clinic)


def in_order(clinic: Clinic) -> list[tuple[str, str]]:
    """The ids of appointment and visit, by their time."""
    here_ = sorted(clinic.appointments(), key=lambda one: str(one["scheduled_time"]))
    there_ = sorted(clinic.visits(), key=lambda one: str(one["datetime"]))
    return [(a["id"], v["id"]) for a, v in zip(here_, there_, strict=True)]


def scan(clinic: Clinic, side: str) -> None:
    """The scans that meet every visit of a side."""
    names = {"drchrono": ["drchrono_appointments"], "oncall": ["oncall_walk"]}
    for name in names[side]:
        clinic.beat(name)


def run(clinic: Clinic, key: int) -> None:
    """One run as a worker makes it: a defect ends the job, and nothing else."""
    try:
        worker.run(clinic.sync, key)
    except ZeroDivisionError:
        return
