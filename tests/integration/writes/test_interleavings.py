"""Survive two things that happen in the middle of each other.

Each test makes the second thing happen at one exact moment of a worker's run, so that it is the
same each time: before a call of ours leaves, or after it was answered and before that is stored.

Elsewhere: an echo that arrives before our commit (`test_echoes.py`, and of invariant 1
`test_an_echo_before_our_own_commit`), a stale read after a hint (`test_stale_after_our_write.py`).
"""

from collections.abc import Iterator

import pytest

from tests.support.agreement import agree
from tests.support.clinic import Clinic, wall
from tests.support.flows import PATCH_HERE, PATCH_PATIENT, PATCH_THERE, here, name_of, slot, there
from tests.support.group_clinic import book, group_of, make_groups
from tests.support.meanwhile import Worker, meanwhile, second_worker
from tests.support.syncs import decide

MOMENTS = pytest.mark.parametrize("moment", ["before", "after"])
SIDES = pytest.mark.parametrize("side", ["drchrono", "oncall"])
CALLS = {"drchrono": PATCH_THERE, "oncall": PATCH_HERE}  # what an edit on that side leads to


@pytest.fixture
def second(clinic: Clinic) -> Iterator[Worker]:
    with second_worker(clinic) as worker:
        yield worker


def move(clinic: Clinic, side: str, ids: tuple[str, str], to: int) -> None:
    """Staff move the visit to a slot, in DrChrono or in OnCall."""
    appointment, visit = ids
    if side == "drchrono":
        clinic.edit(appointment, scheduled_time=here(slot(to)))
    else:
        clinic.change_visit(visit, datetime=there(slot(to)))


def stands_at(clinic: Clinic, ids: tuple[str, str]) -> int:
    """The slot in which both sides show the visit."""
    agree(clinic)
    shown = clinic.visit(ids[1])["datetime"]
    return next(number for number in range(4) if there(slot(number)) == shown)


# --- both sides of one visit edited while two workers run -----------------------------------------


@pytest.mark.parametrize(
    ("side", "moment", "expected"),
    [
        # Our write to OnCall goes over staff's, which OnCall tells nobody; DrChrono's goes there.
        ("drchrono", "before", (2, [])),
        # Ours goes over staff's in DrChrono, whose webhook tells it; OnCall's goes there.
        ("oncall", "before", (3, ["starts"])),
        # Both edits are newer than ours: the system of record's.
        ("drchrono", "after", (2, ["starts"])),
        ("oncall", "after", (2, ["starts"])),
    ],
)
def test_both_sides_of_one_visit_edited_while_two_workers_run(
    clinic: Clinic, second: Worker, side: str, moment: str, expected: tuple[int, list[str]]
) -> None:
    """The second worker keeps off until the first is done; then the two edits are weighed."""
    ids = clinic.linked(scheduled_time=here(slot(0)))
    calls: list[list[str]] = []

    def both() -> None:
        move(clinic, "drchrono", ids, 2)
        move(clinic, "oncall", ids, 3)
        calls.append(clinic.calls("drchrono") + clinic.calls("oncall"))
        second.work()
        calls.append(clinic.calls("drchrono") + clinic.calls("oncall"))

    with meanwhile(clinic, CALLS[side], **{moment: both}):
        move(clinic, side, ids, 1)
        clinic.settle()
    assert len(calls) == 2
    assert calls[0] == calls[1]
    assert (stands_at(clinic, ids), clinic.conflicts()) == expected
    clinic.forget()
    clinic.whole_cycle()
    assert clinic.writes() == []


# --- our own unacknowledged write read back as a user's edit --------------------------------------


@SIDES
def test_our_own_unacknowledged_write_read_back_is_no_user_s_edit(
    clinic: Clinic, side: str
) -> None:
    """The answer of 11:00 is lost and nobody tells of it; then staff move on to 12:00.

    The other side shows 11:00, which nobody typed there: it neither wins nor is a conflict.
    """
    ids = clinic.linked(scheduled_time=here(slot(0)))
    remote, method, path = CALLS[side]
    fault = {"match": {"method": method, "path": path}, "do": "drop_after"}
    clinic.sandbox.faults(remote, fault, webhooks={"mode": "drop", "times": 1})
    move(clinic, side, ids, 1)
    clinic.pump()
    move(clinic, side, ids, 2)
    clinic.settle()
    assert (stands_at(clinic, ids), clinic.conflicts()) == (2, [])
    told = {"drchrono": [("change", "app")] * 2, "oncall": [("change", "staff")] * 2}
    assert clinic.mails() == told[side]


# --- 10:00 → 11:00 → 10:00 during a run -----------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "moment"), [("drchrono", "before"), ("oncall", "before"), ("oncall", "after")]
)
def test_there_and_back_during_a_run(clinic: Clinic, side: str, moment: str) -> None:
    """Back at 10:00 while 11:00 is being carried: both end at 10:00.

    `test_there_and_back_while_we_carry_it` is the fourth of these.
    """
    ids = clinic.linked(scheduled_time=here(slot(0)))
    with meanwhile(clinic, CALLS[side], **{moment: lambda: move(clinic, side, ids, 0)}):
        move(clinic, side, ids, 1)
        clinic.settle()
    assert (stands_at(clinic, ids), clinic.conflicts()) == (0, [])
    who = {"drchrono": "app", "oncall": "staff"}[side]
    assert clinic.mails() == [("change", who)] * 2


# --- a PATCH that lands after its lease ran out ---------------------------------------------------


@SIDES
def test_a_patch_that_lands_after_its_lease_ran_out(
    clinic: Clinic, second: Worker, side: str
) -> None:
    """11:00 is held up on its way; another worker takes over and carries 12:00; then it lands."""
    ids = clinic.linked(scheduled_time=here(slot(0)))
    seen: list[str] = []

    def taken_over() -> None:
        clinic.advance(60)  # the lease is 45 seconds
        move(clinic, side, ids, 2)
        second.work()
        seen.append(clinic.appointment(ids[0])["scheduled_time"])
        seen.append(clinic.visit(ids[1])["datetime"])

    with meanwhile(clinic, CALLS[side], before=taken_over):
        move(clinic, side, ids, 1)
        clinic.settle()
    assert seen == [here(slot(2)), there(slot(2))]  # before it landed
    clinic.whole_cycle()
    assert (stands_at(clinic, ids), clinic.conflicts()) == (2, [])


# --- two group members added at once --------------------------------------------------------------


@pytest.mark.parametrize(("moment", "list_"), [("before", "replace"), ("after", "append")])
def test_two_group_members_added_at_once(
    clinic: Clinic, second: Worker, moment: str, list_: str
) -> None:
    """Staff book a fourth while the third is being added: each is invited once."""
    make_groups(clinic)
    clinic.sandbox.behaviours("oncall", participants_patch=list_)
    people = [clinic.new_patient(**name_of(number)) for number in range(4)]
    group_of(clinic, people[:2])

    def fourth() -> None:
        book(clinic, people[3])
        second.work()

    with meanwhile(clinic, PATCH_THERE, **{moment: fourth}):
        book(clinic, people[2])
        clinic.settle()
    agree(clinic)
    (visit,) = clinic.visits()
    assert sorted(p["email"] for p in visit["participants"]) == [
        name_of(number)["email"] for number in range(4)
    ]
    assert clinic.mails() == [("invitation", "app")] * 2


# --- DELETE before the link exists ----------------------------------------------------------------


@MOMENTS
def test_deleted_before_the_link_exists(clinic: Clinic, second: Worker, moment: str) -> None:
    """Staff delete the appointment while its visit is being made: the visit is cancelled again."""
    appointment = clinic.book()

    def deleted() -> None:
        clinic.delete(appointment)
        second.work()

    with meanwhile(clinic, ("oncall", "POST", "^/appointments/$"), **{moment: deleted}):
        clinic.settle()
    agree(clinic)
    assert clinic.visits() == []
    assert clinic.mails() == [("invitation", "app"), ("cancellation", "app")]
    assert clinic.attention() == []


@MOMENTS
def test_cancelled_in_oncall_before_the_link_exists(
    clinic: Clinic, second: Worker, moment: str
) -> None:
    clinic.linked(scheduled_time=here(slot(5)))  # from here on the person is known
    visit = clinic.invite(datetime=there(slot(1)))

    def cancelled() -> None:
        clinic.change_visit(visit, by="patient", cancelled=True)
        second.work()

    with meanwhile(clinic, ("drchrono", "POST", "^/api/appointments$"), **{moment: cancelled}):
        clinic.settle()
    agree(clinic)
    assert [a["scheduled_time"] for a in clinic.appointments()] == [here(slot(5))]
    assert clinic.attention() == []


# --- a second OnCall contact edited while the first one's change travels --------------------------


@pytest.mark.parametrize(
    ("moment", "edit", "told"),
    [
        ("before", {"phone": "2125550199"}, ["2125550199"]),
        ("after", {"email": "b@mail.example"}, ["a@mail.example", "b@mail.example"]),
    ],
    ids=["another_field", "the_same_field"],
)
def test_a_second_contact_edited_while_the_first_one_s_change_travels(
    clinic: Clinic, moment: str, edit: dict[str, str], told: list[str]
) -> None:
    """Another field arrives too; of one field one of both stands everywhere, and stays."""
    clinic.linked(scheduled_time=here(slot(0)))
    clinic.linked(doctor=202, profile=404, scheduled_time=wall(days=6))
    decide(clinic, "[policy]\ndemographics_back = true")
    first, other = (contact["id"] for contact in clinic.of("oncall", "contacts"))

    def change(contact: str, **changes: str) -> None:
        answer = clinic.sandbox.staff_oncall("PATCH", f"/contacts/{contact}/", changes)
        assert answer.status_code == 200, answer.text

    with meanwhile(clinic, PATCH_PATIENT, **{moment: lambda: change(other, **edit)}):
        change(first, email="a@mail.example")
        clinic.whole_cycle()
    clinic.whole_cycle()
    agree(clinic)
    (name,) = edit
    (value,) = {contact[name] for contact in clinic.of("oncall", "contacts")}
    assert value in told
    clinic.forget()
    clinic.whole_cycle()
    assert clinic.writes() == []
