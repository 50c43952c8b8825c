"""Judge what is lost, doubled, or a mail too many of a group visit."""

from copy import deepcopy
from typing import Any

import pytest

from chaos.groups import Group
from chaos.plan import Said, Side
from chaos.staff import Ledger
from chaos.verdict import Verdict, weigh
from tests.unit.chaos.test_verdict import (
    APPOINTMENT,
    CONTACT,
    ELEVEN,
    MAIL,
    NAMES,
    PATIENT,
    TEN,
    VISIT,
    WALL,
)

HERE, THERE = Side.DRCHRONO, Side.ONCALL
OTHER = {"first_name": "Omar", "last_name": "Haddad", "email": "omar@mail.example"}


class Systems:
    """A group of two that both systems hold alike."""

    def __init__(self) -> None:
        both = [PATIENT, {**PATIENT, **OTHER, "id": 10}]
        booked = {**APPOINTMENT, "profile": 403}
        people = [{**names, "cancelled": False} for names in (NAMES, OTHER)]
        self.rows: dict[tuple[str, str], list[Any]] = deepcopy(
            {
                ("drchrono", "appointments"): [booked, {**booked, "id": "71", "patient": 10}],
                ("drchrono", "patients"): both,
                ("oncall", "appointments"): [{**VISIT, "participants": people}],
                ("oncall", "contacts"): [CONTACT, {**CONTACT, **OTHER}],
            }
        )
        self.group = Group(
            1, 201, "0/0", Said(1, HERE, TEN), {0: "70", 1: "71"}, {0: 1, 1: 1}, visits={"5"}
        )
        self.ledger = Ledger(groups={1: self.group}, charts={0: 9, 1: 10})
        self.mails = [deepcopy(MAIL), deepcopy(MAIL)]

    def of(self, remote: str, kind: str) -> list[Any]:
        return self.rows[remote, kind]

    @property
    def there(self) -> dict[str, Any]:
        return self.of("oncall", "appointments")[0]  # type: ignore[no-any-return]

    def verdict(self) -> Verdict:
        return weigh(self, self.ledger, set(), self.mails)


@pytest.fixture
def systems() -> Systems:
    return Systems()


def test_alike_and_as_said_is_good(systems: Systems) -> None:
    assert systems.verdict() == Verdict()


def test_a_move_that_did_not_reach_everybody_is_lost(systems: Systems) -> None:
    systems.group.said = Said(2, THERE, ELEVEN)
    systems.there["datetime"] = ELEVEN
    systems.of("drchrono", "appointments")[0]["scheduled_time"] = WALL[ELEVEN]
    told = f"the appointment 71 is not at {ELEVEN}"
    assert f"group 1 (drchrono 70, 71; oncall 5): {told}" in systems.verdict().lost


def test_one_who_left_and_still_comes_on_the_other_side_is_lost(systems: Systems) -> None:
    systems.group.left[1] = Said(2, HERE, "")
    systems.of("drchrono", "appointments")[1]["status"] = "Cancelled"
    assert any("2 come in OnCall, 1 in DrChrono" in line for line in systems.verdict().lost)
    systems.there["participants"][1]["cancelled"] = True
    assert systems.verdict().good


def test_one_who_left_in_oncall_and_is_still_booked_is_lost(systems: Systems) -> None:
    systems.group.left[1] = Said(2, THERE, "")
    systems.there["participants"][1]["cancelled"] = True
    assert any("71 is still open" in line for line in systems.verdict().lost)


def test_one_whom_nobody_took_out_is_lost(systems: Systems) -> None:
    systems.of("drchrono", "appointments")[1]["status"] = "Cancelled"
    systems.there["participants"][1]["cancelled"] = True
    assert any("71 is over, and nobody said so" in line for line in systems.verdict().lost)


def test_a_group_without_visit_is_lost(systems: Systems) -> None:
    systems.of("oncall", "appointments").clear()
    systems.group.visits.clear()
    assert any("has 0 open visits in OnCall" in line for line in systems.verdict().lost)


@pytest.mark.parametrize("side", [HERE, THERE])
def test_a_second_visit_or_appointment_of_it_is_a_double(systems: Systems, side: Side) -> None:
    rows = systems.of(str(side), "appointments")
    rows.append({**deepcopy(rows[0]), "id": "99"})
    assert f"{side} 99 was booked by nobody" in systems.verdict().doubled


def test_each_member_is_worth_a_mail(systems: Systems) -> None:
    systems.group.moved_here = 1
    change = {**MAIL, "kind": "change"}
    systems.mails += [change, change]
    assert systems.verdict().good
    systems.mails.append(change)
    assert len(systems.verdict().surplus_mails) == 1


@pytest.mark.parametrize(("side", "worth"), [(HERE, 1), (THERE, 0)])
def test_who_leaves_in_drchrono_is_told_once(systems: Systems, side: Side, worth: int) -> None:
    systems.group.left[1] = Said(2, side, "")
    systems.of("drchrono", "appointments")[1]["status"] = "Cancelled"
    systems.there["participants"][1]["cancelled"] = True
    systems.mails += [{**MAIL, "kind": "cancellation"}] * worth
    assert systems.verdict().good
    systems.mails.append({**MAIL, "kind": "cancellation"})
    assert len(systems.verdict().surplus_mails) == 1


def test_a_group_that_all_have_left_needs_no_visit(systems: Systems) -> None:
    for who, row in enumerate(systems.of("drchrono", "appointments")):
        systems.group.left[who] = Said(2, HERE, "")
        row["status"] = "Cancelled"
    assert any("has 1 open visits" in line for line in systems.verdict().lost)
    systems.of("oncall", "appointments").clear()
    systems.group.visits.clear()
    systems.mails.clear()
    assert systems.verdict().good


def test_a_group_in_two_visits_is_lost_and_nobody_is_invited_twice(systems: Systems) -> None:
    systems.of("oncall", "appointments").append({**deepcopy(systems.there), "id": "6"})
    systems.group.visits.add("6")
    systems.mails.append({**MAIL, "appointment": "6"})
    verdict = systems.verdict()
    assert any("has 2 open visits" in line for line in verdict.lost)
    assert len(verdict.surplus_mails) == 1
