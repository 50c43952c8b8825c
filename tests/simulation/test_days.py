"""Days that nobody wrote down: people act on both sides while calls and webhooks go wrong.

After every quiet point (no more faults, one catch-up) nothing is there twice (invariant 2), nothing
more is written (3), both sides agree (4), and what was finished has stayed finished (8).
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.integration.agreement import agree, open_appointments, open_visits
from tests.integration.clinic import Clinic, open_clinic
from tests.integration.flows import NO_LIMITS, here, name_of, prove_the_list, slot, there
from tests.sandbox_client import Sandbox

# Six weeks ahead: each quiet point takes two days, and a past visit is another story.
SLOTS = st.integers(300, 317)
PEOPLE = st.integers(0, 2)
MINUTES = st.sampled_from([15, 20, 30])
FAULTS: tuple[dict[str, Any], ...] = (
    {"do": "status", "status": 500},
    {"do": "429", "seconds": 5},
    {"do": "html"},
    {"do": "garbage"},
    {"do": "drop"},
    {"match": {"method": "PATCH"}, "do": "drop_after"},
    {"match": {"method": "PATCH"}, "do": "late", "seconds": 0.05},
)
REMOTES = st.sampled_from(["drchrono", "oncall"])


class Days(RuleBasedStateMachine):
    """One clinic whose staff and patients act in any order."""

    sandbox: ClassVar[Sandbox]

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.over: set[str] = set()

    @initialize()
    def go_live(self) -> None:
        """A new world with three patients whom both sides know."""
        home = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.sandbox.reset("empty")
        self._plain()
        url = f"sqlite:///{home / 'sync.db'}"
        self.clinic: Clinic = self.stack.enter_context(
            open_clinic(self.sandbox, url, home, **NO_LIMITS)
        )
        self.clinic.new_patient(first_name="Ida", last_name="Known", email="ida@mail.example")
        self.clinic.go_live()
        prove_the_list(self.clinic)
        self.patients = [self.clinic.new_patient(**name_of(number)) for number in range(3)]
        for number, patient in enumerate(self.patients):
            self.clinic.book(patient=patient, scheduled_time=here(slot(330 + number)))
        self.clinic.settle()
        agree(self.clinic)

    # --- what people do ---------------------------------------------------------------------------

    @rule(who=PEOPLE, at=SLOTS)
    def book(self, who: int, at: int) -> None:
        """Staff book in DrChrono, where the doctor is free on both sides."""
        if self._free(at):
            self.clinic.book(patient=self.patients[who], scheduled_time=here(slot(at)))

    @rule(who=PEOPLE, at=SLOTS)
    def invite(self, who: int, at: int) -> None:
        """Staff book in OnCall, where the doctor is free on both sides."""
        if self._free(at):
            patient = self._patient(who)
            names = {key: patient[key] for key in ("first_name", "last_name", "email")}
            self.clinic.invite(datetime=there(slot(at)), participants=[names])

    @precondition(lambda self: open_appointments(self.clinic))
    @rule(which=st.integers(0, 20), at=SLOTS)
    def move_here(self, which: int, at: int) -> None:
        """Staff move a visit in DrChrono."""
        if self._free(at):
            found = open_appointments(self.clinic)
            self.clinic.edit(found[which % len(found)]["id"], scheduled_time=here(slot(at)))

    @precondition(lambda self: open_visits(self.clinic))
    @rule(which=st.integers(0, 20), at=SLOTS)
    def move_there(self, which: int, at: int) -> None:
        """Staff move a visit in OnCall."""
        if self._free(at):
            found = open_visits(self.clinic)
            self.clinic.change_visit(found[which % len(found)]["id"], datetime=there(slot(at)))

    @precondition(lambda self: open_appointments(self.clinic))
    @rule(which=st.integers(0, 20), minutes=MINUTES)
    def make_longer(self, which: int, minutes: int) -> None:
        """Staff change a visit's length in DrChrono."""
        found = open_appointments(self.clinic)
        self.clinic.edit(found[which % len(found)]["id"], duration=minutes)

    @precondition(lambda self: open_appointments(self.clinic))
    @rule(which=st.integers(0, 20))
    def cancel_here(self, which: int) -> None:
        """Staff cancel in DrChrono."""
        found = open_appointments(self.clinic)
        self.clinic.edit(found[which % len(found)]["id"], status="Cancelled")
        self.over.add(found[which % len(found)]["id"])

    @precondition(lambda self: open_visits(self.clinic))
    @rule(which=st.integers(0, 20))
    def cancel_there(self, which: int) -> None:
        """The patient cancels in OnCall."""
        found = open_visits(self.clinic)
        self.clinic.change_visit(found[which % len(found)]["id"], by="patient", cancelled=True)
        self.over.add(found[which % len(found)]["id"])

    @rule(who=PEOPLE, number=st.integers(10, 20))
    def new_address(self, who: int, number: int) -> None:
        """Staff change the e-mail on a chart."""
        self.clinic.edit_patient(self.patients[who], email=f"vera{who}.{number}@mail.example")

    # --- what goes wrong --------------------------------------------------------------------------

    @rule(remote=REMOTES, fault=st.sampled_from(FAULTS))
    def a_call_goes_wrong(self, remote: str, fault: dict[str, Any]) -> None:
        """The next call of ours goes wrong."""
        self.sandbox.faults(remote, fault)

    @rule(remote=REMOTES, mode=st.sampled_from(["drop", "duplicate", "hold"]))
    def webhooks_go_wrong(self, remote: str, mode: str) -> None:
        """The next two webhooks are lost, doubled or held back."""
        self.sandbox.faults(remote, webhooks={"mode": mode, "times": 2})

    @rule()
    def work_a_little(self) -> None:
        """The workers do what is due."""
        self.clinic.pump()
        self.clinic.advance(3)

    @rule()
    def quiet(self) -> None:
        """Everything behaves again, held webhooks come late, and one catch-up has passed."""
        for remote in ("drchrono", "oncall"):
            self.sandbox.faults(remote, clear=True)
            self.sandbox.control(remote, "release", {"order": "reverse"})
        self._plain()
        self.clinic.settle(hours=6)
        self.clinic.whole_cycle()
        agree(self.clinic, contacts=False)
        self._finished_is_finished()
        self.clinic.forget()
        self.clinic.whole_cycle()
        assert self.clinic.writes() == []
        assert self.clinic.mails() == []

    def teardown(self) -> None:
        """Come to rest once more; a world that never went live has nothing to say."""
        try:
            if hasattr(self, "patients"):
                self.quiet()
        finally:
            self.stack.close()

    # --- helpers ----------------------------------------------------------------------------------

    def _plain(self) -> None:
        self.sandbox.behaviours("drchrono", burst_limit=None, bulk_polls=0, hourly_limit=100_000)

    def _patient(self, who: int) -> dict[str, Any]:
        patients = self.clinic.of("drchrono", "patients")
        return next(p for p in patients if p["id"] == self.patients[who])

    def _free(self, at: int) -> bool:
        """Whether nobody sits in the slot on either side: two bookings of one hour are a conflict
        that a person resolves, not a disagreement."""
        taken = {one["scheduled_time"] for one in open_appointments(self.clinic)}
        taken_there = {one["datetime"] for one in open_visits(self.clinic)}
        return here(slot(at)) not in taken and there(slot(at)) not in taken_there

    def _finished_is_finished(self) -> None:
        revived = {one["id"] for one in open_appointments(self.clinic)} & self.over
        assert not revived | ({one["id"] for one in open_visits(self.clinic)} & self.over)


@pytest.mark.timeout(400)
def test_days(sandbox_process: Sandbox) -> None:
    """Few examples, always the same ones: this is a check on each commit, not a search."""
    from hypothesis.stateful import run_state_machine_as_test

    Days.sandbox = sandbox_process
    run_state_machine_as_test(
        Days,
        settings=settings(
            max_examples=12,
            stateful_step_count=14,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
            # Shrinking replays whole days for minutes; the printed steps say enough.
            phases=(Phase.explicit, Phase.generate),
        ),
    )
