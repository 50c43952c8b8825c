"""Decides what `drchrono-oncall` is: one command with a subcommand per task.

Exit codes: 0 all is well, 1 trouble was found (the message says what to do), 2 wrong usage.
"""

import os
from pathlib import Path

import click

from cli import (
    by_hand,
    demo,
    go_live,
    keys,
    operate,
    processes,
    relink,
    running,
    setup,
    zones,
)
from cli.environment import read_env_file


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--env",
    "env_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
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
        os.environ.update(read_env_file(env_file))


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
    """The entry point of the `drchrono-oncall` program."""
    cli(prog_name="drchrono-oncall")


if __name__ == "__main__":
    main()
