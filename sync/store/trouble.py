"""Say what to do about an error of the database, in a sentence without its own text.

The text can hold the address with its user, and values of a statement; it is looked at, not shown.
"""

from typing import Final

from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError, StatementError

NO_TABLES: Final = "The database has no tables yet. Make them with: drchrono-oncall migrate"

# By PostgreSQL's SQLSTATE (its documentation, appendix A).
_STATES: Final = {
    "42P01": NO_TABLES,
    "28P01": "The database does not take the user and password of DATABASE_URL.",
    "28000": "The database does not let the user of DATABASE_URL in: look at its pg_hba.conf.",
    "3D000": "The database that DATABASE_URL names is not there: make it with CREATE DATABASE.",
    "3F000": "The database has no schema public: make one, or set the user's search_path.",
    "53300": "The database takes no more connections: raise its limit, or start fewer processes.",
    "25006": "The database is read-only: DATABASE_URL must lead to the primary.",
    "57014": "The database stopped a statement of ours: raise its statement_timeout for our user.",
    "57P03": "The database is not ready yet: it is starting, or a standby that is not promoted.",
    "53100": "The database has no room left on its disk.",
}
# Until version 14 every user could make tables in public; since 15 that is granted (release notes).
_MAY_NOT_CREATE: Final = (
    "The user of DATABASE_URL may not make tables in the schema public. As a superuser, connected "
    "to that database: GRANT CREATE ON SCHEMA public TO that user, or ALTER DATABASE its name "
    "OWNER TO that user. Then: drchrono-oncall migrate"
)
_MAY_NOT: Final = (
    "The user of DATABASE_URL lacks a right on our tables: let the user that ran migrate own them, "
    "or grant it."
)
# By words of SQLite's and libpq's messages, which carry no code when there is no connection.
_WORDS: Final = (
    (("no such table",), NO_TABLES),
    (("readonly database",), "The database file may not be written: look at its owner and rights."),
    (
        ("unable to open database file",),
        "The database file can't be opened: look at the directory in DATABASE_URL and its rights.",
    ),
    (("disk is full", "disk full"), "The database has no room left on its disk."),
    (("password authentication failed", "no password supplied"), _STATES["28P01"]),
    (("pg_hba.conf",), _STATES["28000"]),
    (("too many clients", "too many connections", "connection slots"), _STATES["53300"]),
    (("starting up", "not yet accepting", "recovery mode"), _STATES["57P03"]),
    (
        ("could not translate host", "failed to resolve", "name or service not known"),
        "The host that DATABASE_URL names is not known: look at its spelling.",
    ),
    (("certificate", "ssl error"), "TLS to the database failed: look at sslmode in DATABASE_URL."),
)
_AWAY: Final = "The database does not answer: look at DATABASE_URL and whether it is up."


def sentence(error: DBAPIError) -> str:
    """Say what is wrong and what to do about it."""
    state = getattr(error.orig, "sqlstate", None)
    words = str(error.orig).lower()
    if state == "42501":
        return _MAY_NOT_CREATE if "schema" in words else _MAY_NOT
    if state in _STATES:
        return _STATES[state]
    for signs, told in _WORDS:
        if any(sign in words for sign in signs):
            return told
    # psycopg gives a failed connection no code, and a database's name stands in quotes.
    if 'database "' in words and "does not exist" in words:
        return _STATES["3D000"]
    if error.connection_invalidated or type(error.orig).__name__ == "OperationalError":
        return _AWAY
    return f"The database refused ({type(error.orig).__name__}): look at its own log."


def lasts(error: BaseException) -> bool:
    """Whether a local database will go on refusing until a person has done something."""
    if not isinstance(error, DBAPIError):
        return False
    words = str(error.orig).lower()
    return "readonly database" in words or "unable to open database file" in words


def of_the_database(error: BaseException) -> bool:
    """Whether the database itself failed, and not on a value that it was given."""
    if not isinstance(error, SQLAlchemyError) or isinstance(error, DataError):
        return False
    # A statement's own error is one of making its values ready.
    return isinstance(error, DBAPIError) or not isinstance(error, StatementError)


def is_deadlock(error: BaseException) -> bool:
    """Whether PostgreSQL ended the transaction because two waited for each other."""
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    return state == "40P01"
