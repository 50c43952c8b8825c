"""Name a call as the demo does, and tell a difference."""

import io

import pytest
from rich.console import Console

from cli.demo.count import Cost, differences, name
from cli.demo.demo import verdict
from cli.demo.script import DAY, Editor, Step
from cli.demo.table import Board, Result, lines

STEP = Step(
    name="move",
    editor=Editor.DRCHRONO_STAFF,
    action="PATCH scheduled_time",
    drchrono=("GET appointment",),
    oncall=("GET appointment", "PATCH appointment", "GET appointment"),
    mails=1,
    source="visit moved in DrChrono",
)
EXACT = Cost(
    ("GET appointment",), ("PATCH appointment", "GET appointment", "GET appointment"), 1, 0
)


@pytest.mark.parametrize(
    ("method", "path", "wanted"),
    [
        ("GET", "/api/appointments/70001", "GET appointment"),
        ("POST", "/api/appointments", "POST appointments"),
        ("GET", "/api/appointments/2031-03-04_70001", "GET appointment"),
        ("POST", "/api/appointments_list", "POST appointments_list"),
        ("PATCH", "/participants/8001/", "PATCH participant"),
        ("GET", "/contacts/", "GET contacts"),
        ("GET", "/contacts/5/appointments/", "GET appointments"),
        ("POST", "/o/token/", "POST token"),
    ],
)
def test_a_call_is_named_as_in_the_script(method: str, path: str, wanted: str) -> None:
    assert name({"method": method, "path": path}) == wanted


def test_the_order_of_calls_is_no_difference() -> None:
    assert differences(STEP, EXACT) == []


@pytest.mark.parametrize(
    ("cost", "told"),
    [
        (Cost((), EXACT.oncall, 1, 0), "DrChrono calls: none; expected GET appointment"),
        (
            Cost(EXACT.drchrono, ("GET appointment", "PATCH appointment"), 1, 0),
            (
                "OnCall calls: GET appointment, PATCH appointment; "
                "expected GET appointment, PATCH appointment, GET appointment"
            ),
        ),
        (Cost(EXACT.drchrono, EXACT.oncall, 2, 0), "mails of ours: 2; expected 1"),
        (Cost(EXACT.drchrono, EXACT.oncall, 1, 1), "mails of OnCall's own: 1; expected 0"),
    ],
)
def test_one_call_or_mail_more_or_less_is_a_difference(cost: Cost, told: str) -> None:
    assert differences(STEP, cost) == [told]


def board(*results: Result) -> tuple[Board, io.StringIO]:
    text = io.StringIO()
    made = Board(Console(file=text, width=200))
    for result in results:
        made.begin(result.step)
        made.end(result)
    return made, text


def test_all_steps_as_they_should_be_is_0() -> None:
    made, text = board(*(Result(step, 1.5, EXACT, ()) for step in DAY))
    assert verdict(made.console, made) == 0
    assert f"All {len(DAY)} steps arrived" in text.getvalue()


def test_one_difference_is_1_and_is_told() -> None:
    results = [Result(step, 1.5, EXACT, ()) for step in DAY[1:]]
    made, text = board(Result(DAY[0], None, EXACT, ("mails of ours: 2; expected 1",)), *results)
    assert verdict(made.console, made) == 1
    assert "mails of ours: 2; expected 1" in text.getvalue()
    assert "1 steps differ, 0 were not played." in text.getvalue()


def test_a_step_that_was_not_played_is_1() -> None:
    made, text = board(*(Result(step, 1.5, EXACT, ()) for step in DAY[:-1]))
    assert verdict(made.console, made) == 1
    assert "0 steps differ, 1 were not played." in text.getvalue()


def test_a_result_is_one_line_and_one_for_each_problem() -> None:
    told = lines(Result(STEP, 1.46, Cost(("GET appointment",), (), 1, 2), ("a", "b")))
    assert told[0].split() == [
        *("differs", "move", "1.5", "s", "DrChrono", "1", "OnCall", "0", "mails", "1+2"),
    ]
    assert told[1:] == ["        a", "        b"]


def test_a_terminal_sees_each_step_with_who_does_it() -> None:
    made, _ = board(Result(DAY[0], 1.5, EXACT, ()))
    text = io.StringIO()
    Console(file=text, width=200).print(made.table())
    rows = text.getvalue().splitlines()
    first = next(row for row in rows if DAY[0].name in row)
    assert "1.5 s" in first
    assert "ok" in first
    assert all(any(step.name in row and step.editor in row for row in rows) for step in DAY)
