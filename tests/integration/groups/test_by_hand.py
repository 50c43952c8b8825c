"""Decide by hand about group visits; each refusal says what to do."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from sync.operations.hand import pair, resolve
from sync.operations.hand.by_hand import NotPossibleError
from sync.store.schema import attention
from tests.support.agreement import agree
from tests.support.clinic import Clinic, open_clinic
from tests.support.group_clinic import (
    book,
    day,
    group_of,
    invite,
    make_groups,
    open_names,
    patients,
    with_nobody,
)
from tests.support.sandbox_client import Sandbox
from tests.support.templates import Templates


@pytest.fixture
def clinic(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    """A clinic with a group profile, gone live, whose groups are waited for."""
    name, wait = "groups_of_nobody", {"group_settle_seconds": 30}
    with templates.copied(name, tmp_path, with_nobody, **wait) as opened:
        yield opened


def asked(clinic: Clinic, system: str) -> int:
    """The open question of the aggregate that has only that system's appointments."""
    with clinic.sync.store.read() as conn:
        rows = conn.execute(select(attention).where(attention.c.closed_at.is_(None))).all()
    visits = {v["id"] for v in clinic.visits()}
    found = {
        row.id: bool(set(row.candidates) & visits) for row in rows if row.cause == "visit_unsure"
    }
    wanted = system == "drchrono"
    return int(next(one for one, of_drchrono in found.items() if of_drchrono is wanted))


@pytest.fixture
def question(clinic: Clinic) -> tuple[list[str], str, str]:
    """A group that may be one of two OnCall visits: its appointments, and the two."""
    people = patients(clinic, 4)[1:]
    clinic.settle()
    booked = [book(clinic, one, **day()) for one in people]
    clinic.pump()
    visits = invite(clinic, 3), invite(clinic, 2)
    clinic.settle()
    assert set(clinic.attention()) == {"visit_unsure"}
    clinic.forget()
    return booked, *visits


def test_the_question_which_visit_it_is_answered(
    clinic: Clinic, question: tuple[list[str], str, str]
) -> None:
    booked, _three, two = question
    item = asked(clinic, "drchrono")
    assert {one.id for one in resolve.question(clinic.sync, item).candidates} == set(question[1:])
    resolve.resolve(clinic.sync, item, two)
    clinic.settle()
    # Omar and Ines were in it, Jon is added; the other visit is a second booking of theirs.
    assert open_names(clinic.visit(two)) == ["Ines", "Jon", "Omar"]
    assert clinic.mails() == [("invitation", "app")]
    assert sorted(one["id"] for one in clinic.appointments()) == sorted(booked)
    # What its appointments were asked about with is another's now: no person is asked any more.
    assert clinic.attention() == ["slot_taken"]
    clinic.edit(booked[0], status="Cancelled")
    clinic.settle()
    assert open_names(clinic.visit(two)) == ["Ines", "Jon"]


@pytest.mark.usefixtures("question")
def test_none_of_them_makes_a_visit_of_its_own(clinic: Clinic) -> None:
    resolve.resolve(clinic.sync, asked(clinic, "drchrono"), "none")
    clinic.settle()
    assert len(clinic.visits()) == 3
    assert clinic.mails() == [("invitation", "app")] * 3


def test_a_group_asked_about_at_go_live_is_paired_by_hand(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        make_groups(clinic)
        booked = [book(clinic, one, **day()) for one in patients(clinic, 4)[1:]]
        three, two = invite(clinic, 3), invite(clinic, 2)
        clinic.go_live()
        clinic.settle()
        preview = pair.pair_preview(clinic.sync, "visit", booked[0], three)
        assert "stands for the group" in preview.lines[0]
        pair.pair(clinic.sync, "visit", booked[0], three)
        clinic.settle()
        # The other two are in that visit: with one answer all of them are its members.
        assert clinic.mails() == []
        # All appointments that the second visit may have been are another's: it is asked no more.
        assert clinic.attention() == ["slot_taken"]
        clinic.change_visit(two, cancelled=True)
        clinic.settle()
        agree(clinic)
        assert sorted(one["id"] for one in clinic.appointments()) == sorted(booked)


def test_pairing_what_is_not_the_same_is_refused(clinic: Clinic) -> None:
    booked = group_of(clinic, patients(clinic, 4)[1:])
    other = invite(clinic, 3)
    clinic.settle()
    for visit, words in ((other, "different times"), (clinic.visits()[0]["id"], "linked with")):
        with pytest.raises(NotPossibleError, match=words):
            pair.pair_preview(clinic.sync, "visit", booked[0], visit)
