"""Write a first mapping file: whole or not at all, and never over another."""

import errno
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from cli.environment import opened
from cli.output import TroubleError
from sync.core.errors import NotBefore
from sync.hosting import reason

if TYPE_CHECKING:
    from sync.runtime import Sync

T = TypeVar("T")

_EMPTIED = (
    "Nothing was written. If standard output went into a file, the shell has emptied that file: "
    "use --output FILE, which writes a whole file or none."
)


@click.command("suggest")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Write this file, whole or not at all, instead of standard output.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def mapping_suggest(output: Path | None, force: bool) -> None:
    """Write a first mapping file, from what both systems say.

    A limit of calls that is used up is waited out. Standard output holds the file's text and
    nothing else.

    \b
    Examples:
      drchrono-oncall mapping suggest --output mapping.toml
      drchrono-oncall mapping suggest > mapping.toml
    """
    from sync.setup.mapping_edit.gathered import gather

    if output is not None:
        refuse_to_lose(output, force=force)
    try:
        with opened() as sync:
            text = gather(sync, lambda call: patiently(sync, call)).suggestion()
    except TroubleError as error:
        if output is None and not sys.stdout.isatty():
            raise TroubleError(f"{error.message}\n{_EMPTIED}") from None
        raise
    if output is None:
        click.echo(text, nl=False)
        return
    write_whole(output, text, force=force)
    click.echo(f"Written: {output}. Decide every line marked decide:.", err=True)


def patiently(sync: "Sync", call: Callable[[], T]) -> T:
    """What a call gives, when its system allows it: a used-up limit is waited out, and told of."""
    while True:
        try:
            return call()
        except NotBefore as error:
            seconds = max(0.0, (error.until - sync.clock()).total_seconds())
            # A comment, should a terminal fold both outputs into one file (moby/moby#8513).
            click.echo(
                f"# No call is allowed before {error.until:%H:%M:%S} UTC ({error.code}); waiting.",
                err=True,
            )
            sync.pause(seconds + 0.1)


def refuse_to_lose(path: Path, *, force: bool) -> None:
    """Raise TroubleError when writing that file would lose what is there, or can't be done."""
    if path.is_dir():
        raise TroubleError(f"{path} is a directory: remove it, or name a file in it.")
    if not path.parent.is_dir():
        raise TroubleError(f"There is no directory {path.parent}.")
    if not force and _says_something(path):
        raise TroubleError(f"{path} is there already, and is left alone: --force writes over it.")


def _says_something(path: Path) -> bool:
    """Whether there is more than the empty file that Compose wants to see."""
    try:
        return path.lstat().st_size > 0
    except FileNotFoundError:
        return False


def write_whole(path: Path, text: str, *, force: bool) -> None:
    """Write the file at once, for its own user alone. Raises TroubleError when it is not there."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            refuse_to_lose(path, force=force)
            draft.replace(path)
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()
    except OSError as error:
        hint = ""
        if error.errno == errno.EBUSY:
            hint = ": it is mounted by itself; write another file, then copy it over this one"
        raise TroubleError(f"{path} can't be written ({reason(error)}){hint}.") from None
