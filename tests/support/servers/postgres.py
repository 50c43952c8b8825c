"""Make databases on the tests' PostgreSQL, found by the directory of its socket."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg


def create(server: str, name: str, template: str = "template1") -> str:
    """Make a database as the template is; returns its address. Nobody may be connected to that."""
    # As files: what CREATE DATABASE does else (WAL_LOG) takes twice the time.
    _do(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    return f"postgresql+psycopg://postgres@/{name}?host={server}"


@contextmanager
def fresh(server: str, template: str = "template1") -> Iterator[str]:
    """The address of a new database, which is dropped at the end."""
    name = f"sync_{uuid4().hex}"
    yield create(server, name, template)
    _do(server, f"DROP DATABASE {name} WITH (FORCE)")


def _do(server: str, statement: str) -> None:
    admin = f"postgresql://postgres@/postgres?host={server}"
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(statement)
