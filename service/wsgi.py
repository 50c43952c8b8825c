"""Define what gunicorn serves: `service.wsgi:app()`, two apps with the parts that both use."""

import sys

from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from sqlalchemy.exc import SQLAlchemyError
from structlog import get_logger

from service.app import create_app
from service.doors import Doors
from service.missed import Missed
from service.ops_app import create_ops_app
from service.two_apps import TwoApps
from sync import assemble, log
from sync.config import Settings
from sync.log import cause
from sync.runtime import Sync
from sync.settings_read import WrongSettingsError, load_settings, missing_settings
from sync.store.trouble import NO_TABLES
from workers.bell import Bell

BOOT_ERROR = 3  # gunicorn ends when a worker ends with it, instead of trying for ever


def told_settings() -> Settings:
    """The settings; ends the process with the list of those that can't be used."""
    try:
        settings = load_settings()
        wrong = missing_settings(settings)
    except WrongSettingsError as error:
        wrong = str(error)
    if wrong:
        sys.stderr.write(f"{wrong}\n")
        raise SystemExit(BOOT_ERROR)
    return settings


def app() -> TwoApps:
    """The apps of this process, built from the environment.

    Ends the process, and gunicorn with it, when a setting is missing or unusable: no further try
    would mend that. Neither the database nor Redis has to be there yet.
    """
    settings = told_settings()
    log.configure(settings.log_level, role="web")
    try:
        sync = assemble.build(settings, owner=assemble.owner_name("web"))
    except Exception as error:  # noqa: BLE001 - see below
        # Gunicorn prints an exception's own text, which can hold a piece of a setting.
        get_logger(__name__).critical("web can't begin; see drchrono-oncall check", **cause(error))
        raise SystemExit(BOOT_ERROR) from None
    _refuse_misfit(sync)
    missed = Missed(sync)
    missed.start()
    # Gunicorn's socket is open by now: what was sent before found nobody, what comes waits in it.
    missed.ask()
    doors = Doors.of(sync, Bell(settings.redis_url), missed.ask)
    on_web = settings.ops_on_web
    return TwoApps(create_app(doors), create_ops_app(doors, on_web=on_web), on_web=on_web)


def _refuse_misfit(sync: Sync) -> None:
    """End this process when the database is there and it does not belong to it."""
    try:
        trouble = sync.misfit(account=False)
    except SQLAlchemyError:
        return  # it is asked again with each webhook
    if trouble == NO_TABLES:
        get_logger(__name__).warning("the database has no tables yet")
        return  # webhooks get 503 until somebody has migrated, and /readyz says so
    if trouble is not None:
        print(trouble, file=sys.stderr)
        # Gunicorn's own code for an app that can't be loaded: it ends, and does not try for ever.
        sys.exit(Arbiter.APP_LOAD_ERROR)
