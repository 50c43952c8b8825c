"""Have callers who wait at once share one piece of work (ADR 0041).

A commit, and the statements before it, cost about the same for one webhook and for ten. Nobody
waits for company: who comes while nobody is at work works at once, and takes along whoever came
meanwhile.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from threading import Event, Lock
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Turn(Enum):
    """Said of one of a group instead of an answer."""

    NEXT = auto()  # it waits for the next group
    ALONE = auto()  # it is to be done by itself, as long as that may take


@dataclass(slots=True, eq=False)
class _Caller(Generic[Asked, Answer]):
    """One caller: what they ask, and whether it is their turn to lead or to go."""

    asked: Asked
    called: Event = field(default_factory=Event)
    answer: Answer | None = None
    failure: BaseException | None = None
    alone: bool = False

    @property
    def is_settled(self) -> bool:
        return self.answer is not None or self.failure is not None or self.alone


class Together(Generic[Asked, Answer]):
    """Does what callers ask in groups, one group at a time, led by one of their threads.

    `work` answers each of a group, or says when its `Turn` is; not all of a group wait for the
    next, and one alone is answered. What it raises, each caller of a group gets, but `apart` may
    say that each is to try by itself: the fault may be another's.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Asked]], Sequence[Answer | Turn]],
        *,
        most: int,
        apart: Callable[[BaseException], bool],
    ) -> None:
        """`most`: how many make a group."""
        self._work = work
        self._most = most
        self._apart = apart
        self._lock = Lock()
        self._waiting: deque[_Caller[Asked, Answer]] = deque()
        self._is_led = False

    @property
    def waiting(self) -> int:
        """How many wait for the next group."""
        return len(self._waiting)

    @property
    def is_led(self) -> bool:
        """Whether a group is being worked for."""
        return self._is_led

    def do(self, asked: Asked) -> Answer:
        """Do it, alone or with others; returns when it is done. Raises what `work` raises."""
        me: _Caller[Asked, Answer] = _Caller(asked)
        with self._lock:
            self._waiting.append(me)
            leads, self._is_led = not self._is_led, True
        while not me.is_settled:
            if not leads:
                me.called.wait()
                me.called.clear()
            leads = False
            if not me.is_settled:
                self._lead()
        return self._alone(asked) if me.alone else _given(me)

    def _lead(self) -> None:
        """Work for those who wait, and call the first of those left to lead next."""
        with self._lock:
            few = min(self._most, len(self._waiting))
            group = [self._waiting.popleft() for _ in range(few)]
        try:
            answers = self._work([one.asked for one in group])
            for one, answer in zip(group, answers, strict=True):
                if isinstance(answer, Turn):
                    one.alone = answer is Turn.ALONE
                else:
                    one.answer = answer
        except BaseException as failure:  # noqa: BLE001 - it is each caller's to raise
            apart = len(group) > 1 and self._apart(failure)
            for one in group:
                one.failure, one.alone = failure, apart
        left = [one for one in group if not one.is_settled]
        with self._lock:
            self._waiting.extendleft(reversed(left))
            self._is_led = bool(self._waiting)
            following = self._waiting[0] if self._waiting else None
        for one in group:
            if one.is_settled:
                one.called.set()
        if following is not None:
            following.called.set()

    def _alone(self, asked: Asked) -> Answer:
        (answer,) = self._work([asked])
        assert not isinstance(answer, Turn)  # noqa: S101 - one alone is answered
        return answer


def _given(one: _Caller[Asked, Answer]) -> Answer:
    if one.failure is not None:
        raise one.failure
    assert one.answer is not None  # noqa: S101 - it is settled
    return one.answer
