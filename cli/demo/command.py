"""Define `demo`, in a module that an installation without the extra `local` can import."""

from pathlib import Path

import click

from cli.world import local
from cli.world.ports import FREE
from cli.world.running import named, world_options


@click.command()
@world_options(directory=Path("var/demo"), ports=FREE)
def demo(directory: Path, workers: int, **ports: int) -> None:
    """Play a scripted day on both sides of a new world, and check what each step costs.

    The exit code is 0 only when every step arrived with exactly the calls and mails it may cost.
    Port 0 is any free port.

    \b
    Example:
      drchrono-oncall demo
    """
    local.needed()
    from cli.demo import demo as script

    script.played(directory, named(ports), workers)
