"""Check the machine: a disk that lasts, and rights to our own files.

On a platform whose disk is thrown away with the process, or is another one for each process,
SQLite and a Redis of one's own lose what was answered with 2xx.
"""

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

# Variables that platforms set for what they run, as their documentation names them.
_PLATFORMS: Final = (
    ("DYNO", "Heroku"),
    ("RENDER", "Render"),
    ("FLY_APP_NAME", "Fly.io"),
    ("FLY_MACHINE_ID", "Fly.io"),
    ("K_SERVICE", "Cloud Run"),
    ("CLOUD_RUN_JOB", "Cloud Run"),
    ("CLOUD_RUN_WORKER_POOL", "Cloud Run"),
    ("GAE_SERVICE", "App Engine"),
    ("WEBSITE_INSTANCE_ID", "Azure App Service"),
    ("CONTAINER_APP_NAME", "Azure Container Apps"),
    ("ECS_CONTAINER_METADATA_URI", "Amazon ECS"),
    ("ECS_CONTAINER_METADATA_URI_V4", "Amazon ECS"),
    ("AWS_LAMBDA_FUNCTION_NAME", "AWS Lambda"),
    ("VCAP_APPLICATION", "Cloud Foundry"),
    ("CNB_STACK_ID", "a buildpack's platform"),
    ("NF_PROJECT_ID", "Northflank"),
    ("KOYEB_APP_NAME", "Koyeb"),
    ("PLATFORM_APPLICATION_NAME", "Upsun"),
    ("VERCEL", "Vercel"),
    ("NOMAD_ALLOC_ID", "Nomad"),
    ("MESOS_TASK_ID", "Mesos"),
    ("KUBERNETES_SERVICE_HOST", "Kubernetes"),
)
_PREFIXES: Final = (("RAILWAY_", "Railway"), ("SCALINGO_", "Scalingo"))
OVERRIDE: Final = "PERSISTENT_DISK"


def platform(environ: Mapping[str, str]) -> str | None:
    """The platform that runs this process, by the variables it sets; None where there is none."""
    for name, told in _PLATFORMS:
        if environ.get(name):
            return told
    for prefix, told in _PREFIXES:
        if any(name.startswith(prefix) and value for name, value in environ.items()):
            return told
    return None


def lost_with_the_disk(
    environ: Mapping[str, str], *, database_url: str, redis_url: str
) -> dict[str, str]:
    """What to say of DATABASE_URL and REDIS_URL where files of our own do not last."""
    where = platform(environ)
    if where is None:
        return {}
    why = (
        f"on {where} files of our own are lost with each restart, and no other process sees them: "
        "set {0}, or " + f"{OVERRIDE}=yes where all processes share one disk that lasts"
    )
    found = {}
    if database_url.startswith("sqlite"):
        found["DATABASE_URL"] = why.format("it to a PostgreSQL")
    if not redis_url:
        found["REDIS_URL"] = why.format("it to a Redis")
    return found


def sqlite_file(database_url: str) -> Path | None:
    """The file of an SQLite address; None for another database or one in memory."""
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database or ":memory:" in url.database:
        return None
    return Path(url.database)


def place_problem(file: Path) -> str | None:
    """Why SQLite can't keep its database in that file, and what to do; None when it can.

    Looks only: nothing is made.
    """
    if file.is_dir():
        return "names a directory: name a file in it"
    if file.exists():
        if os.access(file, os.R_OK | os.W_OK) and os.access(file.parent, os.W_OK | os.X_OK):
            return None
        return f"names a file that user {os.getuid()} can't write, or whose directory is read-only"
    above = file.parent
    while not above.exists() and above != above.parent:
        above = above.parent
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
        return None
    return (
        f"names a file in a directory that user {os.getuid()} can't make or write: give it one, or "
        "set DATABASE_URL to a PostgreSQL"
    )


class PlaceError(Exception):
    """A file of ours can't be made where it should be; the text says why, without its name."""


def make_private(file: Path) -> None:
    """Make the file, and the directories above it, so that only this user can read it.

    One that is there already is closed to others if it is ours. Raises PlaceError.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise PlaceError(place_problem(file) or f"can't be used: {reason(error)}") from None
    for one in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
        close_to_others(one)


def close_to_others(path: Path) -> None:
    """Take away what rights others have on a file of ours."""
    try:
        found = path.stat()
        if found.st_uid == os.getuid() and found.st_mode & 0o077:
            path.chmod(found.st_mode & 0o700)
    except FileNotFoundError:
        return
    except OSError as error:
        # A mount that knows no rights (CIFS, some volumes): nothing to take away there.
        if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.EROFS, errno.ENOSYS}:
            raise


def reason(error: OSError) -> str:
    """What the system says of a failure, without the file's name."""
    return os.strerror(error.errno) if error.errno else type(error).__name__
