"""Invariant 2, nothing twice: a create that lands only after a first look has denied it."""

from typing import Any

import pytest

from sync.tasks import worker
from tests.support.agreement import agree
from tests.support.clinic import Clinic
from tests.support.flows import (
    FLOWS,
    PATCH_THERE,
    POST_CONTACT,
    POST_HERE,
    POST_PATIENT,
    POST_THERE,
    Call,
    prove_the_list,
)

BY_NAME = {str(flow): flow for flow in FLOWS}


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("invited", POST_HERE),
        ("invited_somebody_new", POST_HERE),
        ("invited_somebody_new", POST_PATIENT),
        ("booked", POST_CONTACT),
        ("booked", POST_THERE),
        ("invited_together", POST_HERE),
        ("joined", PATCH_THERE),
    ],
    ids=[
        "appointment",
        "first_appointment",
        "patient",
        "contact",
        "visit",
        "members_appointment",
        "participant",
    ],
)
def test_it_lands_after_the_first_look(clinic: Clinic, name: str, call: Call) -> None:
    flow, (remote, method, path) = BY_NAME[name], call
    prove_the_list(clinic)
    this = flow.prepare(clinic, 1)
    clinic.settle()
    clinic.forget()
    # Its own webhook would tell at once: only the looks can find it.
    late: dict[str, Any] = {"do": "late", "seconds": 1.5}
    match = {"method": method, "path": path}
    clinic.sandbox.faults(remote, {"match": match, **late}, webhooks={"mode": "drop"})
    flow.act(clinic, this)
    clinic.sandbox.wait_idle()
    _work_now(clinic)
    clinic.advance(6)
    _work_now(clinic)
    clinic.settle()
    clinic.sandbox.faults(remote, webhooks={"mode": "deliver"})
    agree(clinic)
    # Of the two appointments of a group one was late.
    once = 2 if name == "invited_together" else 1
    assert clinic.calls(remote).count(_shape(call)) == once
    assert sorted(clinic.mails()) == sorted(flow.mails)
    assert clinic.attention() == []


def _work_now(clinic: Clinic) -> None:
    """Work without waiting for what is still on its way."""
    for _ in range(3):
        for aggregate in clinic.due():
            worker.run(clinic.sync, aggregate)


def _shape(call: Call) -> str:
    _remote, method, path = call
    return f"{method} {path.removeprefix('^').removesuffix('$')}".replace(r"\d+", "ID")
