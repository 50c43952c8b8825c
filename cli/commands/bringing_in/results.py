"""Write a batch's result into a file: whole or not at all, for its owner's eyes alone."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cli.output import TroubleError
from sync.hosting import reason

if TYPE_CHECKING:
    from sync.runtime import Sync


def same_file(one: Path, other: str) -> bool:
    """Whether a path is the file that was given."""
    try:
        return other != "-" and one.exists() and one.samefile(other)
    except OSError:
        return False


def write(sync: "Sync", batch: int, path: Path) -> None:
    """Put the result of a batch at that path. Raises TroubleError where it can't be."""
    from sync.batches import looking

    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pieces = looking.take_result(sync, batch, bom=False)
    except LookupError as gone:
        raise TroubleError(str(gone)) from None
    try:
        with beside.open("x", encoding="utf-8", newline="") as file:
            beside.chmod(0o600)
            file.writelines(pieces)
        beside.replace(path)
    except OSError as error:
        raise TroubleError(f"The result can't be written there: {reason(error)}.") from None
    finally:
        beside.unlink(missing_ok=True)
