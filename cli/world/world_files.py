"""Keep a world's files on disk, and remove only what `run` made.

A directory is ours when our mark is in it. A world holds made-up patients, but its files are
treated like real ones: private to the user.
"""

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from cli.output import TroubleError
from sync.hosting import reason

MARK = ".drchrono-oncall-world"
MADE = (
    *("world.env", "mapping.toml", "sandbox-state.json", "log", "redis-data"),
    *("sync.db", "sync.db-wal", "sync.db-shm"),
)
# Secrets a world makes once; what it keeps with --keep.
SECRETS = ("DRCHRONO_WEBHOOK_SECRETS", "ONCALL_WEBHOOK_TOKENS", "ENCRYPTION_KEYS", "DIGEST_KEYS")


@dataclass(frozen=True, slots=True)
class Files:
    """Where a world's files are."""

    directory: Path

    @property
    def env(self) -> Path:
        """Its environment, for `drchrono-oncall --env`."""
        return self.directory / "world.env"

    @property
    def mapping(self) -> Path:
        """Its mapping file."""
        return self.directory / "mapping.toml"

    @property
    def redis(self) -> Path:
        """Where its Redis keeps its data."""
        return self.directory / "redis-data"

    @property
    def log(self) -> Path:
        """Where each process's log is."""
        return self.directory / "log"

    @property
    def sandbox_state(self) -> Path:
        """Where the sandbox keeps its clinic, for a run with --keep."""
        return self.directory / "sandbox-state.json"

    @property
    def database_url(self) -> str:
        """Its SQLite database."""
        return f"sqlite:///{self.directory / 'sync.db'}"


def usual_place(default: Path) -> Path:
    """Where a world goes when nobody says so: the default, or where that can't be, beside it.

    `web` and the others keep their own files in the default (`var`), and a container may have made
    it as root: neither keeps `run` from working, and neither is touched.
    """
    own = Path(tempfile.gettempdir()) / f"drchrono-oncall-world-{os.getuid()}"
    return next((place for place in (default, default / "world", own) if _free(place)), default)


def _free(place: Path) -> bool:
    """Whether a world can be made there, or goes on there."""
    try:
        if place.is_dir():
            ours = place.stat().st_uid == os.getuid() and not place.is_symlink()
            kept = (place / MARK).exists() or not _holds_others(place)
            return ours and kept and os.access(place, os.W_OK | os.X_OK)
        above = next(one for one in place.absolute().parents if one.exists())
        return not place.exists() and above.is_dir() and os.access(above, os.W_OK | os.X_OK)
    except PermissionError:
        return False


class Claim:
    """The sole use of a world's directory by this process, until `release`.

    Raises TroubleError when the directory is not ours, or in use. `is_new` says whether there is no
    world in it.
    """

    def __init__(self, directory: Path) -> None:
        self.files = Files(directory.resolve())
        place = self.files.directory
        if not (place / MARK).exists() and place.exists() and _holds_others(place):
            raise TroubleError(
                f"{directory} holds files that `run` did not make, and they are left alone: "
                "choose another place with --dir, or move them away."
            )
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._mark = (place / MARK).open("a")
        except OSError as error:
            raise TroubleError(
                f"{directory} can't be written ({reason(error)}): choose another place with --dir."
            ) from None
        try:
            fcntl.flock(self._mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._mark.close()
            raise TroubleError(
                f"Another run uses {directory}: stop it first, or choose another place with --dir."
            ) from None
        place.chmod(0o700)
        self.is_new = not self.files.env.exists()

    @property
    def can_go_on(self) -> bool:
        """Whether the old world is there with its clinic."""
        return not self.is_new and self.files.sandbox_state.exists()

    def clear(self) -> None:
        """Remove the old world: only what `run` makes."""
        for name in MADE:
            made = self.files.directory / name
            if made.is_dir() and not made.is_symlink():
                shutil.rmtree(made)
            else:
                made.unlink(missing_ok=True)
        self.is_new = True

    def release(self) -> None:
        """Let others use the directory."""
        self._mark.close()


def _holds_others(place: Path) -> bool:
    """Whether a directory holds anything but worlds in directories of their own."""
    return any(not (found / MARK).exists() for found in place.iterdir())


def new_secrets() -> dict[str, str]:
    """Fresh secrets of a world, by the name of their setting."""
    made = {name: secrets.token_urlsafe(32) for name in SECRETS}
    made["ENCRYPTION_KEYS"] = Fernet.generate_key().decode()
    return made


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    draft = path.with_name(path.name + ".part")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def env_text(environment: Mapping[str, str]) -> str:
    """The environment as a file that `--env` reads and a shell can source."""
    head = "# Made by `drchrono-oncall run` for its sandbox; of no use anywhere else.\n"
    return head + "".join(f"{name}={value}\n" for name, value in sorted(environment.items()))
