"""Count what a step has cost: its calls and mails, once nothing moves any more."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cli.demo.script import Step
from cli.world.world import World

LOOK_SECONDS = 0.05
REMOTES = ("drchrono", "oncall")


@dataclass(frozen=True, slots=True)
class Cost:
    """Calls of our application as the script writes them, and mails by who caused them."""

    drchrono: tuple[str, ...]
    oncall: tuple[str, ...]
    mails: int
    own_mails: int


class Counter:
    """Counts what happens in a world since it was made, or since `restart`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._control = world.control
        self.restart()

    def restart(self) -> None:
        """Count from here."""
        self._since = self._numbers()
        self._mails = len(self._control.mails())

    def wait_until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Whether something came true within `seconds`."""
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end:
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def is_quiet(self) -> bool:
        """Whether no webhook is on its way, nothing waits, and no call was made meanwhile."""
        before = self._numbers()
        return (
            self._no_webhooks()
            and self._world.waiting() == 0
            and self._no_webhooks()
            and self._numbers() == before
        )

    def cost(self) -> Cost:
        """What was counted."""
        mails = [mail["caused_by"] for mail in self._control.mails()[self._mails :]]
        ours = mails.count("app")
        return Cost(self._calls("drchrono"), self._calls("oncall"), ours, len(mails) - ours)

    def _calls(self, remote: str) -> tuple[str, ...]:
        return tuple(name(call) for call in self._control.calls(remote, self._since[remote]))

    def _numbers(self) -> dict[str, int]:
        return {
            remote: max((call["n"] for call in self._control.calls(remote)), default=0)
            for remote in REMOTES
        }

    def _no_webhooks(self) -> bool:
        return all(self._control.is_idle(remote) for remote in REMOTES)


def name(call: dict[str, Any]) -> str:
    """A call as the script writes it: `PATCH /appointments/7/` is `PATCH appointment`."""
    parts = [part for part in str(call["path"]).split("/") if part and part != "api"]
    last = parts[-2].removesuffix("s") if parts[-1][:1].isdigit() else parts[-1]
    return f"{call['method']} {last}"


def differences(step: Step, cost: Cost) -> list[str]:
    """What was other than the script says, in words; nothing when all is as it says."""
    told = []
    for system, wanted, found in (
        ("DrChrono calls", step.drchrono, cost.drchrono),
        ("OnCall calls", step.oncall, cost.oncall),
    ):
        if sorted(wanted) != sorted(found):
            told.append(f"{system}: {_listed(found)}; expected {_listed(wanted)}")
    for what, wanted_mails, found_mails in (
        ("mails of ours", step.mails, cost.mails),
        ("mails of OnCall's own", step.own_mails, cost.own_mails),
    ):
        if wanted_mails != found_mails:
            told.append(f"{what}: {found_mails}; expected {wanted_mails}")
    return told


def _listed(calls: tuple[str, ...]) -> str:
    return ", ".join(calls) or "none"
