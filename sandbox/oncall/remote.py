"""Route a request to OnCall's endpoint, check its key, and give refusals their form."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from sandbox.answers import Call, Json, Refusal, json_answer
from sandbox.control import ControlError, need, only
from sandbox.oncall import appointments, contacts, providers
from sandbox.oncall import seed as planting
from sandbox.oncall.organisation import Organisation
from sandbox.oncall.switches import SWITCHES
from sandbox.remote import Command, Reading, Remote

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clock import Clock
    from sandbox.world import Seed

# One private key per organisation (O2); the others stand for people at OnCall's
# own pages, whose clicks are calls here.
KEYS = {
    "sandbox-oncall-key": "app",
    "sandbox-oncall-staff-key": "staff",
    "sandbox-oncall-patient-key": "patient",
}
MINUTE = 60


@dataclass(frozen=True)
class Endpoint:
    """What answers a path, and its methods (docs/api-facts.md, OnCall Health)."""

    run: Callable[..., Response]
    methods: tuple[str, ...]


LIST, SINGLE, READ = ("GET", "POST"), ("GET", "PATCH"), ("GET",)
# DELETE never appears: cancel, don't delete (O13).
PATHS: dict[str, Endpoint] = {
    "/appointments/": Endpoint(appointments.collection, LIST),
    "/appointments/<row_id>/": Endpoint(appointments.single, SINGLE),
    "/participants/<row_id>/": Endpoint(appointments.participant, SINGLE),
    "/contacts/": Endpoint(contacts.collection, LIST),
    "/contacts/<row_id>/": Endpoint(contacts.single, SINGLE),
    "/contacts/<row_id>/appointments/": Endpoint(contacts.visits, READ),
    "/providers/": Endpoint(providers.collection, READ),
    "/providers/<row_id>/": Endpoint(providers.single, READ),
}


class OnCall(Remote):
    """The OnCall of one organisation."""

    name = "oncall"

    def __init__(self, clock: Clock) -> None:
        # No retry is documented: a webhook is sent once (O40).
        super().__init__(clock, SWITCHES)
        self.organisation = Organisation(clock, self.behaviours, self.courier)
        self.another = Organisation(clock, self.behaviours, self.courier)
        planting.plant_another(self.another)
        self._minute = (0, 0)
        self._map = Map([Rule(path, endpoint=path, strict_slashes=False) for path in PATHS])

    def actor_of(self, request: Request) -> str:
        """By the key, with or without a prefix."""
        header = request.headers.get("Authorization", "")
        return KEYS.get(header.rpartition(" ")[2], "app")

    def check_limits(self, call: Call) -> None:
        """Calls per clock minute; whether there is a limit is unknown (O7)."""
        limit = self.behaviours.limit("limit_per_minute")
        if limit is None or call.actor != "app":
            return
        now = self.clock.seconds()
        minute, used = self._minute
        used = used if minute == int(now // MINUTE) else 0
        if used >= limit:
            left = MINUTE - now % MINUTE
            raise Refusal(429, self.throttled(left), {"Retry-After": str(int(left) + 1)})
        self._minute = (int(now // MINUTE), used + 1)

    def answer(self, call: Call) -> Response:
        """Route, check the key, run; refusals take the shape that is switched on."""
        try:
            return self._answer(call)
        except Refusal as refusal:
            return shaped(self.behaviours.word("error_shape"), refusal)

    def _answer(self, call: Call) -> Response:
        request = call.request
        try:
            pattern, arguments = self._map.bind_to_environ(request.environ).match()
        except HTTPException as error:
            raise Refusal(404, {"detail": "Not found."}) from error
        if not request.path.endswith("/"):
            # Always send the trailing slash (O1).
            if self.behaviours.word("no_slash") == "404":
                raise Refusal(404, {"detail": "Not found."})
            location = request.base_url + "/"
            query = request.query_string.decode("latin-1")
            return Response(status=301, headers={"Location": f"{location}?{query}".rstrip("?")})
        self._check_key(call)
        endpoint = PATHS[pattern]
        if request.method not in endpoint.methods:
            detail = f'Method "{request.method}" not allowed.'
            raise Refusal(405, {"detail": detail}, {"Allow": ", ".join(endpoint.methods)})
        other = call.actor == "app" and self.behaviours.word("key_of") == "another"
        return endpoint.run(self.another if other else self.organisation, call, **arguments)

    def _check_key(self, call: Call) -> None:
        """The key verbatim (O2); a prefix where it is switched on."""
        header = call.request.headers.get("Authorization", "")
        prefix = self.behaviours.word("key_prefix") if call.actor == "app" else ""
        if KEYS.get(header.removeprefix(prefix)) is None or not header.startswith(prefix):
            raise Refusal(401, {"detail": "Invalid key."})

    def throttled(self, seconds: float) -> Json:
        """The body of a 429, in the common form; OnCall's is unknown (O7)."""
        return {"detail": f"Request was throttled. Expected available in {int(seconds)} seconds."}

    def empty_list(self) -> Json:
        """A list without entries (O3)."""
        return {"count": 0, "next": None, "previous": None, "results": []}

    def plant(self, seed: Seed, *, keep_webhooks: bool) -> None:
        """A new organisation."""
        webhook = self.organisation.webhook if keep_webhooks else None
        self.organisation.clear()
        self.organisation.webhook = webhook
        self._minute = (0, 0)
        planting.plant(self.organisation, seed)

    def saved(self) -> Json:
        """The organisation; the keys are always the same."""
        return {"organisation": self.organisation.saved()}

    def restore_own(self, saved: Json) -> None:
        """See `saved`."""
        self.organisation.restore(saved["organisation"])

    def described(self) -> Json:
        """The whole database, with what no answer shows: provider, ids, time of change."""
        visits = list(self.organisation.appointments.rows.values())
        return {
            "objects": {
                "appointments": visits,
                "participants": [person for visit in visits for person in visit["participants"]],
                "contacts": list(self.organisation.contacts.rows.values()),
                "providers": list(self.organisation.providers.rows.values()),
                "divisions": list(self.organisation.divisions.values()),
            },
            "custom_fields": self.organisation.custom_fields,
            "webhook": self.organisation.webhook,
            "credentials": {"keys": {actor: key for key, actor in KEYS.items()}},
            "counters": {
                "calls_this_minute": self._minute[1],
                "mails": len(self.organisation.outbox.sent),
            },
        }

    def readings(self) -> dict[str, Reading]:
        """GET /_sandbox/mails."""
        return {"mails": lambda _: self.organisation.outbox.sent}

    def commands(self) -> dict[str, Command]:
        """POST /_sandbox/webhook, /_sandbox/token, /_sandbox/leave and /_sandbox/fill."""
        return {
            "webhook": self._webhook,
            "token": _token,
            "leave": self._leave,
            "fill": self._fill,
        }

    def _fill(self, body: Json) -> Json:
        """Take `rows` of a `kind` by id, unchecked and told to nobody: of any size."""
        only(body, "kind", "rows")
        kind, rows = need(body, "kind"), need(body, "rows")
        tables = {
            "appointments": self.organisation.appointments,
            "contacts": self.organisation.contacts,
        }
        with self.lock:
            tables[kind].fill(rows)
            for row in rows.values() if kind == "appointments" else ():
                for one in row["participants"]:
                    self.organisation.holders[one["id"]] = row["id"]
        return {"filled": len(rows)}

    def _leave(self, body: Json) -> Json:
        """Have a visit hold `values` unchecked: what its own pages may leave there is unknown."""
        only(body, "id", "values")
        with self.lock:
            row = self.organisation.appointments.rows[str(need(body, "id"))]
            row.update(need(body, "values"))
            self.organisation.save(row)
            self.organisation.announce("appointment_updated", row["id"], "staff")
        return {"left": sorted(body["values"])}

    def _webhook(self, body: Json) -> Json:
        """Registered by OnCall's staff (O39); {"remove": true} takes it away."""
        only(body, "callback_url", "basic", "remove")
        basic = body.get("basic")
        if basic is not None and not (isinstance(basic, list) and len(basic) == 2):
            raise ControlError("basic is [user, password]")
        with self.lock:
            if body.get("remove"):
                self.organisation.webhook = None
                return {"verified": False, "detail": "removed"}
            self.organisation.webhook = {"callback_url": need(body, "callback_url"), "basic": basic}
        return {"verified": True, "detail": ""}


def shaped(shape: str, refusal: Refusal) -> Response:
    """Give a refusal the chosen one of the five forms of errors (O6)."""
    body = refusal.body
    lines = _lines(body)
    if shape == "html":
        page = f"<html><body><h1>Error</h1><p>{html.escape('; '.join(lines))}</p></body></html>"
        return Response(page, refusal.status, refusal.headers, content_type="text/html")
    shapes = {
        "field": body,
        "detail": {"detail": "; ".join(lines)},
        "error": {"error": "; ".join(lines)},
        "list": lines,
    }
    return json_answer(shapes[shape], refusal.status, refusal.headers)


def _lines(body: Json) -> list[str]:
    lines: list[str] = []
    for name, messages in body.items():
        if name == "detail":
            lines.append(str(messages))
        else:
            lines.extend(f"{name}: {message}" for message in messages)
    return lines


def _token(body: Json) -> Json:
    only(body, "actor")
    for key, actor in KEYS.items():
        if actor == need(body, "actor"):
            return {"actor": actor, "key": key}
    raise ControlError(f"actor is one of: {', '.join(KEYS.values())}")
