"""Days that nobody wrote down: people act on both sides while calls and webhooks go wrong.

After every quiet point (no more faults, one catch-up) nothing is there twice (invariant 2), nothing
more is written (3), both sides agree (4), and what was finished has stayed finished (8).
"""

import os
import tempfile
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.support.agreement import agree, open_appointments, open_visits
from tests.support.clinic import TELEHEALTH, Clinic, open_clinic
from tests.support.flows import NO_LIMITS, here, name_of, prove_the_list, slot, there
from tests.support.group_clinic import GROUP, make_groups
from tests.support.sandbox_client import Sandbox
from tests.support.syncs import decide

# Six weeks ahead: each quiet point takes two days, and a past visit is another story.
SLOTS = st.integers(300, 317)
PEOPLE = st.integers(0, 2)
WHICH = st.integers(0, 20)
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
        # Who was named in OnCall, and whose address was changed there, since the last quiet point:
        # named otherwise than the chart says by then, they are nobody whom we may guess.
        self.named: set[int] = set()
        self.readdressed: set[int] = set()

    @initialize()
    def go_live(self) -> None:
        """A new world with three patients whom both sides know."""
        home = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.sandbox.reset("empty")
        self._plain()
        # Of several who may come it can be asked whose visit it is: OnCall tells its provider.
        self.sandbox.behaviours("oncall", returns_provider=True)
        url = f"sqlite:///{home / 'sync.db'}"
        self.clinic: Clinic = self.stack.enter_context(
            open_clinic(self.sandbox, url, home, **NO_LIMITS)
        )
        make_groups(self.clinic)
        decide(self.clinic, "[policy]\ndemographics_back = true")
        self.clinic.new_patient(first_name="Ida", last_name="Known", email="ida@mail.example")
        self.clinic.go_live()
        prove_the_list(self.clinic)
        self.patients = [self.clinic.new_patient(**name_of(number)) for number in range(3)]
        for number, patient in enumerate(self.patients):
            self.clinic.book(patient=patient, scheduled_time=here(slot(330 + number)))
        self.clinic.settle()
        agree(self.clinic)

    # --- staff, in DrChrono -----------------------------------------------------------------------

    @rule(who=PEOPLE, at=SLOTS)
    def book(self, who: int, at: int) -> None:
        """Staff book in DrChrono, where the doctor is free on both sides."""
        if self._free(at):
            self.clinic.book(patient=self.patients[who], scheduled_time=here(slot(at)))

    @rule(at=SLOTS, people=st.sets(PEOPLE, min_size=1))
    def book_a_group(self, at: int, people: set[int]) -> None:
        """Staff book a group in DrChrono, where the doctor is free on both sides."""
        if self._free(at):
            for who in sorted(people):
                self._book_member(who, here(slot(at)), 30)

    @rule(which=WHICH, who=PEOPLE)
    def join_a_group(self, which: int, who: int) -> None:
        """Staff book one more member of a group in DrChrono."""
        found = [one for one in open_appointments(self.clinic) if one["profile"] == GROUP]
        if found:
            one = found[which % len(found)]
            if not self._sits(who, one["scheduled_time"]):
                self._book_member(who, one["scheduled_time"], one["duration"])

    @rule(which=WHICH)
    def group_or_ungroup(self, which: int) -> None:
        """Staff give an appointment a group's profile, or take it away."""
        found = open_appointments(self.clinic)
        if found:
            one = found[which % len(found)]
            profile = TELEHEALTH if one["profile"] == GROUP else GROUP
            self.clinic.edit(one["id"], profile=profile, allow_overlapping=True)

    @rule(which=WHICH, who=PEOPLE)
    def swap(self, which: int, who: int) -> None:
        """Staff give an appointment to another patient."""
        found = open_appointments(self.clinic)
        if found:
            one = found[which % len(found)]
            if not self._sits(who, one["scheduled_time"]):
                self.clinic.edit(one["id"], patient=self.patients[who])

    @rule(which=WHICH)
    def revive(self, which: int) -> None:
        """Staff open a cancelled appointment again."""
        found = [one for one in self._appointments() if one["status"] == "Cancelled"]
        if found:
            one = found[which % len(found)]
            if one["scheduled_time"] not in self._taken():
                self.clinic.edit(one["id"], status="Confirmed")
                self.over.discard(one["id"])

    @precondition(lambda self: bool(open_appointments(self.clinic)))
    @rule(which=WHICH, at=SLOTS)
    def move_here(self, which: int, at: int) -> None:
        """Staff move a visit in DrChrono."""
        if self._free(at):
            found = open_appointments(self.clinic)
            self.clinic.edit(found[which % len(found)]["id"], scheduled_time=here(slot(at)))

    @precondition(lambda self: bool(open_appointments(self.clinic)))
    @rule(which=WHICH, minutes=MINUTES)
    def make_longer(self, which: int, minutes: int) -> None:
        """Staff change a visit's length in DrChrono."""
        found = open_appointments(self.clinic)
        self.clinic.edit(found[which % len(found)]["id"], duration=minutes, allow_overlapping=True)

    @precondition(lambda self: bool(open_appointments(self.clinic)))
    @rule(which=WHICH)
    def cancel_here(self, which: int) -> None:
        """Staff cancel in DrChrono."""
        found = open_appointments(self.clinic)
        self.clinic.edit(found[which % len(found)]["id"], status="Cancelled")
        self.over.add(found[which % len(found)]["id"])

    @rule(who=PEOPLE, number=st.integers(10, 20))
    def new_address(self, who: int, number: int) -> None:
        """Staff change the e-mail on a chart."""
        if who not in self.named:
            self.clinic.edit_patient(self.patients[who], email=f"vera{who}.{number}@mail.example")

    @rule(who=PEOPLE, name=st.sampled_from(["Holm", "Dahl"]))
    def rename(self, who: int, name: str) -> None:
        """Staff change the name on a chart."""
        if who not in self.named:
            self.clinic.edit_patient(self.patients[who], last_name=f"{name}{'abc'[who]}")

    # --- staff and patients, in OnCall ------------------------------------------------------------

    @rule(people=st.sets(PEOPLE, min_size=1), at=SLOTS)
    def invite(self, people: set[int], at: int) -> None:
        """Staff book one or several in OnCall, where the doctor is free on both sides."""
        if self._free(at) and not people & self.readdressed:
            names = [self._names(who) for who in sorted(people)]
            self.named |= people
            self.clinic.invite(datetime=there(slot(at)), participants=names)

    @precondition(lambda self: bool(open_visits(self.clinic)))
    @rule(which=WHICH, who=PEOPLE)
    def add_there(self, which: int, who: int) -> None:
        """Staff add a patient to a visit in OnCall."""
        found = open_visits(self.clinic)
        one = found[which % len(found)]
        at = one["datetime"]
        sits = self._sits_there(who, at) or self._sits(who, _wall(at))
        if not sits and who not in self.readdressed:
            self.named.add(who)
            base = self.sandbox.oncall_url
            listed = [{"url": f"{base}/participants/{p['id']}/"} for p in one["participants"]]
            self.clinic.change_visit(one["id"], participants=[*listed, self._names(who)])

    @precondition(lambda self: bool(open_visits(self.clinic)))
    @rule(which=WHICH, place=WHICH)
    def leave_there(self, which: int, place: int) -> None:
        """One participant cancels in OnCall."""
        found = open_visits(self.clinic)
        coming = [p for p in found[which % len(found)]["participants"] if not p["cancelled"]]
        path = f"/participants/{coming[place % len(coming)]['id']}/"
        assert self.sandbox.patient_oncall("PATCH", path, {"cancelled": True}).ok

    @precondition(lambda self: bool(open_visits(self.clinic)))
    @rule(which=WHICH, number=st.integers(30, 40))
    def new_address_there(self, which: int, number: int) -> None:
        """Staff change a participant's e-mail in OnCall; the clinic lets that into the chart."""
        found = open_visits(self.clinic)
        one = next(p for p in found[which % len(found)]["participants"] if not p["cancelled"])
        known = {self._patient(who)["email"]: who for who in range(3)}
        who = known.get(one["email"])
        if who is not None and who not in self.named:
            self.readdressed.add(who)
            changes = {"email": f"there{one['id']}.{number}@mail.example"}
            assert self.sandbox.staff_oncall("PATCH", f"/participants/{one['id']}/", changes).ok

    @precondition(lambda self: bool(open_visits(self.clinic)))
    @rule(which=WHICH, at=SLOTS)
    def move_there(self, which: int, at: int) -> None:
        """Staff move a visit in OnCall."""
        if self._free(at):
            found = open_visits(self.clinic)
            self.clinic.change_visit(found[which % len(found)]["id"], datetime=there(slot(at)))

    @precondition(lambda self: bool(open_visits(self.clinic)))
    @rule(which=WHICH)
    def cancel_there(self, which: int) -> None:
        """The patient cancels in OnCall."""
        found = open_visits(self.clinic)
        self.clinic.change_visit(found[which % len(found)]["id"], by="patient", cancelled=True)
        self.over.add(found[which % len(found)]["id"])

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
        self.named, self.readdressed = set(), set()
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

    def _book_member(self, who: int, at: str, minutes: int) -> None:
        self.clinic.book(
            patient=self.patients[who],
            scheduled_time=at,
            duration=minutes,
            profile=GROUP,
            allow_overlapping=True,
        )

    def _appointments(self) -> list[dict[str, Any]]:
        return self.clinic.of("drchrono", "appointments")

    def _patient(self, who: int) -> dict[str, Any]:
        patients = self.clinic.of("drchrono", "patients")
        return next(p for p in patients if p["id"] == self.patients[who])

    def _names(self, who: int) -> dict[str, str]:
        patient = self._patient(who)
        return {key: patient[key] for key in ("first_name", "last_name", "email")}

    def _taken(self) -> set[str]:
        """The hours, as DrChrono tells them, at which somebody sits on either side."""
        here_ = {one["scheduled_time"] for one in open_appointments(self.clinic)}
        return here_ | {_wall(one["datetime"]) for one in open_visits(self.clinic)}

    def _free(self, at: int) -> bool:
        """Whether nobody sits in the slot on either side.

        Two bookings of one hour are a conflict that a person resolves, not a disagreement.
        """
        return here(slot(at)) not in self._taken()

    def _sits(self, who: int, at: str) -> bool:
        """Whether a patient has an appointment in DrChrono at that hour."""
        return any(
            one["patient"] == self.patients[who] and one["scheduled_time"] == at
            for one in open_appointments(self.clinic)
        )

    def _sits_there(self, who: int, at: str) -> bool:
        """Whether somebody with a patient's e-mail is in a visit in OnCall at that hour."""
        email = self._patient(who)["email"]
        return any(
            one["datetime"] == at and any(p["email"] == email for p in one["participants"])
            for one in open_visits(self.clinic)
        )

    def _finished_is_finished(self) -> None:
        revived = {one["id"] for one in open_appointments(self.clinic)} & self.over
        assert not revived | ({one["id"] for one in open_visits(self.clinic)} & self.over)


def _wall(at: str) -> str:
    """A time of OnCall's as DrChrono tells it."""
    return here(datetime.fromisoformat(at))


# A longer search is `DAYS=200`: other days each time.
EXAMPLES = int(os.environ.get("DAYS", "0"))


@pytest.mark.timeout(400 if not EXAMPLES else 0)
def test_days(sandbox_process: Sandbox) -> None:
    """Few examples, always the same ones: this is a check on each commit, not a search."""
    from hypothesis.stateful import run_state_machine_as_test

    Days.sandbox = sandbox_process
    run_state_machine_as_test(
        Days,
        settings=settings(
            max_examples=EXAMPLES or 9,
            stateful_step_count=14,
            deadline=None,
            derandomize=not EXAMPLES,
            database=None,
            suppress_health_check=list(HealthCheck),
            # Shrinking replays whole days for minutes; the printed steps say enough.
            phases=(Phase.explicit, Phase.generate),
        ),
    )
