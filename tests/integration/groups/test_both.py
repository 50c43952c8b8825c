"""Groups that were entered by hand on both sides: before going live, and moments apart."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.matching import preview
from sync.operations import plan as dry_run
from sync.tasks import worker
from tests.support.agreement import agree
from tests.support.clinic import Clinic, open_clinic
from tests.support.group_clinic import (
    HOST,
    before_live,
    book,
    day,
    invite,
    make_groups,
    open_names,
    patients,
    with_nobody,
)
from tests.support.sandbox_client import Sandbox
from tests.support.templates import Templates


@pytest.fixture
def asking(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    """A clinic with a group profile that has not gone live, and is asked before it does."""
    with templates.copied("groups_before_live", tmp_path, before_live, go_live="ask") as clinic:
        yield clinic


def accept(clinic: Clinic) -> None:
    """Match, and go live."""
    clinic.forget()
    clinic.go_live()
    preview.accept(clinic.sync)
    clinic.settle()


# --- before going live ----------------------------------------------------------------------------


def test_a_group_on_both_sides_is_matched_and_nobody_is_mailed(asking: Clinic) -> None:
    people = patients(asking, 4)[1:]
    booked = [book(asking, one, **day()) for one in people]
    visit = invite(asking, 3)
    found = preview.preview(asking.sync)
    assert (found.visits_matched, found.mails, found.to_decide) == (1, 0, {})
    assert (found.create_in_oncall, found.create_in_drchrono) == (0, 0)
    accept(asking)
    asking.whole_cycle()
    agree(asking)
    assert sorted(one["id"] for one in asking.appointments()) == sorted(booked)
    assert [v["id"] for v in asking.visits()] == [visit]
    assert asking.mails() == []
    assert asking.attention() == []
    # Each is the other's from now on.
    asking.edit(booked[0], status="Cancelled")
    asking.settle()
    (now,) = asking.visits()
    assert open_names(now) == ["Ines", "Jon"]


def test_who_is_on_one_side_only_is_added_on_the_other(asking: Clinic) -> None:
    people = patients(asking, 4)
    for one in people[:3]:
        book(asking, one, **day())
    visit = invite(asking, 3, HOST)
    found = preview.preview(asking.sync)
    # Vera is invited, Jon booked, and the co-host is nobody's patient.
    assert (found.visits_matched, found.mails) == (1, 1)
    assert (found.create_in_oncall, found.create_in_drchrono) == (0, 1)
    assert found.to_decide == {"participant_unmatched": 1}
    accept(asking)
    (now,) = asking.visits()
    assert now["id"] == visit
    assert open_names(now) == ["Co", "Ines", "Jon", "Omar", "Vera"]
    assert sorted(one["patient"] for one in asking.appointments()) == sorted(people)
    assert asking.mails() == [("invitation", "app")]
    assert asking.attention() == ["participant_unmatched"]


def test_one_group_and_two_visits_there_is_a_question(asking: Clinic) -> None:
    people = patients(asking, 4)[1:]
    booked = [book(asking, one, **day()) for one in people]
    visits = {invite(asking, 3), invite(asking, 2)}
    found = preview.preview(asking.sync)
    assert (found.visits_matched, found.mails) == (0, 0)
    assert found.to_decide == {"visit_unsure": 3}
    accept(asking)
    asking.catch_up()
    assert sorted(one["id"] for one in asking.appointments()) == sorted(booked)
    assert {v["id"] for v in asking.visits()} == visits
    assert asking.mails() == []
    assert set(asking.attention()) == {"visit_unsure"}


def test_twins_of_one_address_are_told_apart_by_name(asking: Clinic) -> None:
    shared = {"email": "home@mail.example", "last_name": "Moreau"}
    people = [asking.new_patient(first_name=name, **shared) for name in ("Lise", "Luc")]
    for one in people:
        book(asking, one, **day())
    asking.sandbox.behaviours("oncall", returns_provider=True)
    visit = asking.invite(
        participants=[{"first_name": name, **shared} for name in ("Lise", "Luc")], type="phone"
    )
    accept(asking)
    assert [v["id"] for v in asking.visits()] == [visit]
    assert sorted(one["patient"] for one in asking.appointments()) == sorted(people)
    assert asking.mails() == []
    assert asking.attention() == []


def test_the_preview_counts_a_group_once_and_who_has_no_seat(asking: Clinic) -> None:
    for one in patients(asking, 26):
        book(asking, one, **day())
    found = preview.preview(asking.sync)
    assert (found.create_in_oncall, found.mails) == (1, 25)
    assert found.to_decide == {"group_full": 1}


def test_the_preview_counts_each_patient_of_a_visit_booked_in_oncall(asking: Clinic) -> None:
    patients(asking, 4)
    invite(asking, 3, HOST)
    found = preview.preview(asking.sync)
    assert found.create_in_drchrono == 3
    assert found.to_decide == {"participant_unmatched": 1}


# --- moments apart --------------------------------------------------------------------------------


@pytest.fixture
def settling(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    """A clinic gone live, whose groups are waited for as long as in production."""
    name, wait = "groups_of_nobody", {"group_settle_seconds": 30}
    with templates.copied(name, tmp_path, with_nobody, **wait) as clinic:
        yield clinic


def known_people(clinic: Clinic, count: int = 4) -> list[int]:
    """Patients whom the service has heard of; all but the first, as `invite` wants them."""
    found = patients(clinic, count)[1:]
    clinic.settle()
    clinic.forget()
    return found


@pytest.mark.parametrize("first", ["drchrono", "oncall", "drchrono_at_work", "oncall_at_work"])
def test_entered_on_both_sides_moments_apart_is_one_visit(settling: Clinic, first: str) -> None:
    people = known_people(settling)
    side, _, at_work = first.partition("_")
    if side == "oncall":
        visit = invite(settling, 3)
        if at_work:
            settling.sandbox.wait_idle()
            worker.run(settling.sync, settling.due()[0])
        booked = [book(settling, one, **day()) for one in people]
    else:
        booked = [book(settling, one, **day()) for one in people]
        if at_work:
            settling.pump()  # the group stands and waits for others who may be booked
        visit = invite(settling, 3)
    settling.settle()
    settling.whole_cycle()
    agree(settling)
    assert [v["id"] for v in settling.visits()] == [visit]
    assert sorted(one["id"] for one in settling.appointments()) == sorted(booked)
    assert settling.mails() == [("invitation", "staff")] * 3
    assert settling.attention() == []


@pytest.mark.parametrize("first", ["drchrono", "oncall"])
def test_who_is_on_one_side_only_is_added_moments_apart_too(settling: Clinic, first: str) -> None:
    """Booked: Omar, Ines, Vera. In OnCall: Omar, Ines, Jon."""
    omar, ines, jon = known_people(settling)
    vera = settling.new_patient(first_name="Vera", last_name="Lind", email="lind@mail.example")
    if first == "oncall":
        visit = invite(settling, 3)
    booked = [book(settling, one, **day()) for one in (omar, ines, vera)]
    if first == "drchrono":
        visit = invite(settling, 3)
    settling.settle()
    (now,) = settling.visits()
    assert now["id"] == visit
    assert open_names(now) == ["Ines", "Jon", "Omar", "Vera"]
    agree(settling)
    made = [one for one in settling.appointments() if one["id"] not in booked]
    assert [one["patient"] for one in made] == [jon]
    assert settling.mails() == [("invitation", "staff")] * 3 + [("invitation", "app")]


@pytest.mark.parametrize("first", ["oncall", "drchrono"])
def test_a_group_in_drchrono_and_one_of_its_people_in_oncall(settling: Clinic, first: str) -> None:
    people = known_people(settling)
    if first == "oncall":
        visit = invite(settling, 1)
    for one in people:
        book(settling, one, **day())
    if first == "drchrono":
        settling.pump()  # the group stands and waits for others who may be booked
        visit = invite(settling, 1)
    settling.settle()
    (now,) = settling.visits()
    assert now["id"] == visit
    assert open_names(now) == ["Ines", "Jon", "Omar"]
    assert len(settling.appointments()) == 3
    assert settling.mails() == [("invitation", "staff")] + [("invitation", "app")] * 2


def test_entered_a_second_time_in_oncall_is_told_and_not_doubled(settling: Clinic) -> None:
    booked = [book(settling, one, **day()) for one in known_people(settling)]
    settling.settle()
    invite(settling, 3)
    settling.settle()
    settling.catch_up()
    assert sorted(one["id"] for one in settling.appointments()) == sorted(booked)
    assert len(settling.visits()) == 2
    assert settling.attention() == ["slot_taken"]


def test_entered_a_second_time_in_drchrono_is_told_and_not_doubled(settling: Clinic) -> None:
    people = known_people(settling)
    visit = invite(settling, 3)
    settling.settle()
    settling.forget()
    assert len(settling.appointments()) == 3
    for one in people:
        book(settling, one, **day())
    settling.settle()
    settling.catch_up()
    assert [v["id"] for v in settling.visits()] == [visit]
    assert settling.mails() == []
    assert settling.attention() == ["slot_taken"] * 3


def test_two_visits_in_oncall_for_one_group_are_a_question(settling: Clinic) -> None:
    booked = [book(settling, one, **day()) for one in known_people(settling)]
    settling.pump()
    visits = {invite(settling, 3), invite(settling, 2)}
    settling.settle()
    settling.catch_up()
    assert {v["id"] for v in settling.visits()} == visits
    assert sorted(one["id"] for one in settling.appointments()) == sorted(booked)
    assert settling.mails() == [("invitation", "staff")] * 5
    assert "visit_unsure" in settling.attention()


def test_shadow_plans_a_group_once(sandbox: Sandbox, sqlite_url: str, tmp_path: Path) -> None:
    with open_clinic(sandbox, sqlite_url, tmp_path, sync_mode="shadow") as clinic:
        make_groups(clinic)
        clinic.go_live()
        booked = [book(clinic, one, **day()) for one in patients(clinic)]
        clinic.settle()
        found = preview.preview(clinic.sync)
        assert (found.create_in_oncall, found.mails) == (1, 3)
        plan = dry_run.plan(clinic.sync, "appointment", booked[1])
        targets = [line.values["target"] for line in plan.parts["effects"]]
        assert targets == ["appointment", "participant", "participant"]
        assert plan.summary.values["mails"] == 3
        assert clinic.writes() == []
