"""Import what the processes under test import, once, for all that are forked."""

import gc

import gunicorn.app.wsgiapp
import psycopg

import cli.main
import service.app
import service.ops_app
import service.two_apps
import tests.support.servers.gate_world
import workers.beat
import workers.entry

__all__ = ["cli", "gunicorn", "psycopg", "service", "tests", "workers"]

# To the end: a search for garbage would copy each page that a fork shares with its server.
gc.collect()
gc.freeze()
