"""What gunicorn serves: `service.wsgi:app()`."""

import sys

from flask import Flask
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from sqlalchemy.exc import SQLAlchemyError

from service.app import create_app
from service.missed import Missed
from sync import log
from sync.config import load_settings
from sync.engine import context
from sync.engine.context import Sync
from workers.bell import Bell


def app() -> Flask:
    """The app of this process, built from the environment.

    Raises pydantic's ValidationError or ValueError when a setting is missing or unusable. Neither
    the database nor Redis has to be there yet.
    """
    settings = load_settings()
    log.configure(settings.log_level, role="web")
    sync = context.build(settings, owner=context.owner_name("web"))
    _refuse_misfit(sync)
    missed = Missed(sync)
    missed.start()
    # Gunicorn's socket is open by now: what was sent before found nobody, what comes waits in it.
    missed.ask()
    return create_app(sync, Bell(settings.redis_url), missed.ask)


def _refuse_misfit(sync: Sync) -> None:
    """End this process when the database is there and it does not belong to it."""
    try:
        trouble = sync.misfit(account=False)
    except SQLAlchemyError:
        return  # it is asked again with each webhook
    if trouble is not None:
        print(trouble, file=sys.stderr)
        # Gunicorn's own code for an app that can't be loaded: it ends, and does not try for ever.
        sys.exit(Arbiter.APP_LOAD_ERROR)
