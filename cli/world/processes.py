"""Start one process of the service, by hand or by a platform: one command for each."""

import json
import os
import socket
import sys
from contextlib import closing
from datetime import timedelta

import click
import requests

from cli.environment import EMBEDDED_REDIS, database_told, settings
from cli.output import TroubleError
from cli.world import embedded
from sync.hosting import reason
from sync.settings_read import load_settings, missing_settings

HEARD_WITHIN = timedelta(seconds=60)


@click.command()
def web() -> None:
    """Serve the webhooks, OAuth, health and metrics (gunicorn).

    \b
    Example:
      PORT=8000 drchrono-oncall web
    """
    _ready()
    from gunicorn import __main__ as program  # type: ignore[import-untyped]

    # As `python -m gunicorn` with these arguments, in this process: half of what a start costs is
    # to load what is loaded by now. Gunicorn itself reads them again when it is told to reload.
    sys.argv = [program.__file__, "-c", "python:service.server.gunicorn_conf", "service.wsgi:app()"]
    program.run(prog="gunicorn")


@click.command()
def worker() -> None:
    """Do the work: read both systems and write what differs. Start as many as you like.

    \b
    Example:
      drchrono-oncall worker
    """
    _ready()
    from workers import entry

    entry.main()


@click.command()
def beat() -> None:
    """Ring what is due, catch up, keep the books. One is enough; two do no harm.

    \b
    Example:
      drchrono-oncall beat
    """
    _ready()
    from workers import beat as beating

    beating.main()


@click.command()
def migrate() -> None:
    """Bring the database to this version's tables. Safe to run again.

    \b
    Example:
      DATABASE_URL=postgresql://… drchrono-oncall migrate
    """
    from sync.store.database import Store

    with database_told(), closing(Store(settings().database_url)) as store:
        store.migrate()
    click.echo("The database is up to date.")


@click.command()
@click.argument("process", type=click.Choice(["web", "worker", "beat"]))
@click.option("--json", "as_json", is_flag=True, help="Say it as JSON.")
def healthcheck(process: str, as_json: bool) -> None:
    """Tell by the exit code whether PROCESS is well on this host (for containers).

    \b
    Example:
      drchrono-oncall healthcheck worker
    """
    well, detail = _web_is_well() if process == "web" else _was_heard(process)
    if as_json:
        click.echo(json.dumps({"process": process, "ok": well, "detail": detail}))
    else:
        click.echo(f"{process}: {detail}")
    sys.exit(0 if well else 1)


def _web_is_well() -> tuple[bool, str]:
    found = settings()
    try:
        answer = requests.get(f"http://{_reached_at(found.host)}:{found.port}/livez", timeout=3)
    except requests.RequestException as error:
        return False, f"nothing answers on port {found.port} ({type(error).__name__})"
    return answer.ok, f"/livez answers {answer.status_code}"


def _reached_at(host: str) -> str:
    """Where this host reaches what listens on HOST: on every address is on its own too."""
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104 - nothing is bound here
        return "[::1]" if host == "::" else "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _was_heard(role: str) -> tuple[bool, str]:
    from sync.store.clock import DatabaseClock
    from sync.store.database import Store
    from sync.store.tables import journal

    clock = DatabaseClock()
    with (
        database_told(),
        closing(Store(settings().database_url)) as store,
        store.read() as conn,
    ):
        clock.measure(conn)
        now = clock()
        heard = journal.heard(conn, now - HEARD_WITHIN)
    host = socket.gethostname()[:40]  # as much of it as process names hold
    ages = [(now - at).total_seconds() for name, its, at in heard if its == role and host in name]
    if not ages:
        return False, f"no heartbeat from this host in the last {HEARD_WITHIN.seconds} s"
    return True, f"heard of {min(ages):.0f} s ago"


def _ready() -> None:
    """Refuse to begin with settings that a process can't work with: no retry would mend them."""
    found = settings()
    missing = missing_settings(found)
    if missing:
        raise TroubleError(missing)
    _ensure_redis(found.redis_url)


def _ensure_redis(redis_url: str) -> None:
    """Without REDIS_URL, share the embedded Redis of this directory and tell our own settings."""
    if redis_url:
        return
    try:
        os.environ["REDIS_URL"] = embedded.share(EMBEDDED_REDIS)
    except (embedded.NoEmbeddedRedisError, TimeoutError) as error:
        raise TroubleError(str(error)) from None
    except OSError as error:
        raise TroubleError(
            f"{EMBEDDED_REDIS} can't hold a Redis of our own ({reason(error)}): set REDIS_URL to a "
            f"Redis, or give user {os.getuid()} that directory."
        ) from None
    load_settings.cache_clear()
