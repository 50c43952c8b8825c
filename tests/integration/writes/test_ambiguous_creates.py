"""Invariant 2, nothing twice: each kind of object, made while it is unknown whether it was made.

Of DrChrono's an appointment, a group member's appointment and a patient; of OnCall's a visit, a
group's visit, a participant added to a live visit, and a contact. Elsewhere: a dropped answer and a
commit a moment later (`invariants/test_1_nothing_lost_remote_trouble.py`) or after the first look
(`invariants/test_2_lands_late.py`), and a database of yesterday (`test_relink_behind.py`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.agreement import agree
from tests.support.clinic import Clinic
from tests.support.flows import (
    FIND_CONTACT,
    FIND_PATIENT,
    FLOWS,
    GET_THERE,
    NO_LIMITS,
    PATCH_THERE,
    POST_CONTACT,
    POST_HERE,
    POST_PATIENT,
    POST_THERE,
    Call,
    prove_the_list,
)
from tests.support.meanwhile import Worker, meanwhile, second_worker
from tests.support.templates import Templates, gone_live

BY_NAME = {str(flow): flow for flow in FLOWS}
LIST_HERE: Call = ("drchrono", "GET", "^/api/appointments$")
LIST_THERE: Call = ("oncall", "GET", "^/appointments/$")
EMPTY = {"do": "empty_list"}
# What makes it, and how the first look at it fails to show it.
KINDS: dict[str, tuple[str, Call, Call, dict[str, Any]]] = {
    "appointment": ("invited", POST_HERE, LIST_HERE, EMPTY),
    "member's appointment": ("invited_together", POST_HERE, LIST_HERE, EMPTY),
    # A look asks for the e-mail, and for the name.
    "patient": ("invited_somebody_new", POST_PATIENT, FIND_PATIENT, {**EMPTY, "times": 2}),
    "visit": ("booked", POST_THERE, LIST_THERE, EMPTY),
    "group's visit": ("grouped", POST_THERE, LIST_THERE, EMPTY),
    "participant": ("joined", PATCH_THERE, GET_THERE, {"do": "stale"}),
    "contact": ("booked", POST_CONTACT, FIND_CONTACT, EMPTY),
}
EACH = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def clinic(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    with templates.copied("proven", tmp_path, proven, **NO_LIMITS) as opened:
        yield opened


def proven(clinic: Clinic) -> None:
    """A clinic that has seen OnCall's list show what was just made."""
    gone_live(clinic)
    prove_the_list(clinic)


@pytest.fixture
def second(clinic: Clinic) -> Iterator[Worker]:
    with second_worker(clinic) as worker:
        yield worker


class Create:
    """One create: what stands before it, what leads to it, and what must have come of it."""

    def __init__(self, clinic: Clinic, kind: str) -> None:
        flow, self.call, self.list, self.lag = KINDS[kind]
        self._clinic, self._flow = clinic, BY_NAME[flow]
        self.mails = self._flow.mails
        self._stands = self._flow.prepare(clinic, 1)
        clinic.advance(120)
        clinic.settle()
        clinic.forget()

    def begin(self) -> None:
        self.act()
        self._clinic.settle(hours=3)

    def act(self) -> None:
        self._flow.act(self._clinic, self._stands)

    def assert_made_once(self) -> None:
        clinic = self._clinic
        for remote in ("drchrono", "oncall"):
            clinic.sandbox.faults(remote, webhooks={"mode": "deliver"})
        clinic.settle()
        agree(clinic)
        assert sorted(clinic.mails()) == sorted(self.mails)
        assert clinic.attention() == []


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "contact"])
def test_its_own_webhook_before_the_answer(clinic: Clinic, second: Worker, kind: str) -> None:
    """And another worker at work on it while the first waits. OnCall tells nothing of contacts."""
    create = Create(clinic, kind)
    heard: list[int] = []

    def listen() -> None:
        clinic.sandbox.wait_idle()
        heard.append(len(clinic.sandbox.webhooks(create.call[0])["deliveries"]))

    def overtaken() -> None:
        listen()
        second.work()

    with meanwhile(clinic, create.call, before=listen, after=overtaken):
        create.begin()
    assert heard[1] > heard[0]
    create.assert_made_once()


@EACH
def test_two_workers_racing(clinic: Clinic, second: Worker, kind: str) -> None:
    """The answer comes when the lease has run out and another worker has looked for the thing."""
    create = Create(clinic, kind)
    clinic.sandbox.faults(create.call[0], webhooks={"mode": "drop"})

    def taken_over() -> None:
        for seconds in (50, 6, 61):
            clinic.advance(seconds)
            second.work()

    with meanwhile(clinic, create.call, after=taken_over):
        create.begin()
    create.assert_made_once()


@EACH
def test_a_list_that_lags(clinic: Clinic, kind: str) -> None:
    """The answer is dropped, no webhook comes, and the first look does not show it yet."""
    create = Create(clinic, kind)
    remote, method, path = create.call
    clinic.sandbox.faults(
        remote,
        {"match": {"method": method, "path": path}, "do": "drop_after"},
        webhooks={"mode": "drop"},
    )

    def lag() -> None:
        remote, method, path = create.list
        clinic.sandbox.faults(remote, {"match": {"method": method, "path": path}, **create.lag})

    with meanwhile(clinic, create.call, before=lag):
        create.begin()
    assert clinic.sandbox.state(remote)["faults"] == []
    create.assert_made_once()


def test_the_patient_is_refused_as_a_double_of_itself(clinic: Clinic) -> None:
    """409 with ourselves; an appointment's is `test_the_slot_is_taken_by_our_own_lost_appointment`.

    Lists are silent for ten minutes, so DrChrono refuses the second POST: somebody is asked
    until a list shows it. OnCall refuses no doubles, and members of a group may overlap.
    """
    create = Create(clinic, "patient")
    clinic.sandbox.behaviours("drchrono", duplicate_patient="409")
    post = {"match": {"method": "POST", "path": "^/api/patients$"}, "do": "drop_after"}
    clinic.sandbox.faults("drchrono", post, webhooks={"mode": "drop"})

    def lag() -> None:
        match = {"method": "GET", "path": "^/api/patients$"}
        clinic.sandbox.faults("drchrono", {"match": match, "do": "empty_list", "times": 18})

    with meanwhile(clinic, create.call, before=lag):
        create.begin()
    assert clinic.attention() == ["duplicate_patient"]
    clinic.whole_cycle()
    create.assert_made_once()
