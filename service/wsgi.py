"""What gunicorn serves: `service.wsgi:app()`."""

from flask import Flask

from service.app import create_app
from service.missed import Missed
from sync import log
from sync.config import load_settings
from sync.engine import context
from workers.bell import Bell


def app() -> Flask:
    """The app of this process, built from the environment.

    Raises pydantic's ValidationError or ValueError when a setting is missing or unusable. Neither
    the database nor Redis has to be there yet.
    """
    settings = load_settings()
    log.configure(settings.log_level, role="web")
    sync = context.build(settings, owner=context.owner_name("web"))
    missed = Missed(sync)
    missed.start()
    # Gunicorn's socket is open by now: what was sent before found nobody, what comes waits in it.
    missed.ask()
    return create_app(sync, Bell(settings.redis_url), missed.ask)
