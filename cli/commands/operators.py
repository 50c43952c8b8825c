"""Say who may use the operations pages: operators with a password, and addresses that sign in."""

import re
from datetime import UTC
from typing import Final

import click

from cli.environment import opened
from cli.output import TroubleError, print_json, print_table

ROLES: Final = ("viewer", "operator", "admin")
role_option = click.option(
    "--role", type=click.Choice(ROLES), default="operator", show_default=True,
    help="viewer sees, operator acts, admin changes the set-up too.",
)  # fmt: skip


@click.group()
def operator() -> None:
    """Say who may sign in to the operations pages."""


@operator.command()
@click.argument("name")
@role_option
@click.option("--ask", is_flag=True, help="Ask for the password, instead of making one.")
def add(name: str, role: str, ask: bool) -> None:
    """Make an operator; print the password and the address for their telephone, once.

    \b
    Examples:
      drchrono-oncall operator add ruth --role admin
      drchrono-oncall operator add front-desk --role viewer --ask
    """
    from sync.operations import operators

    _checked(name)
    password = _asked() if ask else None
    with opened() as sync:
        try:
            made = operators.add(sync, name, operators.Role(role), password)
        except operators.TakenError:
            raise TroubleError(
                f"There is an operator {name}: remove it first, or choose another name."
            ) from None
        address = sync.settings.ops_address
    click.echo(f"Operator {name} ({role}) signs in at {address}/ops with")
    if password is None:
        click.echo(f"  password  {made.password}")
    click.echo(f"  code      of an authenticator that was given {made.address}")
    click.echo("Neither is shown again.")


def _checked(name: str) -> None:
    from sync.operations.operators import NAME

    if not re.fullmatch(NAME, name):
        raise TroubleError("A name has letters, digits and . _ @ + - only, at most 80 of them.")


def _asked() -> str:
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    if len(password) < 12:
        raise TroubleError("A password has at least 12 characters.")
    return password


@operator.command()
@click.option("--json", "as_json", is_flag=True, help="Say it as JSON.")
def ls(as_json: bool) -> None:
    """List the operators who may sign in with a password.

    \b
    Example:
      drchrono-oncall operator ls
    """
    from sync.operations import operators

    with opened() as sync:
        found = operators.every(sync)
    if as_json:
        print_json([{"name": one.name, "role": one.role, "since": one.made_at} for one in found])
        return
    rows = ((one.name, one.role, one.made_at.astimezone(UTC)) for one in found)
    print_table("Operators", ("name", "role", "since"), rows)


@operator.command()
@click.argument("name")
def remove(name: str) -> None:
    """Let an operator sign in no more, and end their sessions at once.

    \b
    Example:
      drchrono-oncall operator remove ruth
    """
    from sync.operations import operators

    with opened() as sync:
        if not operators.remove(sync, name):
            raise TroubleError(f"There is no operator {name}.")
    click.echo(f"{name} may sign in no more, and is signed out.")


@operator.command()
@click.argument("name", default="newcomer")
@role_option
def link(name: str, role: str) -> None:
    """Print an address that signs its opener in as NAME, once and within 15 minutes.

    \b
    Example:
      drchrono-oncall operator link --role viewer
    """
    from sync.operations import operators

    _checked(name)
    with opened() as sync:
        secret = operators.new_link(sync, name, operators.Role(role))
        click.echo(f"{sync.settings.ops_address}/ops/link?key={secret}")
