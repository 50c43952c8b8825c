"""Say where a group stands, by what was read of its members and of the OnCall visit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sync.core.records import Life, State, Visit
from sync.core.rules import place
from sync.core.rules.place import Slot, slot_of

TEN = datetime(2030, 1, 7, 15, tzinfo=UTC)
HERE = Visit("drchrono", "1", starts=TEN, minutes=60, provider="201", office="301", group=True)
LATER = replace(HERE, starts=TEN + timedelta(hours=2))
OVER = replace(LATER, state=State(Life.CANCELLED))
ODD = replace(HERE, minutes=Visit("drchrono", "1").minutes)
THERE = Visit("oncall", "812", starts=TEN, minutes=45, provider="202")
AT_TEN = Slot("201", "301", TEN, 60)


@pytest.mark.parametrize(
    ("members", "there", "found"),
    [
        ([HERE, HERE, LATER], None, AT_TEN),
        ([HERE, OVER, OVER], THERE, AT_TEN),
        ([OVER], None, slot_of(OVER)),
        ([replace(HERE, group=False)], THERE, replace(AT_TEN, born="812")),
        ([], THERE, Slot("202", "302", TEN, 45, born="812")),
        ([replace(ODD, group=False)], THERE, Slot("201", "302", TEN, 45, born="812")),
        ([ODD], THERE, None),
        ([], replace(THERE, minutes=HERE.patient), None),
        ([], None, None),
    ],
)
def test_where_a_group_stands(members: list[Visit], there: Visit | None, found: Slot) -> None:
    told = place.of_group(members, there, lambda _doctor: "302")
    assert (told, told and told.born) == (found, found and found.born)
