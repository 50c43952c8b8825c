"""Set up a new installation: connect the account, check everything, map doctors."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.colours import BAD, GOOD, Shade
from cli.commands.operate import json_option
from cli.commands.setting_up.mapping_versions import (
    mapping_rollback,
    mapping_show,
    mapping_versions,
)
from cli.commands.setting_up.suggesting import mapping_suggest
from cli.environment import opened, settings
from cli.output import TROUBLE, TroubleError, plain, print_json, print_table
from sync.settings_read import WrongSettingsError, load_settings

if TYPE_CHECKING:
    from sync.mapping import Mapping
    from sync.setup.mapping_preview import MappingPreview


@click.command()
def connect() -> None:
    """Print a one-time address that attaches the clinic's DrChrono account.

    Open it in a browser within 15 minutes, as a user who may grant access. Without such an address
    nobody can attach an account.

    \b
    Example:
      drchrono-oncall connect
    """
    from sync.setup.connect import new_ticket, start_address

    with opened() as sync:
        click.echo(start_address(sync, new_ticket(sync)))
    click.echo("Open it within 15 minutes; it works once.", err=True)


@click.command()
@click.confirmation_option(prompt="Nothing syncs until somebody connects again. Disconnect?")
def disconnect() -> None:
    """Have DrChrono end our access, and forget it here; `connect` attaches an account again.

    Links and what waits are kept.

    \b
    Example:
      drchrono-oncall disconnect --yes
    """
    from sync.core.errors import RemoteError

    with opened() as sync:
        try:
            ended = sync.keeper.disconnect()
        except RemoteError as error:
            raise TroubleError(
                f"DrChrono did not end the access ({error.code}); nothing was forgotten. Try again."
            ) from None
    click.echo("DrChrono is disconnected." if ended else "No account was connected.")


@click.command()
@json_option
def check(as_json: bool) -> None:
    """Try everything that is set up: settings, both APIs, the webhook's handshake, the lists.

    The exit code is 1 when something is not right; each line says what to do.

    \b
    Example:
      drchrono-oncall check
    """
    from sync.setup.check import check as run_check
    from sync.setup.check import wrong_setting

    try:
        load_settings()
    except WrongSettingsError as error:
        findings = [wrong_setting(name, what) for name, what in error.problems.items()]
    else:
        with opened(anyway=True) as sync:
            findings = run_check(sync)
    if as_json:
        print_json(findings)
    else:
        rows = [
            (
                Shade("ok", GOOD) if item.ok else Shade("TROUBLE", BAD),
                item.name,
                item.detail,
                "" if item.ok else item.fix,
            )
            for item in findings
        ]
        print_table("Check", ("", "what", "found", "what to do"), rows)
    if not all(item.ok for item in findings):
        sys.exit(TROUBLE)


@click.group()
def mapping() -> None:
    """The mapping file: which doctor is which provider, and what the clinic has decided."""


mapping.add_command(mapping_suggest)
mapping.add_command(mapping_show)
mapping.add_command(mapping_versions)
mapping.add_command(mapping_rollback)


@mapping.command("check")
@click.argument("file", type=click.Path(path_type=Path, exists=True), required=False)
@json_option
def mapping_check(file: Path | None, as_json: bool) -> None:
    """Read the mapping file and name each mistake with its line.

    Another FILE is compared with the one in force too: how many visits to come it touches, and how
    many mails it may cause at most. Put it in place when that is what you want.

    \b
    Examples:
      MAPPING_FILE=mapping.toml drchrono-oncall mapping check
      drchrono-oncall mapping check new.toml
    """
    from sync.mapping import MappingError, load

    path = file or settings().mapping_file
    if not path.exists():
        raise TroubleError(
            f"There is no {path}; nobody is mapped. Make a first one with: "
            f"drchrono-oncall mapping suggest --output {path}"
        )
    try:
        found = load(path)
    except MappingError as error:
        if as_json:
            print_json({"ok": False, "problems": str(error).splitlines()})
            sys.exit(TROUBLE)
        raise TroubleError(str(error)) from None
    touches = _touches(found) if file is not None else None
    if as_json:
        told = {"ok": True, "version": found.version, "doctors": len(found.doctors)}
        print_json(told if touches is None else {**told, "touches": touches})
        return
    click.echo(f"{path} is right: {len(found.doctors)} doctors, version {found.version}.")
    if touches is not None:
        rows = plain(touches).items()
        print_table("Compared with the file in force", ("visits to come", "count"), rows)


def _touches(mapping: "Mapping") -> "MappingPreview":
    from sync.setup.mapping_preview import preview

    with opened() as sync:
        return preview(sync, mapping)
