"""Judge what is lost, doubled, or a mail too many: a proof that could not fail would be none."""

from copy import deepcopy
from typing import Any

import pytest

from chaos.plan import Said, Side
from chaos.staff import Ledger, Visit
from chaos.verdict import Verdict, weigh

HERE, THERE = Side.DRCHRONO, Side.ONCALL
TEN, ELEVEN, TWELVE = (f"2027-01-20T{hour}:00:00Z" for hour in (15, 16, 17))
# US/Eastern in January: five hours behind.
WALL = {
    TEN: "2027-01-20T10:00:00",
    ELEVEN: "2027-01-20T11:00:00",
    TWELVE: "2027-01-20T12:00:00",
}
PATIENT = {
    "id": 9,
    "first_name": "Vera",
    "last_name": "Lindqvist",
    "email": "vera@mail.example",
    "date_of_birth": "1984-05-06",
    "cell_phone": "(212) 555-0147",
    "gender": "Female",
}
NAMES = {name: PATIENT[name] for name in ("first_name", "last_name", "email")}
APPOINTMENT = {
    "id": "70",
    "doctor": 201,
    "patient": 9,
    "profile": 401,
    "scheduled_time": WALL[TEN],
    "duration": 30,
    "status": "",
    "deleted_flag": False,
}
VISIT = {
    "id": "5",
    "datetime": TEN,
    "duration": 30,
    "type": "online",
    "provider": "196157",
    "division": "2404",
    "cancelled": False,
    "status": "Incomplete",
    "participants": [{**NAMES, "cancelled": False}],
}
CONTACT = {
    **NAMES,
    "provider": "196157",
    "phone": "2125550147",
    "date_of_birth": "1984-05-06",
    "sex": "female",
}
MAIL = {"appointment": "5", "kind": "invitation", "caused_by": "app"}


class Systems:
    """One visit that both systems hold alike, and the ledger of how it came to be."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], list[Any]] = {
            ("drchrono", "appointments"): [deepcopy(APPOINTMENT)],
            ("drchrono", "patients"): [deepcopy(PATIENT)],
            ("oncall", "appointments"): [deepcopy(VISIT)],
            ("oncall", "contacts"): [deepcopy(CONTACT)],
        }
        said = {"starts": TEN, "minutes": "30", "type": "online"}
        self.visit = Visit(
            1,
            0,
            HERE,
            {HERE: "70", THERE: "5"},
            {name: [Said(1, HERE, value)] for name, value in said.items()},
        )
        self.ledger = Ledger(visits={1: self.visit}, charts={0: 9})
        self.recorded: set[tuple[str, str, str]] = set()
        self.mails: list[Any] = [deepcopy(MAIL)]

    def of(self, remote: str, kind: str) -> list[Any]:
        return self.rows[remote, kind]

    @property
    def here(self) -> dict[str, Any]:
        return self.of("drchrono", "appointments")[0]  # type: ignore[no-any-return]

    @property
    def there(self) -> dict[str, Any]:
        return self.of("oncall", "appointments")[0]  # type: ignore[no-any-return]

    def say(self, edit: int, side: Side, starts: str, *, met: bool = False) -> None:
        self.visit.said["starts"].append(Said(edit, side, starts, met))

    def both_show(self, starts: str) -> None:
        self.here["scheduled_time"], self.there["datetime"] = WALL[starts], starts

    def verdict(self) -> Verdict:
        return weigh(self, self.ledger, self.recorded, self.mails)


@pytest.fixture
def systems() -> Systems:
    return Systems()


def test_alike_and_as_said_is_good(systems: Systems) -> None:
    assert systems.verdict() == Verdict()
    assert systems.verdict().good


def test_a_change_that_never_arrived_is_lost_and_named(systems: Systems) -> None:
    systems.say(2, THERE, ELEVEN)
    systems.there["datetime"] = ELEVEN
    verdict = systems.verdict()
    assert not verdict.good
    told = f"starts is {TEN} and {ELEVEN}, last said to be {ELEVEN} in oncall (edit 2)"
    assert verdict.lost == [f"visit 1 (drchrono 70, oncall 5): {told}"]


def test_both_alike_and_not_as_last_said_is_lost_too(systems: Systems) -> None:
    systems.say(2, HERE, ELEVEN)
    systems.say(3, THERE, TWELVE)
    systems.both_show(ELEVEN)
    assert len(systems.verdict().lost) == 1


@pytest.mark.parametrize("recorded", [("drchrono", "70", "starts"), ("oncall", "5", "starts")])
def test_unless_the_conflict_was_recorded(systems: Systems, recorded: tuple[str, str, str]) -> None:
    systems.say(2, HERE, ELEVEN)
    systems.say(3, THERE, TWELVE)
    systems.both_show(ELEVEN)
    systems.recorded.add(recorded)
    assert systems.verdict().good


def test_a_value_that_nobody_said_last_on_any_side_is_lost_in_spite_of_it(
    systems: Systems,
) -> None:
    systems.say(2, HERE, ELEVEN)
    systems.say(3, THERE, TWELVE)
    systems.recorded.add(("oncall", "5", "starts"))
    assert len(systems.verdict().lost) == 1


def test_two_who_meant_the_same_moment_are_counted_apart(systems: Systems) -> None:
    systems.say(2, HERE, ELEVEN, met=True)
    systems.say(2, THERE, TWELVE, met=True)
    systems.both_show(ELEVEN)
    verdict = systems.verdict()
    assert (verdict.good, verdict.met) == (True, 1)


@pytest.mark.parametrize("side", [HERE, THERE])
def test_one_that_is_missing_on_one_side_is_lost(systems: Systems, side: Side) -> None:
    systems.rows[str(side), "appointments"].clear()
    del systems.visit.ids[side]
    assert any(f"is not in {side}" in line for line in systems.verdict().lost)


def test_one_that_is_over_and_nobody_ended_it_is_lost(systems: Systems) -> None:
    systems.there["cancelled"] = True
    assert any("nobody ended it" in line for line in systems.verdict().lost)


@pytest.mark.parametrize("side", [HERE, THERE])
def test_one_that_is_still_open_is_lost(systems: Systems, side: Side) -> None:
    systems.visit.ended.append(Said(2, side, "staff"))
    systems.here["status"] = "Cancelled" if side is HERE else ""
    systems.there["cancelled"] = side is THERE
    assert any("still open in" in line for line in systems.verdict().lost)


def test_an_old_name_in_oncall_is_lost(systems: Systems) -> None:
    systems.of("drchrono", "patients")[0]["last_name"] = "Novak"
    assert any("last_name" in line for line in systems.verdict().lost)


def test_a_missing_contact_is_lost(systems: Systems) -> None:
    systems.of("oncall", "contacts").clear()
    assert [line.partition(":")[0] for line in systems.verdict().lost] == ["no contact says"]


@pytest.mark.parametrize("over", [False, True])
@pytest.mark.parametrize("side", [HERE, THERE])
def test_one_that_nobody_booked_is_a_double_open_or_not(
    systems: Systems, side: Side, *, over: bool
) -> None:
    row = deepcopy(systems.here if side is HERE else systems.there) | {"id": "99"}
    row |= ({"status": "Cancelled"} if side is HERE else {"cancelled": True}) if over else {}
    systems.of(str(side), "appointments").append(row)
    assert f"{side} 99 was booked by nobody" in systems.verdict().doubled


@pytest.mark.parametrize("kind", [("drchrono", "patients"), ("oncall", "contacts")])
def test_a_person_twice_is_a_double(systems: Systems, kind: tuple[str, str]) -> None:
    systems.rows[kind].append(deepcopy(systems.rows[kind][0]) | {"id": 10})
    assert systems.verdict().doubled


@pytest.mark.parametrize("kind", ["invitation", "change", "cancellation"])
def test_a_mail_more_than_the_edits_are_worth(systems: Systems, kind: str) -> None:
    systems.mails.append({**MAIL, "kind": kind})
    (line,) = systems.verdict().surplus_mails
    assert line.startswith("visit 1 (drchrono 70, oncall 5)")
    assert kind in line


def test_a_mail_for_each_edit_in_drchrono_is_none_too_many(systems: Systems) -> None:
    systems.say(2, HERE, ELEVEN)
    systems.both_show(ELEVEN)
    systems.mails.append({**MAIL, "kind": "change"})
    assert systems.verdict().good
    systems.mails.append({**MAIL, "kind": "change"})
    assert systems.verdict().surplus_mails


def test_what_oncall_s_own_people_cause_is_not_ours(systems: Systems) -> None:
    systems.mails.append({**MAIL, "caused_by": "staff"})
    assert systems.verdict().good


def test_a_new_address_is_worth_an_invitation(systems: Systems) -> None:
    systems.ledger.addresses[0] = [4]
    systems.mails.append(deepcopy(MAIL))
    assert systems.verdict().good


def test_an_appointment_in_another_s_chart() -> None:
    """Also where both sides agree on the other's name: a forged address had led there."""
    both = Systems()
    assert both.verdict().wrong_charts == []
    other = {**PATIENT, "id": 10, "date_of_birth": "1990-01-02"}
    both.rows["drchrono", "patients"].append(other)
    both.rows["drchrono", "appointments"][0]["patient"] = 10
    assert both.verdict().wrong_charts
    assert not both.verdict().good


def test_an_appointment_of_somebody_new_in_another_s_chart() -> None:
    both = Systems()
    both.ledger.charts.clear()
    both.ledger.names[1] = {**NAMES, "email": "somebody@mail.example"}
    (visit,) = both.ledger.visits.values()
    both.ledger.names = {visit.person: both.ledger.names[1]}
    assert both.verdict().wrong_charts
