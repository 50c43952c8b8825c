"""Callers who wait at once share one piece of work; each gets its own answer."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from sync.intake.together import Together, Turn
from tests.support.servers.processes import soon

Work = Callable[[Sequence[int]], Sequence[int | Turn]]


class Held:
    """Callers of one Together, the first of whom is held at work until `let_go`."""

    def __init__(self, work: Work, most: int = 10) -> None:
        self.groups: list[list[int]] = []
        self._go = Event()
        self._work = work
        self.together: Together[int, int] = Together(
            self._noted, most=most, apart=lambda error: isinstance(error, ValueError)
        )
        self._pool = ThreadPoolExecutor(20)

    def _noted(self, asked: Sequence[int]) -> Sequence[int | Turn]:
        self.groups.append(list(asked))
        if asked[0] == 0:
            assert self._go.wait(10)
        return self._work(asked)

    def ask(self, numbers: Sequence[int]) -> list[Future[int]]:
        """Have 0 asked and begun, then each of these, in this order; then let go of 0."""
        asked = self.begin(numbers)
        self._pool.shutdown(wait=True)
        return asked

    def begin(self, numbers: Sequence[int]) -> list[Future[int]]:
        """The same; returns when 0 was let go."""
        asked = [self._pool.submit(self.together.do, 0)]
        soon(lambda: self.together.is_led)
        for count, number in enumerate(numbers, 1):
            asked.append(self._pool.submit(self.together.do, number))
            soon(lambda count=count: self.together.waiting == count)
        self._go.set()
        return asked


def doubled(asked: Sequence[int]) -> list[int | Turn]:
    return [2 * number for number in asked]


def test_who_comes_while_nobody_is_at_work_waits_for_nobody() -> None:
    held = Held(doubled)
    assert [held.together.do(number) for number in (3, 4)] == [6, 8]
    assert held.groups == [[3], [4]]
    assert not held.together.is_led


def test_all_who_wait_are_one_group_and_each_gets_its_own_answer() -> None:
    held = Held(doubled)
    asked = held.ask([5, 6, 7])
    assert [one.result() for one in asked] == [0, 10, 12, 14]
    assert held.groups == [[0], [5, 6, 7]]
    assert (held.together.waiting, held.together.is_led) == (0, False)


def test_a_group_has_so_many_at_most() -> None:
    held = Held(doubled, most=2)
    asked = held.ask([1, 2, 3, 4, 5])
    assert [one.result() for one in asked] == [0, 2, 4, 6, 8, 10]
    assert held.groups == [[0], [1, 2], [3, 4], [5]]


def test_who_is_not_answered_is_first_in_the_next_group() -> None:
    def one_of_each_parity(asked: Sequence[int]) -> list[int | Turn]:
        seen: set[int] = set()
        answers: list[int | Turn] = []
        for number in asked:
            answers.append(Turn.NEXT if number % 2 in seen else number)
            seen.add(number % 2)
        return answers

    held = Held(one_of_each_parity, most=3)
    asked = held.ask([1, 3, 2, 4])
    assert [one.result() for one in asked] == [0, 1, 3, 2, 4]
    assert held.groups == [[0], [1, 3, 2], [3, 4]]


def test_who_is_to_be_alone_holds_up_nobody() -> None:
    stuck, go = Event(), Event()

    def work(asked: Sequence[int]) -> list[int | Turn]:
        if asked == [2]:
            stuck.set()
            assert go.wait(10)
        return [Turn.ALONE if n == 2 and len(asked) > 1 else 2 * n for n in asked]

    held = Held(work)
    asked = held.begin([1, 2, 3])
    assert stuck.wait(10)
    assert [asked[n].result(10) for n in (0, 1, 3)] == [0, 2, 6]
    assert held.together.do(4) == 8
    assert not asked[2].done()
    go.set()
    assert asked[2].result(10) == 4


def failing_on(wrong: int, error: BaseException) -> Work:
    def work(asked: Sequence[int]) -> list[int | Turn]:
        if wrong in asked:
            raise error
        return doubled(asked)

    return work


def test_where_one_may_be_at_fault_each_tries_by_itself() -> None:
    held = Held(failing_on(2, ValueError("two")))
    asked = held.ask([1, 2, 3])
    with pytest.raises(ValueError, match="two"):
        asked[2].result()
    assert [asked[n].result() for n in (0, 1, 3)] == [0, 2, 6]
    assert held.groups[:2] == [[0], [1, 2, 3]]
    assert sorted(held.groups[2:]) == [[1], [2], [3]]


@pytest.mark.parametrize("error", [OSError("away"), SystemExit(1)])
def test_where_nobody_is_at_fault_all_fail_at_once_and_the_next_go_on(error: BaseException) -> None:
    held = Held(failing_on(2, error), most=3)
    asked = held.ask([1, 2, 3, 4])
    for one in asked[1:4]:
        with pytest.raises(type(error)):
            one.result()
    assert asked[4].result() == 8
    assert held.groups == [[0], [1, 2, 3], [4]]


def test_one_alone_that_fails_is_not_tried_twice() -> None:
    held = Held(failing_on(2, ValueError("two")))
    with pytest.raises(ValueError, match="two"):
        held.together.do(2)
    assert held.groups == [[2]]
