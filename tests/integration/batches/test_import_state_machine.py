"""Rows, kills, pauses, lost answers, charts that come: no contact twice, no line lost.

BATCH_EXAMPLES says how many courses are tried on each database.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from sync.batches import showing, steering
from sync.core.batch.model import OVER, State
from sync.tasks import worker
from tests.support.batches.dying import Dying
from tests.support.batches.imports import contact, letters, line, outcomes, planned
from tests.support.clinic import wall
from tests.support.templates import Templates, gone_live

EXAMPLES = int(os.environ.get("BATCH_EXAMPLES", "6"))
LOST = {"match": {"method": "POST", "path": "/contacts/?$"}, "do": "drop_after", "times": 1}
KINDS = NEW, CHARTED, THERE, STALE = "new", "charted", "there", "stale"


class Importing(RuleBasedStateMachine):
    """One file on its way in, by workers that die."""

    templates: Templates
    server: str | None

    def __init__(self) -> None:
        super().__init__()
        self._open = ExitStack()
        home = Path(self._open.enter_context(tempfile.TemporaryDirectory()))
        self.clinic = self._open.enter_context(
            self.templates.unchecked("clinic", home, gone_live, self.server)
        )
        self.dying = Dying(self.clinic.sync)
        self._open.callback(self.dying.undo)
        self.batches: list[int] = []
        self.charted: set[int] = set()

    @initialize(
        kinds=st.lists(st.sampled_from([NEW, CHARTED, THERE, STALE]), min_size=2, max_size=5)
    )
    def begin(self, kinds: list[str]) -> None:
        self.kinds = kinds
        for number, kind in enumerate(kinds):
            if kind == CHARTED:
                self._chart(number)
            elif kind in {THERE, STALE}:
                phone = "2125550147" if kind == THERE else ""
                contact(self.clinic, **_said(number), phone=phone, sex="female")
        self.clinic.settle()
        self._plan()

    @rule(points=st.integers(1, 60))
    def a_worker_dies(self, points: int) -> None:
        for key in self.clinic.due():
            with self.dying.mortal(points):
                worker.run(self.clinic.sync, key)
        self.clinic.advance(self.clinic.settings.lease_seconds + 1)

    @rule()
    def a_worker_works(self) -> None:
        for key in self.clinic.due():
            worker.run(self.clinic.sync, key)

    @rule()
    def it_is_paused_and_resumed(self) -> None:
        if self._state() is State.RUNNING:
            steering.pause(self.clinic.sync, self.batches[0])
            self.a_worker_works()
            steering.resume(self.clinic.sync, self.batches[0])

    @rule()
    def an_answer_is_lost(self) -> None:
        self.clinic.sandbox.faults("oncall", LOST)

    @rule(number=st.integers(0, 4))
    def a_chart_comes(self, number: int) -> None:
        if number < len(self.kinds) and number not in self.charted:
            self._chart(number)
            self.clinic.sandbox.wait_idle()

    @rule()
    def the_same_file_comes_again(self) -> None:
        if len(self.batches) < 2:
            self._plan()

    def teardown(self) -> None:
        try:
            if self.batches:
                self._check()
        finally:
            self._open.close()

    def _check(self) -> None:
        clinic = self.clinic
        clinic.sandbox.faults("oncall", clear=True)
        clinic.advance(clinic.settings.lease_seconds + 1)
        clinic.settle(hours=6)
        for number in self.charted:
            when = wall(days=3 + number)
            clinic.linked(patient=self.patients[number], scheduled_time=when)
        clinic.settle(hours=6)
        made = Counter(str(one["email"]) for one in clinic.of("oncall", "contacts"))
        assert made == {_mail(number): 1 for number in range(len(self.kinds))}
        for batch in self.batches:
            shown = showing.show(clinic.sync, batch)
            assert shown.state in OVER, shown
            assert "" not in outcomes(clinic, batch)
            assert "problem" not in outcomes(clinic, batch)
        if len(self.batches) == 1:
            told = dict(enumerate(outcomes(clinic, self.batches[0])))
            new = [one for one, kind in enumerate(self.kinds) if kind == NEW]
            assert {told[one] for one in new if one not in self.charted} <= {"created"}

    # --- what is done -----------------------------------------------------------------------------

    def _plan(self) -> None:
        lines = [line(number) for number in range(len(self.kinds))]
        batch = planned(self.clinic, lines)
        steering.start(self.clinic.sync, batch)
        self.batches.append(batch)

    def _state(self) -> State:
        return showing.show(self.clinic.sync, self.batches[0]).state

    def _chart(self, number: int) -> None:
        self.patients = getattr(self, "patients", {})
        said = _said(number)
        self.patients[number] = self.clinic.new_patient(**said, cell_phone="(212) 555-0147")
        self.charted.add(number)


def _said(number: int) -> dict[str, Any]:
    return {
        "first_name": f"Nora{letters(number)}",
        "last_name": f"Quill{letters(number)}",
        "email": _mail(number),
        "date_of_birth": "1980-12-31",
    }


def _mail(number: int) -> str:
    return f"nora{number}@mail.example"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_no_contact_is_made_twice_and_no_line_is_lost(
    database: str, templates: Templates, request: pytest.FixtureRequest
) -> None:
    on_postgresql = database == "postgresql"
    server = str(request.getfixturevalue("postgres_server")) if on_postgresql else None
    machine = type("Importing", (Importing,), {"templates": templates, "server": server})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=12,
            deadline=None,
            derandomize="BATCH_EXAMPLES" not in os.environ,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        ),
    )
