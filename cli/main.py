"""Define `drchrono-oncall`: one command with a subcommand for each task.

Exit codes: 0 all is well, 1 trouble was found (the message says what to do), 2 wrong usage.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from cli.environment import take_env_file, unexpected
from cli.output import TROUBLE, TroubleError
from sync import log

# By what a person is about to do. Each is imported when it is asked for: a worker's start pays for
# no other command. So a group stands whole in the module named here: what another module added
# would be missing.
GROUPS = {
    "Daily": {
        "status": "cli.commands.status",
        "diff": "cli.commands.diff",
        "why": "cli.commands.why",
        "attention": "cli.commands.attention",
        "explain": "cli.commands.operate",
        **dict.fromkeys(("timeline", "records"), "cli.commands.records"),
        **dict.fromkeys(("pause", "resume"), "cli.commands.pausing"),
        "alerts": "cli.commands.alerts",
        "audit": "cli.commands.audit",
    },
    "Set-up": {
        "setup": "cli.commands.setting_up.walk",
        **dict.fromkeys(("check", "connect", "disconnect"), "cli.commands.setting_up.setup"),
        "mapping": "cli.commands.setting_up.setup",
        "go-live": "cli.commands.setting_up.go_live:go_live",
        "operator": "cli.commands.operators",
        "iframe": "cli.commands.setting_up.iframe",
        "keys": "cli.commands.setting_up.keys",
    },
    "Bringing in": {
        "import": "cli.commands.bringing_in.importing:import_file",
        "backfill": "cli.commands.bringing_in.backfilling",
        "batches": "cli.commands.bringing_in.batches",
    },
    "By hand": {
        **dict.fromkeys(("resync", "plan"), "cli.commands.operate"),
        **dict.fromkeys(("pair", "unlink", "keep", "exclude"), "cli.commands.by_hand"),
        "zones": "cli.commands.setting_up.zones",
        "relink": "cli.commands.setting_up.relink",
    },
    "Processes": {
        "run": "cli.world.running",
        "demo": "cli.demo.command",
        **dict.fromkeys(("migrate", "web", "worker", "beat", "healthcheck"), "cli.world.processes"),
    },
}
COMMANDS = {name: place for group in GROUPS.values() for name, place in group.items()}


_WHOLE = 200  # more than the first sentence of any command has


class Program(click.Group):
    """Import a command when it is called; tell an error that it did not by type and place only.

    Its help shows the commands in groups.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names of all commands, as the help shows them."""
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each group, with each command's whole first sentence."""
        for title, group in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name, self._in_short(ctx, name)) for name in group])

    def _in_short(self, ctx: click.Context, name: str) -> str:
        command = self.get_command(ctx, name)
        return "" if command is None else command.get_short_help_str(_WHOLE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command of that name; None when there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        found: click.Command = getattr(import_module(module), attribute or cmd_name)
        return found

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
