"""Hold the demo's steps to docs/costs.md: its table again, in numbers."""

import pytest

from cli.demo.script import DAY, Step

# name: DrChrono calls, OnCall calls, mails that our calls cause. The echo of a participant's PATCH
# and the catch-up's list (order, one poll, one page) as `source` says.
TABLE = {
    "book, person known": (3, 2, 1),
    "book, person unknown": (4, 4, 1),
    "move": (1, 3, 1),
    "twenty edits": (1, 3, 1),
    "billing change": (0, 0, 0),
    "rename": (1, 3, 0),
    "change e-mail": (1, 3, 1),
    "book in OnCall": (1, 3, 0),
    "move in OnCall": (2, 1, 0),
    "cancel as patient": (2, 1, 0),
    "cancel": (1, 3, 1),
    "a webhook that never comes": (4, 3, 1),
    "a worker killed in the middle": (2, 3, 1),
}


@pytest.mark.parametrize("step", DAY, ids=lambda step: step.name)
def test_a_step_costs_what_the_table_says(step: Step) -> None:
    assert (len(step.drchrono), len(step.oncall), step.mails) == TABLE[step.name]


def test_every_row_has_its_step_once() -> None:
    assert sorted(step.name for step in DAY) == sorted(TABLE)


def test_no_step_writes_to_a_visit_twice() -> None:
    for step in DAY:
        for calls in (step.drchrono, step.oncall):
            writes = [call for call in calls if not call.startswith("GET")]
            assert len(writes) == len(set(writes)), step.name
