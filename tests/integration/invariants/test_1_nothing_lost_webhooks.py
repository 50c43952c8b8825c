"""Invariant 1, nothing lost: webhooks dropped, held back and turned round, doubled, redelivered.

What was answered 2xx arrives by itself; what never came arrives by one catch-up.
"""

from typing import Any

import pytest
import requests

from tests.support.agreement import agree
from tests.support.clinic import SECRET, Clinic, utc, wall
from tests.support.flows import FLOWS, Flow, here, slot, there


def _prepared(clinic: Clinic, flow: Flow):  # type: ignore[no-untyped-def]
    stands = flow.prepare(clinic, 0)
    clinic.advance(120)
    clinic.settle()
    clinic.forget()
    return stands


def _webhooks(clinic: Clinic, mode: str, **more: float) -> None:
    for remote in ("drchrono", "oncall"):
        clinic.sandbox.faults(remote, webhooks={"mode": mode, **more})


@pytest.mark.parametrize("flow", FLOWS, ids=str)
def test_webhooks_that_never_come(clinic: Clinic, flow: Flow) -> None:
    stands = _prepared(clinic, flow)
    _webhooks(clinic, "drop")
    flow.act(clinic, stands)
    clinic.settle()
    clinic.whole_cycle()
    agree(clinic)
    assert sorted(clinic.mails()) == sorted(flow.mails)


def test_what_changed_long_before_the_first_catch_up_arrives(clinic: Clinic) -> None:
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    _webhooks(clinic, "drop")
    clinic.edit(appointment, scheduled_time=here(slot(1)))
    clinic.edit_patient(clinic.patient, email="later@mail.example")
    clinic.whole_cycle(hours=73)
    agree(clinic)
    shown = clinic.visit(visit)
    assert shown["datetime"] == there(slot(1))
    assert shown["participants"][0]["email"] == "later@mail.example"


@pytest.mark.parametrize("mode", ["duplicate", "reorder"])
@pytest.mark.parametrize("flow", FLOWS, ids=str)
def test_webhooks_twice_and_in_the_wrong_order(clinic: Clinic, flow: Flow, mode: str) -> None:
    stands = _prepared(clinic, flow)
    _webhooks(clinic, mode, **({"seconds": 0.05} if mode == "reorder" else {}))
    flow.act(clinic, stands)
    clinic.settle()
    agree(clinic)
    assert sorted(clinic.mails()) == sorted(flow.mails)


@pytest.mark.parametrize("order", ["forward", "reverse"])
def test_held_back_and_let_go_in_any_order(clinic: Clinic, order: str) -> None:
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    _webhooks(clinic, "hold")
    clinic.edit(appointment, scheduled_time=here(slot(1)))
    clinic.edit(appointment, scheduled_time=here(slot(2)))
    clinic.edit(appointment, duration=50)
    clinic.pump()
    assert clinic.visit(visit)["duration"] == 30
    _webhooks(clinic, "deliver")
    for remote in ("drchrono", "oncall"):
        clinic.sandbox.control(remote, "release", {"order": order})
    clinic.settle()
    agree(clinic)
    assert clinic.mails() == [("change", "app")]


def test_redis_never_mattered_but_the_database_does(clinic: Clinic) -> None:
    """No database: 503, so DrChrono delivers again; then the change arrives."""
    appointment, _ = clinic.linked()
    opened, clinic.sync.store.write = clinic.sync.store.write, _broken  # type: ignore[method-assign]
    clinic.edit(appointment, duration=50)
    clinic.sandbox.wait_idle()
    clinic.sync.store.write = opened  # type: ignore[method-assign]
    (refused,) = [
        d for d in clinic.sandbox.webhooks("drchrono")["deliveries"] if d["status"] == 503
    ]
    clinic.settle()
    assert clinic.visits()[0]["duration"] == 30
    clinic.sandbox.control("drchrono", "redeliver", {"delivery": refused["delivery"]})
    clinic.settle()
    agree(clinic)


def _broken(**_told: Any) -> None:
    from sqlalchemy.exc import OperationalError

    raise OperationalError("BEGIN", None, Exception("down"))


def test_a_redelivery_by_hand_is_heard(clinic: Clinic) -> None:
    """The change was not seen at first (a stale read on both looks); a person presses redeliver."""
    appointment, visit = clinic.linked()
    _webhooks(clinic, "drop")
    clinic.edit(appointment, duration=50)
    _webhooks(clinic, "deliver")
    (dropped,) = [
        d for d in clinic.sandbox.webhooks("drchrono")["deliveries"] if d["status"] is None
    ]
    clinic.settle()
    assert clinic.visit(visit)["duration"] == 30
    clinic.sandbox.control("drchrono", "redeliver", {"delivery": dropped["delivery"]})
    clinic.settle()
    agree(clinic)
    assert clinic.mails() == [("change", "app")]


def test_an_edit_while_the_worker_is_at_it(clinic: Clinic) -> None:
    """Staff edit again after the worker has read, before it writes: one more run follows."""
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    sent = clinic.sync.wire.send

    def between(request):  # type: ignore[no-untyped-def]
        if request.method == "PATCH":
            clinic.sync.wire.send = sent  # type: ignore[method-assign]
            clinic.edit(appointment, scheduled_time=here(slot(2)))
        return sent(request)

    clinic.sync.wire.send = between  # type: ignore[method-assign]
    clinic.edit(appointment, scheduled_time=here(slot(1)))
    clinic.settle()
    agree(clinic)
    assert clinic.visit(visit)["datetime"] == f"{slot(2):%Y-%m-%dT%H:%M:%SZ}"
    assert clinic.mails() == [("change", "app"), ("change", "app")]


def test_an_echo_before_our_own_commit(clinic: Clinic) -> None:
    """DrChrono's echo is received while the PATCH that caused it has no stored outcome yet."""
    appointment, visit = clinic.linked()
    sent = clinic.sync.wire.send

    def slowly(request):  # type: ignore[no-untyped-def]
        answer = sent(request)
        if request.method == "PATCH":
            clinic.sandbox.wait_idle()
        return answer

    clinic.sync.wire.send = slowly  # type: ignore[method-assign]
    clinic.change_visit(visit, datetime=f"{utc(days=3, hour=18):%Y-%m-%dT%H:%M:%SZ}")
    clinic.settle()
    agree(clinic)
    assert clinic.appointment(appointment)["scheduled_time"] == wall(days=3, hour=18)
    assert clinic.calls("drchrono") == ["GET /api/appointments/ID", "PATCH /api/appointments/ID"]
    assert clinic.mails() == [("change", "staff")]


def test_a_ping_and_a_stranger_raise_nothing(clinic: Clinic) -> None:
    clinic.sandbox.control("drchrono", "ping", {"signed": False})
    clinic.sandbox.wait_idle()
    headers = {"X-drchrono-event": "APPOINTMENT_MODIFY", "X-drchrono-signature": f"not {SECRET}"}
    told = {"object": {"id": "100008"}}
    answer = requests.post(
        f"{clinic.url}/webhooks/drchrono", json=told, headers=headers, timeout=10
    )
    assert answer.status_code == 401
    assert clinic.waiting() == 0
