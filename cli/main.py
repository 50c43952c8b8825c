"""Decides what `drchrono-oncall` is: one command with a subcommand per task.

Exit codes: 0 all is well, 1 trouble was found (the message says what to do), 2 wrong usage.
"""

import os
import sys
from pathlib import Path
from typing import Any

import click

from cli.commands import by_hand, go_live, keys, operate, relink, setup, zones
from cli.demo import demo
from cli.environment import take_env_file, unexpected
from cli.output import TROUBLE, TroubleError
from cli.world import processes, running
from sync import log


class Program(click.Group):
    """Tells an error that no command told of by its type and place, never by its own text."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; the exceptions that click itself shows pass."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:  # noqa: BLE001 - any other text could hold a secret
            raise TroubleError(unexpected(error)) from None


@click.group(
    cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--env",
    "env_file",
    type=click.Path(path_type=Path, exists=True),
    help="Take settings from this file of NAME=value lines, before those of the environment.",
)
@click.version_option(package_name="drchrono-oncall")
def cli(env_file: Path | None) -> None:
    """Keep a clinic's DrChrono record and its OnCall Health visits the same, both ways.

    \b
    Examples:
      drchrono-oncall run                              everything on this machine, with a sandbox
      drchrono-oncall demo                             a scripted day that checks itself
      drchrono-oncall check                            what is missing or wrong in the set-up
      drchrono-oncall --env var/world.env status       look at what `run` is doing
    """
    if env_file is not None:
        take_env_file(env_file)


for command in (
    running.run,
    demo.demo,
    processes.web,
    processes.worker,
    processes.beat,
    processes.migrate,
    processes.healthcheck,
    setup.connect,
    setup.disconnect,
    setup.check,
    setup.mapping,
    go_live.go_live,
    relink.relink,
    zones.zones,
    keys.keys,
    operate.status,
    operate.resync,
    operate.plan,
    operate.explain,
    operate.attention,
    by_hand.pair,
    by_hand.unlink,
    by_hand.keep,
    by_hand.exclude,
):
    cli.add_command(command)


def main() -> None:
    """The entry point of the `drchrono-oncall` program.

    What it writes is for its own user alone, and what any thread or library has to say goes to
    standard error in our own form: standard output is for results.
    """
    os.umask(0o077)
    log.configure("ERROR", role="cli", stream=sys.stderr)
    try:
        cli(prog_name="drchrono-oncall")
    except Exception as error:  # noqa: BLE001 - the last place before Python prints it whole
        click.echo(unexpected(error), err=True)
        sys.exit(TROUBLE)


if __name__ == "__main__":
    main()
