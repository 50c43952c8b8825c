"""Answer what tests and operators ask of the sandbox itself, such as time, faults and webhooks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.answers import Json, Outcome, json_answer
from sandbox.larger import MOST_DOCTORS
from sandbox.trouble import faults
from sandbox.world import Seed

if TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response

    from sandbox.remote import Remote

PREFIX = "/_sandbox/"
SEEDS = ("clinic", "empty")


class ControlError(Exception):
    """A control call that makes no sense; answered 400 with the reason."""


def only(body: Json, *names: str) -> None:
    """Refuse keys that mean nothing, so that a typing error can't pass for a setting."""
    unknown = sorted(set(body) - set(names))
    if unknown:
        raise ControlError(f"unknown key: {', '.join(unknown)}; known: {', '.join(names)}")


def need(body: Json, name: str) -> Any:
    """A key that must be there."""
    if name not in body:
        raise ControlError(f"{name} is missing")
    return body[name]


class Controlled:
    """A remote behind the control calls that no vendor offers; `other` is in this process too."""

    def __init__(self, remote: Remote, other: Remote) -> None:
        self._remote = remote
        self._other = other

    def outcome(self, request: Request) -> Outcome:
        """Answer one request: a control call here, all others by the remote."""
        if request.path.startswith(PREFIX):
            return Outcome(answer(self._remote, self._other, request))
        return self._remote.outcome(request)


def answer(remote: Remote, other: Remote, request: Request) -> Response:
    """Answer one control call to `remote`."""
    name = request.path.removeprefix(PREFIX)
    try:
        if request.method == "GET":
            if name == "wait":
                return _wait(remote, other, request)
            return _read(remote, name, request)
        if request.method == "POST":
            return _command(remote, name, request)
    except (ControlError, ValueError, TypeError) as error:
        return json_answer({"error": str(error)}, 400)
    return json_answer({"error": "GET or POST"}, 405)


def _wait(remote: Remote, other: Remote, request: Request) -> Response:
    """Wait for one, or with `both` for one after the other: tests ask it more than all else.

    Outside the lock, or nothing would ever get idle.
    """
    args = request.args.to_dict()
    only(args, "webhooks_idle", "timeout", "both")
    seconds = float(args.get("timeout", "10"))
    waited = (remote, other) if args.get("both") == "1" else (remote,)
    busy = [one.name for one in waited if not one.courier.wait_idle(seconds)]
    return json_answer({"idle": not busy, "busy": busy})


def _read(remote: Remote, name: str, request: Request) -> Response:
    args = request.args
    if name == "calls":
        only(args.to_dict(), "actor", "since")
        listed = remote.calls.listed(args.get("actor"), int(args.get("since", "0")))
        return json_answer(listed)
    if name == "webhooks":
        return json_answer(remote.courier.described())
    with remote.lock:
        if name == "state":
            return json_answer(_state(remote))
        readings = remote.readings()
        if name in readings:
            return json_answer(readings[name](args))
    return _unknown(["calls", "state", "wait", "webhooks", *readings])


def _state(remote: Remote) -> Json:
    return {
        "remote": remote.name,
        "now": remote.clock.iso(),
        "behaviours": remote.behaviours.values,
        "faults": remote.faults.described(),
        **remote.described(),
    }


def _command(remote: Remote, name: str, request: Request) -> Response:
    raw = request.get_data()
    body = json.loads(raw) if raw else {}
    if not isinstance(body, dict):
        raise ControlError("send one JSON object")
    common = {
        "reset": _reset,
        "save": _save,
        "restore": _restore,
        "faults": _faults,
        "release": _release,
        "time": _time,
    }
    if name in common:
        with remote.lock:
            return json_answer(common[name](remote, body))
    commands = remote.commands()
    if name in commands:
        return json_answer(commands[name](body))
    return _unknown([*common, *commands])


def _unknown(names: list[str]) -> Response:
    return json_answer({"error": f"there are: {', '.join(sorted(names))}"}, 404)


def _reset(remote: Remote, body: Json) -> Json:
    only(body, "seed", "number", "doctors", "keep_webhooks")
    name = body.get("seed", "clinic")
    if name not in SEEDS:
        raise ControlError(f"seed is one of: {', '.join(SEEDS)}")
    doctors = body.get("doctors")
    if doctors is not None and not 1 <= int(doctors) <= MOST_DOCTORS:
        raise ControlError(f"doctors is from 1 to {MOST_DOCTORS}")
    seed = Seed(name, int(body.get("number", 1)), None if doctors is None else int(doctors))
    remote.reset(seed, keep_webhooks=bool(body.get("keep_webhooks", False)))
    return {"seed": seed.name, "number": seed.number, "doctors": seed.doctors}


def _save(remote: Remote, body: Json) -> Json:
    """Remember the world as it is now under a name, until the process ends."""
    only(body, "name")
    name = str(need(body, "name"))
    remote.saves[name] = json.dumps(remote.state())
    return {"name": name}


def _restore(remote: Remote, body: Json) -> Json:
    """Go back to a world that was saved, on the real clock and without faults."""
    only(body, "name")
    name = str(need(body, "name"))
    if name not in remote.saves:
        raise ControlError(f"nothing was saved as {name}")
    remote.clock.offset = 0.0
    remote.restore(json.loads(remote.saves[name]))
    return {"name": name}


def _faults(remote: Remote, body: Json) -> Json:
    only(body, "behaviours", "faults", "webhooks", "clear")
    if body.get("clear"):
        remote.faults.clear()
        remote.behaviours.reset()
        remote.courier.set_mode("deliver", None, None)
    # All are read before any is set: a bad one changes nothing.
    new = [faults.parse(raw) for raw in body.get("faults", [])]
    mode = body.get("webhooks")
    if mode is not None:
        only(mode, "mode", "times", "seconds")
        remote.courier.set_mode(mode.get("mode", ""), mode.get("times"), mode.get("seconds"))
    remote.behaviours.set(body.get("behaviours", {}))
    remote.faults.add(new)
    return {"behaviours": remote.behaviours.values, "faults": remote.faults.described()}


def _release(remote: Remote, body: Json) -> Json:
    only(body, "order")
    return {"released": remote.courier.release(body.get("order", "forward"))}


def _time(remote: Remote, body: Json) -> Json:
    only(body, "offset_seconds")
    remote.clock.offset = float(need(body, "offset_seconds"))
    return {"now": remote.clock.iso()}
