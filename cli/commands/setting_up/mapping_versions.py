"""Show how the mapping file stands, list its versions, and go back to one: previewed first."""

import sys
from typing import TYPE_CHECKING

import click

from cli.commands.operate import json_option
from cli.environment import opened
from cli.output import (
    TROUBLE,
    TroubleError,
    plain,
    print_json,
    print_table,
    say,
    unknown_told,
)

if TYPE_CHECKING:
    from sync.setup.mapping_edit.candidate import Candidate


@click.command("show")
@json_option
def mapping_show(as_json: bool) -> None:
    """Show who is mapped, who is not, and whether the service works by the file already.

    \b
    Example:
      drchrono-oncall mapping show
    """
    from sync.setup.mapping_edit.overview import overview

    with opened() as sync:
        found = overview(sync)
    if as_json:
        doctors = [one.model_dump(mode="json") for one in found.doctors]
        print_json({**plain(found), "path": str(found.path), "doctors": doctors})
        return
    if found.mistakes:
        raise TroubleError("\n".join(found.mistakes))
    taken = "the service works by it" if found.taken_up else "not taken up by the service yet"
    click.echo(f"{found.path}: version {found.version}, {taken}.")
    if found.read_only:
        click.echo(f"It can't be changed from here: {found.read_only}.")
    rows = (
        (one.drchrono, one.oncall_provider, one.oncall_division, ", ".join(one.offices) or "all")
        for one in found.doctors
    )
    print_table("Mapped", ("doctor", "provider", "division", "offices"), rows)
    if found.unmapped:
        click.echo(f"Not mapped: {', '.join(found.unmapped)}.")


@click.command("versions")
@json_option
def mapping_versions(as_json: bool) -> None:
    """List the versions of the mapping file that are kept: when, by whom, and the digest.

    \b
    Example:
      drchrono-oncall mapping versions
    """
    from sync.setup.mapping_edit import candidate, versions

    with opened() as sync:
        here = candidate.file_in_force(sync)
        found = versions.every(here.path)
    told = [
        {
            "id": one.id,
            "at": one.at,
            "by": one.by,
            "digest": one.digest,
            "in_force": here.digest.startswith(one.digest),
        }
        for one in found
    ]
    if as_json:
        print_json(told)
        return
    if not told:
        click.echo("None yet: what is accepted on the page, or gone back to, is kept.")
        return
    rows = (
        (row["id"], row["at"], row["by"] or "by hand", "in force" if row["in_force"] else "")
        for row in told
    )
    print_table("Versions of the mapping file", ("id", "when", "who", ""), rows)


@click.command("rollback")
@click.argument("version", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def mapping_rollback(version: str, yes: bool, as_json: bool) -> None:
    """Put a version of the mapping file in place again, after showing what that touches.

    With --json and without --yes it shows that and changes nothing.

    \b
    Examples:
      drchrono-oncall mapping rollback 20261129T144107.000000Z-1dd349faf88c
      drchrono-oncall mapping rollback 20261129T144107.000000Z-1dd349faf88c --yes --json
    """
    from sync.setup.mapping_edit import candidate

    with opened() as sync:
        with unknown_told():
            _, text = candidate.text_of(sync, version)
        found = candidate.judge(sync, text, at_most=False)
        if found.mistakes:
            raise TroubleError("\n".join(found.mistakes))
        if not as_json:
            _show(found)
            if not yes:
                click.confirm("Put it in place?", abort=True)
        accepted = yes or not as_json
        if accepted:
            try:
                candidate.accept(sync, found.text, found.base, found.digest)
            except candidate.ChangedError:
                raise TroubleError("The file was changed meanwhile: nothing was done.") from None
            except candidate.ReadOnlyError as wrong:
                raise TroubleError(f"Nothing was done: {wrong}.") from None
    if as_json:
        told = {"version": found.version, "digest": found.digest, "accepted": accepted}
        print_json({**told, "touches": found.touches, "uncounted": found.uncounted})
        sys.exit(0 if accepted else TROUBLE)
    click.echo("It is in place; the services take it up within seconds.")


def _show(found: "Candidate") -> None:
    for line in found.difference:
        say(line.replace("\t", "  "))
    if found.touches is None:
        click.echo(f"What it touches could not be counted. {found.uncounted}")
        return
    rows = plain(found.touches).items()
    print_table("Compared with the file in force", ("visits to come", "count"), rows)
