"""Go through the open steps of the set-up with a person: do, ask, wait; each may be passed over."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import click

from cli.colours import GOOD, are_there, shaded
from cli.commands.setting_up.telling import tell
from cli.output import say
from sync.setup.walk import deeds, dry_run, known, steps, trying
from sync.setup.walk.model import State, Step, Walk
from sync.setup.walk.titles import RESTART

if TYPE_CHECKING:
    from sync.runtime import Sync

_USUALLY: Final = partial(click.confirm, default=True)
_RARELY: Final = partial(click.confirm, default=False)
_SECONDS: Final = 1.0  # between two looks, from the database alone


@dataclass
class Walker:
    """Goes on at the first open step; `ask` and `sure` ask a person, for whom yes or no is usual.

    What is passed over stays open, and is said at the end.
    """

    sync: "Sync"
    ask: Callable[[str], bool] = _USUALLY
    sure: Callable[[str], bool] = _RARELY
    passed: set[str] = field(default_factory=set)

    def look(self) -> Walk:
        """How all of it stands now; asks no remote."""
        return steps.walk(known.known(self.sync))

    def go(self) -> None:
        """Go through what is open until nothing is left but what was passed over.

        Raises click.Abort when the person leaves.
        """
        while (step := self._open()) is not None:
            tell(step)
            if not self._do(step):
                self.passed.add(step.name)
            click.echo()

    def _open(self) -> Step | None:
        return next(
            (
                one
                for one in self.look().steps
                if one.state in {State.TODO, State.WRONG} and one.name not in self.passed
            ),
            None,
        )

    def _do(self, step: Step) -> bool:
        """Do a step, or wait for it; False when it was passed over."""
        doing = {
            "oncall_key": self._try_key,
            "connect": self._connect,
            "mapping": self._map,
            "dry_run": self._count,
            "live": self._go_live,
            "processes": self._wait,
            "drchrono_webhook": self._wait,
            "oncall_webhook": self._wait,
        }.get(step.name)
        # A setting is read when a process begins: this one would not see what is written now.
        if doing is None or step.do.endswith(RESTART):
            return False
        return doing(step)

    # --- what can be done here --------------------------------------------------------------------

    def _try_key(self, step: Step) -> bool:
        if not step.press or not self.ask("Try the key now?"):
            return False
        found = trying.oncall_key(self.sync)
        say("  OnCall takes it." if found.ok else f"  {found.detail}. {found.fix}")
        return found.ok

    def _connect(self, step: Step) -> bool:
        from sync.setup.connect import new_ticket, start_address

        if not self.ask("Make an address that connects DrChrono?"):
            return False
        click.echo(f"  {start_address(self.sync, new_ticket(self.sync))}")
        click.echo("  Open it within 15 minutes; it works once.")
        return self._until_done(step)

    def _map(self, step: Step) -> bool:
        from cli.commands.setting_up.suggesting import patiently, write_whole
        from sync.setup.mapping_edit.gathered import gather

        path = self.sync.settings.mapping_file
        if not path.exists():
            if not self.ask(f"Write a first {path}, from what both systems say?"):
                return False
            text = gather(self.sync, lambda call: patiently(self.sync, call)).suggestion()
            write_whole(path, text, force=False)
            click.echo(f"  Written: {path}. Decide every line marked decide:")
        return self._wait(step)

    def _count(self, step: Step) -> bool:
        del step
        if not self.ask("Count it now?") or not dry_run.begin(self.sync):
            return False
        with spinning("Counting"):
            made = dry_run.make(self.sync)
        found = self.look().step("dry_run")
        if found is not None:
            say(f"  {found.found or found.missing}")
        return made is not None

    def _go_live(self, step: Step) -> bool:
        from cli.commands.operate import ring

        asked = deeds.asked(self.sync)
        counts = asked.run.counts if asked.run is not None else None
        if not step.press or asked.lacking or counts is None:
            return False
        for sentence, count in asked.decide:
            say(f"  To decide: {sentence} ({count})")
        click.echo(f"  OnCall mails each patient whose visit it gets: {counts['mails']} at most.")
        if not self.sure("Go live with the counts of the dry run?"):
            return False
        ring(self.sync, deeds.go_live(self.sync, asked.sign))
        return True

    # --- what comes by itself ---------------------------------------------------------------------

    def _wait(self, step: Step) -> bool:
        return self.ask("Wait for it now?") and self._until_done(step)

    def _until_done(self, step: Step) -> bool:
        """Look each second until the step is done, and say what came meanwhile."""
        came = {tick.what for tick in step.ticks if tick.at is not None}
        said = step.missing
        with spinning("Waiting; Ctrl-C leaves"):
            while True:
                now = self.look().step(step.name)
                if now is None:
                    return False
                for tick in now.ticks:
                    if tick.at is not None and tick.what not in came:
                        came.add(tick.what)
                        click.echo(f"  {shaded('ok', GOOD)}  {tick.what}")
                if now.state is State.DONE:
                    say(f"  {now.found}")
                    return True
                if now.missing != said:
                    said = now.missing
                    say(f"  {said} {now.do}")
                self.sync.pause(_SECONDS)


@contextmanager
def spinning(words: str) -> Iterator[None]:
    """Show that something goes on, with rich where it is there; else say it once."""
    if not are_there() or find_spec("rich") is None:
        click.echo(f"  {words} …")
        yield
        return
    from rich.console import Console

    with Console().status(words):
        yield
