"""A remote that is wiped or half answers cancels nothing beyond the brake's limit, and is told of.

Sixteen visits are open, thirteen of them one doctor's; the limit is 10 in an hour (and 5 %). All of
it goes through whole catch-up cycles and runs of the engine, for days.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sync.operations import attention
from sync.runtime import Sync
from sync.tasks import schedule
from tests.support.agreement import agree
from tests.support.clinic import Clinic
from tests.support.flows import here, slot
from tests.support.templates import Templates, gone_live

REMOTES = pytest.mark.parametrize("remote", ["drchrono", "oncall"])
LISTS = {"drchrono": r"^/api/appointments(_list)?$", "oncall": r"^/appointments/$"}
ITEMS = {"drchrono": r"^/api/appointments/(%s)$", "oncall": r"^/appointments/(%s)/$"}
# Of the doctor who has three, DrChrono shows nothing at all any more: what such a calendar denies
# waits for `doctor_unseen`, and comes to no brake (ADR 0020).
ASKED = {"drchrono": {"brake": 3, "doctor_unseen": 1}, "oncall": {"brake": 6}}
OTHER = {"doctor": 202, "profile": 404}


@pytest.fixture
def clinic(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    with templates.copied("sixteen", tmp_path, sixteen) as opened:
        yield opened


def sixteen(clinic: Clinic) -> None:
    gone_live(clinic)
    for number in range(13):
        clinic.book(scheduled_time=here(slot(number)))
    for number in range(13, 16):
        clinic.book(scheduled_time=here(slot(number)), **OTHER)
    clinic.settle()
    agree(clinic)


def ids(clinic: Clinic, remote: str, *, of_other: bool = True) -> list[str]:
    """The appointments of a remote; without those of the doctor who has three."""
    others = {"202", "196158"}
    shown = clinic.of(remote, "appointments")
    mine = [one for one in shown if str(one.get("doctor", one.get("provider"))) not in others]
    assert (len(shown), len(mine)) == (16, 13)
    return [str(one["id"]) for one in (shown if of_other else mine)]


def misbehave(clinic: Clinic, remote: str, path: str, **what: Any) -> None:
    """Have every GET of these paths misbehave from now on."""
    fault = {"match": {"method": "GET", "path": path}, "times": None, **what}
    clinic.sandbox.faults(remote, fault)


def behave(clinic: Clinic, remote: str) -> None:
    clinic.sandbox.faults(remote, clear=True)
    clinic.sandbox.behaviours("drchrono", burst_limit=None)


def cancelled(clinic: Clinic, remote: str) -> int:
    """How many visits we have cancelled on the other side of a remote."""
    if remote == "drchrono":
        return sum(one["cancelled"] for one in clinic.of("oncall", "appointments"))
    return sum(one["status"] == "Cancelled" for one in clinic.of("drchrono", "appointments"))


def answer_the_brake(clinic: Clinic, answer: Callable[[Sync, int], object]) -> None:
    """An operator presses the same for each of its questions that is open by then."""
    for item in attention.attention_list(clinic.sync):
        still = {one.id for one in attention.attention_list(clinic.sync)}
        if item.cause == "brake" and item.id in still:
            answer(clinic.sync, item.id)
            clinic.settle()


def all_gone(clinic: Clinic, remote: str) -> None:
    """Empty lists, and 404 for each by id."""
    everybody = "|".join(ids(clinic, remote))
    misbehave(clinic, remote, LISTS[remote], do="empty_list")
    misbehave(clinic, remote, ITEMS[remote] % everybody, do="status", status=404)


@REMOTES
def test_all_of_it_is_gone(clinic: Clinic, remote: str) -> None:
    """For two days, in which nobody answers the brake's question; then it is there again."""
    all_gone(clinic, remote)
    clinic.whole_cycle()
    clinic.whole_cycle()
    assert cancelled(clinic, remote) == 10
    assert Counter(clinic.attention()) == {**ASKED[remote], f"{remote}_list_incomplete": 1}
    mails = [("cancellation", "app")] * 10 if remote == "drchrono" else []
    assert clinic.mails() == mails
    behave(clinic, remote)
    clinic.whole_cycle()
    assert set(clinic.attention()) == {"brake"}
    answer_the_brake(clinic, attention.attention_retry)
    # Appointments that are listed again are read again: their patients are invited anew (ADR 0017).
    mails += [("invitation", "app")] * 10 if remote == "drchrono" else []
    assert (cancelled(clinic, remote), clinic.mails()) == (10, mails)
    assert clinic.attention() == []
    if remote == "drchrono":
        agree(clinic)


def test_dropping_the_question_leaves_the_visits_as_they_are(clinic: Clinic) -> None:
    all_gone(clinic, "oncall")
    clinic.whole_cycle()
    answer_the_brake(clinic, attention.attention_drop)
    clinic.whole_cycle()
    assert cancelled(clinic, "oncall") == 10
    assert clinic.attention() == ["oncall_list_incomplete"]


@REMOTES
def test_everything_of_one_doctor_is_404(clinic: Clinic, remote: str) -> None:
    """Twelve are looked at, the last a day later; only the other doctor's cancellations go on."""
    mine = ids(clinic, remote, of_other=False)
    misbehave(clinic, remote, ITEMS[remote] % "|".join(mine), do="status", status=404)
    here_ = [one["id"] for one in clinic.appointments() if one["doctor"] != 202]
    for one in here_[:12]:
        attention.resync(clinic.sync, "appointment", one)
    clinic.settle()
    assert cancelled(clinic, remote) == 10
    assert clinic.attention() == ["brake"] * 2
    first, second, _third = (a for a in clinic.appointments() if a["doctor"] == 202)
    clinic.edit(first["id"], duration=50)
    clinic.settle()
    assert 50 in {visit["duration"] for visit in clinic.visits()}
    clinic.whole_cycle()
    attention.resync(clinic.sync, "appointment", here_[12])
    clinic.edit(second["id"], status="Cancelled")
    clinic.settle()
    over = [visit["duration"] for visit in clinic.visits() if visit["provider"] == "196158"]
    assert sorted(over) == [30, 50]
    assert cancelled(clinic, remote) == 11
    assert clinic.attention() == ["brake"] * 3


@REMOTES
def test_lists_are_empty(clinic: Clinic, remote: str) -> None:
    """200 and nothing in it, as a missing scope can look: each is read by id, and is there."""
    misbehave(clinic, remote, LISTS[remote], do="empty_list")
    clinic.whole_cycle()
    assert clinic.attention() == [f"{remote}_list_incomplete"]
    assert (clinic.writes(), clinic.mails()) == ([], [])
    behave(clinic, remote)
    clinic.whole_cycle()
    agree(clinic)
    assert clinic.attention() == []


def test_lists_fail_for_days(clinic: Clinic) -> None:
    """500 for each list: tried again in ten minutes, told of when it has lasted two hours."""
    misbehave(clinic, "oncall", LISTS["oncall"], do="status", status=500)
    clinic.whole_cycle()
    assert clinic.attention() == []
    for name in schedule.due_tasks(clinic.sync):
        clinic.beat(name)
    taken: set[str] = set()
    for _ in range(11):
        clinic.advance(55)
        taken |= set(schedule.due_tasks(clinic.sync))
    assert {"oncall_newest", "oncall_walk"} <= taken
    clinic.advance(3 * 3600)
    for name in ("oncall_newest", "oncall_walk"):
        clinic.beat(name)
    assert clinic.attention() == ["oncall_newest_keeps_failing", "oncall_walk_keeps_failing"]
    assert (clinic.writes(), clinic.mails()) == ([], [])
    behave(clinic, "oncall")
    clinic.whole_cycle()
    agree(clinic)
    assert clinic.attention() == []


@REMOTES
def test_a_scope_is_missing(clinic: Clinic, remote: str) -> None:
    """403 for the lists and for each by id. Given back, all goes on, the bulk lists too."""
    misbehave(clinic, remote, LISTS[remote], do="status", status=403)
    misbehave(
        clinic, remote, ITEMS[remote] % "|".join(ids(clinic, remote)), do="status", status=403
    )
    tasks = {
        "drchrono": ["drchrono_appointments_refused", "drchrono_window_refused"],
        "oncall": ["oncall_newest_refused", "oncall_walk_refused"],
    }
    clinic.whole_cycle()
    told = clinic.attention()
    assert [cause for cause in told if cause != "refused"] == tasks[remote]
    assert (clinic.writes(), clinic.mails()) == ([], [])
    behave(clinic, remote)
    clinic.whole_cycle()
    agree(clinic)
    assert clinic.attention() == []
    clinic.forget()
    clinic.whole_cycle()
    assert "GET /api/appointments_list" in clinic.calls("drchrono")
    assert (clinic.writes(), clinic.mails()) == ([], [])


def test_too_many_cancellations_stop_and_ask(clinic: Clinic) -> None:
    """By staff, in DrChrono: one answer releases the doctor, and the rest is cancelled too."""
    for appointment in [a["id"] for a in clinic.appointments() if a["doctor"] != 202]:
        clinic.edit(appointment, status="Cancelled")
    clinic.settle()
    assert clinic.mails() == [("cancellation", "app")] * 10
    assert clinic.attention() == ["brake"] * 3
    answer_the_brake(clinic, attention.attention_retry)
    agree(clinic)
    assert clinic.mails() == [("cancellation", "app")] * 13
    assert clinic.attention() == []
