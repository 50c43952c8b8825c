"""Take the webhooks of both systems: check the caller, then the body, then store the hint.

Nothing remote is called here, and 2xx is answered only after the commit (docs/rules.md, R3).
"""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeAlias

from flask import Blueprint, Request, Response, request
from structlog import get_logger
from structlog.contextvars import bind_contextvars

from service.doors import Doors, one_of, read_body
from service.errors import problem
from sync.intake import bodies
from sync.intake.sightings import Receipt
from sync.intake.webhooks import Intake
from sync.store.trouble import NO_TABLES, of_the_database

log = get_logger(__name__)

TakeIn: TypeAlias = Callable[[dict[str, Any]], Receipt]
# What says which object an event is about, in the bodies of both systems.
_ID_KEYS: Final = ("id", "appointment", "event", "url")


def blueprint(doors: Doors) -> Blueprint:
    """The routes under /webhooks."""
    routes = Blueprint("webhooks", __name__, url_prefix="/webhooks")
    intake = Intake(doors.sync, doors.bell.ring)

    @routes.get("/drchrono")
    def drchrono_handshake() -> Response:
        answer = handshake(request, doors.sync.settings.webhook_secrets)
        if answer.status_code == 200:
            doors.noted.handshake(request.args["msg"])
        return answer

    @routes.post("/drchrono")
    def drchrono() -> Response:
        return _Caller(doors, intake, "drchrono").drchrono(request)

    @routes.post("/oncall/<token>")
    def oncall_by_path(token: str) -> Response:
        return _Caller(doors, intake, "oncall").oncall(request, token)

    @routes.post("/oncall")
    def oncall_by_password() -> Response:
        return _Caller(doors, intake, "oncall").oncall(request, _password(request))

    return routes


def _password(asked: Request) -> str:
    """The password of Basic; "" where none is given, or none that can be read."""
    try:
        given = asked.authorization
    except ValueError:
        return ""  # of letters that are no ASCII werkzeug lets base64's own error pass
    return (given.password or "") if given is not None and given.type == "basic" else ""


def handshake(asked: Request, secrets: tuple[str, ...]) -> Response:
    """Prove to DrChrono that this address is ours.

    It sends `msg` and expects `{"secret_token": hex HMAC-SHA256 of it}` under the webhook's secret
    (docs/api-facts.md, D56). With several secrets the first one answers.
    """
    msg = asked.args.get("msg")
    if not msg:
        return problem(400, "msg", "the parameter msg is missing")
    if not secrets:
        return problem(503, "not_configured", "DRCHRONO_WEBHOOK_SECRETS is not set here")
    digest = hmac.new(secrets[0].encode(), msg.encode(), hashlib.sha256).hexdigest()
    return Response(json.dumps({"secret_token": digest}), mimetype="application/json")


class _Caller:
    """One webhook call from one system, from the door to the answer."""

    def __init__(self, doors: Doors, intake: Intake, source: str) -> None:
        self._doors = doors
        self._intake = intake
        self._source = source

    def drchrono(self, call: Request) -> Response:
        """PING, then secret, and only then the body: size, JSON, event, id."""
        event = call.headers.get("X-drchrono-event", "")
        if event.upper() == "PING":
            # It also comes unsigned and with an empty body (D63): it proves nothing, does nothing.
            return _done()
        # The header is the secret itself, not a signature of the body (D57).
        signature = call.headers.get("X-drchrono-signature", "")
        if not self._knows(signature, self._doors.sync.settings.webhook_secrets):
            if event:  # else it is nobody who means DrChrono's address
                self._doors.noted.refused(self._source)
            return self._refuse(401, "secret", "the secret is missing or wrong")
        payload = self._json(read_body(call))
        if isinstance(payload, Response):
            return payload
        payload.pop("receiver", None)  # it carries the secret in clear
        which = self._which(signature, self._doors.sync.settings.webhook_secrets)
        return self._received(
            lambda body: self._intake.drchrono(
                event=event,
                delivery_id=call.headers.get("X-drchrono-delivery"),
                payload=body,
                credential=which,
            ),
            payload,
            self._doors.sync.settings.webhook_secrets[which],
        )

    def oncall(self, call: Request, token: str) -> Response:
        """Secret, and only then the body: size, JSON, event, id."""
        if not self._knows(token, self._doors.sync.settings.webhook_tokens):
            self._doors.noted.refused(self._source)
            refusal = self._refuse(401, "secret", "the token is missing or wrong")
            refusal.headers["WWW-Authenticate"] = 'Basic realm="webhooks"'
            return refusal
        payload = self._json(read_body(call))
        if isinstance(payload, Response):
            return payload
        which = self._which(token, self._doors.sync.settings.webhook_tokens)
        return self._received(
            lambda body: self._intake.oncall(payload=body, credential=which),
            payload,
            self._doors.sync.settings.webhook_tokens[which],
        )

    def _knows(self, given: str, secrets: tuple[str, ...]) -> bool:
        # Header bytes come decoded as Latin-1, path and password as UTF-8; any text must compare.
        encodings = (given.encode(), given.encode("latin-1", "replace"))
        known = [one_of(form, secrets) for form in encodings]
        return any(known)

    def _which(self, given: str, secrets: tuple[str, ...]) -> int:
        """Which of the active secrets was given: each has its own allowance of unknown ids."""
        return next((n for n, one in enumerate(secrets) if self._knows(given, (one,))), 0)

    def _json(self, body: bytes | None) -> dict[str, Any] | Response:
        if body is None:
            refusal = self._refuse(413, "too_large", "the body is larger than 1 MiB")
            refusal.headers["Connection"] = "close"
            return refusal
        try:
            payload = json.loads(body, parse_constant=_no_number)
        except (ValueError, RecursionError):
            return self._refuse(400, "not_json", "the body is not JSON")
        # Any other JSON has no id: whether that matters depends on the event.
        return payload if isinstance(payload, dict) else {}

    def _received(self, take_in: TakeIn, payload: dict[str, Any], secret: str) -> Response:
        try:
            wrong = self._doors.sync.misfit(account=False)
            if wrong is not None:
                return self._not_now(wrong)
            receipt = self._taken_in(take_in, payload)
        except bodies.UnusableError:
            return self._refuse(422, "no_id", "this event needs the id of an object")
        except Exception as error:
            if of_the_database(error):
                self._doors.missed()
            raise
        self._doors.noted.event(self._source, secret)
        bind_contextvars(source=self._source, outcome=receipt.outcome)  # for the request's line
        return _done()

    def _taken_in(self, take_in: TakeIn, payload: dict[str, Any]) -> Receipt:
        """What the engine makes of it; of a body on which its reading breaks, only the id is said.

        That is still a hint: what is so is read from the remote.
        """
        try:
            return take_in(payload)
        except bodies.UnusableError:
            raise
        except Exception as error:
            if of_the_database(error):
                raise
            log.exception("a body could not be read; its id is taken", source=self._source)
            return take_in(_id_alone(payload))

    def _not_now(self, wrong: str) -> Response:
        """Take nothing in: what a wrong process would store can't be compared; it comes again."""
        self._doors.missed()
        if wrong == NO_TABLES:
            return self._refuse(503, "database", "the database has no tables yet; send it again")
        return self._refuse(503, "misfit", "this process does not belong to its database")

    def _refuse(self, status: int, reason: str, detail: str) -> Response:
        self._doors.refuse(self._source, reason)
        log.warning("a webhook was refused", source=self._source, reason=reason, status=status)
        return problem(status, reason, detail)


def _done() -> Response:
    return Response(status=204)


def _id_alone(payload: dict[str, Any]) -> dict[str, Any]:
    inner = payload.get("object")
    body = inner if isinstance(inner, dict) else payload
    return {key: body[key] for key in _ID_KEYS if key in body}


def _no_number(_word: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads though they are no JSON (L17)."""
    raise ValueError("not a number")
