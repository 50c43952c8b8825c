"""Answer three questions of health: does it run, can it take webhooks, does all of it work."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import InvalidToken
from flask import Blueprint, Response, jsonify
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from service.doors import Doors
from service.errors import problem
from sync.drchrono.keeper import ConnectionState
from sync.run.evidence import accounts
from sync.store.database import is_read_only
from sync.store.tables import journal
from sync.store.trouble import NO_TABLES, sentence

_LATELY = timedelta(seconds=60)
_ROLES = ("worker", "beat")
MISFIT = "this process does not belong to its database: see drchrono-oncall check"


def of_the_door(doors: Doors) -> Blueprint:
    """/livez and /readyz, for what starts this process and sends it requests."""
    routes = Blueprint("readiness", __name__)

    @routes.get("/livez")
    def livez() -> Response:
        return jsonify(status="ok")

    @routes.get("/readyz")
    def readyz() -> Response:
        trouble = _database(doors)
        if trouble is not None:
            return problem(503, "database", f"{trouble}; webhooks get 503")
        if not _belongs(doors):
            return problem(503, "misfit", MISFIT)
        return jsonify(status="ok")

    return routes


def of_the_whole(doors: Doors, may_see: Callable[[], bool]) -> Blueprint:
    """/healthz; who may not see the parts is told only whether all is well."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def healthz() -> Response:
        parts = _parts(doors)
        up = all(part["ok"] for part in parts.values())
        status = "ok" if up else "down"
        response = jsonify(status=status, parts=parts) if may_see() else jsonify(status=status)
        response.status_code = 200 if up else 503
        return response

    return routes


def _parts(doors: Doors) -> dict[str, dict[str, Any]]:
    """Each part: `ok`, and in `detail` what an operator would ask next."""
    parts: dict[str, dict[str, Any]] = {
        "database": _part(_database(doors)),
        "redis": _part(doors.bell.trouble()),
    }
    if parts["database"]["ok"]:
        if not _belongs(doors):
            parts["installation"] = {"ok": False, "detail": MISFIT}
            return parts  # nothing that is stored can be read
        parts |= _processes(doors)
        parts["token"] = _token(doors)
        parts["account"] = _account(doors)
    return parts


def _token(doors: Doors) -> dict[str, Any]:
    try:
        state = doors.sync.keeper.status().state
    except InvalidToken:
        return {"ok": False, "detail": "none of ENCRYPTION_KEYS opens the stored token"}
    return {"ok": state is ConnectionState.GOOD, "detail": str(state)}


def _account(doors: Doors) -> dict[str, Any]:
    with doors.sync.store.read() as conn:
        wrong = accounts.wrong(conn, doors.sync)
    if wrong:
        return {"ok": False, "detail": f"wrong account: {', '.join(wrong)}"}
    return {"ok": True}


def _part(trouble: str | None) -> dict[str, Any]:
    return {"ok": True} if trouble is None else {"ok": False, "detail": trouble}


def _database(doors: Doors) -> str | None:
    """What keeps a webhook from being stored, tried with a write: a standby answers every read."""
    try:
        doors.sync.store.try_write()
    except SQLAlchemyError as error:
        if is_read_only(error):
            return "the database takes no writes: it is a standby, or was made read-only"
        if isinstance(error, DBAPIError) and sentence(error) == NO_TABLES:
            return "the database has no tables: drchrono-oncall migrate makes them"
        return "the database can't be used"
    return None


def _belongs(doors: Doors) -> bool:
    """Whether the tables and the keys are this process's; asked anew every few seconds."""
    try:
        return doors.sync.misfit(account=False) is None
    except SQLAlchemyError:
        return False


def _processes(doors: Doors) -> dict[str, dict[str, Any]]:
    now = doors.sync.clock()
    with doors.sync.store.read() as conn:
        heard = journal.heard(conn, now - _LATELY)
    return {role: _role(role, heard, now) for role in _ROLES}


def _role(role: str, heard: list[tuple[str, str, datetime]], now: datetime) -> dict[str, Any]:
    ages = {name: round((now - at).total_seconds(), 1) for name, its, at in heard if its == role}
    if not ages:
        return {"ok": False, "detail": "none was heard of in the last 60 seconds"}
    return {"ok": True, "seconds_ago": ages}
