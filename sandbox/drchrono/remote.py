"""Route a request to DrChrono's endpoint, and check its token and scopes.

D… are facts of docs/api-facts.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, RequestRedirect, Rule

from sandbox.answers import Call, Json, Refusal
from sandbox.drchrono import commands, patients, settings
from sandbox.drchrono import seed as planting
from sandbox.drchrono.access import accounts, framing
from sandbox.drchrono.access.oauth import Grants, allows
from sandbox.drchrono.calendar import appointments, bulk
from sandbox.drchrono.hooks import RETRY_HOURS
from sandbox.drchrono.limits import Limits, throttled
from sandbox.drchrono.practice import KINDS, Practice
from sandbox.drchrono.switches import SWITCHES
from sandbox.remote import Command, Remote

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Request, Response

    from sandbox.clock import Clock
    from sandbox.world import Seed

READ = ("GET", "HEAD")


@dataclass(frozen=True)
class Endpoint:
    """What answers a path, its methods, and the scopes that it requires (D70)."""

    run: Callable[..., Response]
    methods: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    kind: str | None = None


CALENDAR = ("calendar", "clinical")
PROFILES = ("calendar", "settings")
FIELDS = ("clinical", "settings")
DEMOGRAPHICS = ("patients", "settings")
LIST, EVERY = ("GET", "POST"), ("GET", "PUT", "PATCH", "DELETE")
NO_DELETE = ("GET", "PUT", "PATCH")
COLLECTION, SINGLE = settings.collection, settings.single

# The paths' "Supported requests" and "Required scopes" (D70). No trailing slash.
PATHS: dict[str, Endpoint] = {
    "/api/appointments": Endpoint(appointments.collection, LIST, CALENDAR),
    "/api/appointments/<appointment_id>": Endpoint(appointments.single, EVERY, CALENDAR),
    "/api/recurring_appointment_instances": Endpoint(appointments.instances, ("GET",), CALENDAR),
    "/api/patients": Endpoint(patients.collection, LIST, ("patients",)),
    "/api/patients/<patient_id>": Endpoint(patients.single, EVERY, ("patients",)),
    "/api/doctors": Endpoint(COLLECTION, ("GET",), ("user",), "doctors"),
    "/api/doctors/<row_id>": Endpoint(settings.doctor, ("GET", "PATCH"), ("user",)),
    "/api/offices": Endpoint(COLLECTION, ("GET",), ("user",), "offices"),
    "/api/offices/<row_id>": Endpoint(SINGLE, ("GET",), ("user",), "offices"),
    "/api/users": Endpoint(COLLECTION, ("GET",), (), "users"),
    "/api/users/current": Endpoint(settings.current_user, ("GET",)),
    "/api/users/<row_id>": Endpoint(SINGLE, ("GET",), (), "users"),
    "/api/appointment_profiles": Endpoint(COLLECTION, LIST, PROFILES, "appointment_profiles"),
    "/api/appointment_profiles/<row_id>": Endpoint(SINGLE, EVERY, PROFILES, "appointment_profiles"),
    "/api/custom_appointment_fields": Endpoint(
        COLLECTION, LIST, FIELDS, "custom_appointment_fields"
    ),
    "/api/custom_appointment_fields/<row_id>": Endpoint(
        SINGLE, NO_DELETE, FIELDS, "custom_appointment_fields"
    ),
    "/api/custom_demographics": Endpoint(COLLECTION, LIST, DEMOGRAPHICS, "custom_demographics"),
    "/api/custom_demographics/<row_id>": Endpoint(
        SINGLE, NO_DELETE, DEMOGRAPHICS, "custom_demographics"
    ),
    "/api/iframe_integration": Endpoint(framing.asked, ("POST", "DELETE")),
    "/api/iframe_integration/<doctor_id>": Endpoint(framing.switched, ("POST", "DELETE")),
    "/api/telehealth_appointments": Endpoint(settings.telehealth, ("GET",), CALENDAR),
    "/api/appointments_list": Endpoint(bulk.answer, LIST, CALENDAR, "appointments_list"),
    "/api/patients_list": Endpoint(bulk.answer, LIST, ("patients",), "patients_list"),
}
# These POSTs only order a list; patients_list asks for patients:read alone (D55).
READING_POSTS = ("/api/appointments_list", "/api/patients_list")


class DrChrono(Remote):
    """The DrChrono of one practice group and one API application."""

    name = "drchrono"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, SWITCHES, RETRY_HOURS)
        self.practice = Practice(clock, self.behaviours, self.courier)
        self.stranger = accounts.stranger_of(self.practice)
        self.grants = Grants(clock, self.behaviours)
        self.limits = Limits(clock, self.behaviours)
        self._oauth = {
            "/o/authorize/": (("GET", "POST"), self.grants.authorize),
            "/o/token/": (("POST",), self.grants.token),
            "/o/revoke_token/": (("POST",), self.grants.revoke),
        }
        self._map = Map(
            [
                # All methods are routed, so that 405 can be answered in JSON.
                Rule(path, endpoint=path, strict_slashes=True)
                for path in PATHS
            ]
        )

    def actor_of(self, request: Request) -> str:
        """By the token; /o/authorize/ is pressed by a person."""
        if request.path.startswith("/o/authorize") or framing.PAGE.fullmatch(request.path):
            return "staff"
        return self.grants.actor(request.headers.get("Authorization"))

    def check_limits(self, call: Call) -> None:
        """Only the application's calls of the API count, not those of DrChrono's own pages."""
        if call.actor == "app" and call.request.path.startswith("/api/"):
            self.limits.count()

    def answer(self, call: Call) -> Response:
        """Route, authenticate, check the scopes, run."""
        path = call.request.path
        if path in self._oauth:
            methods, run = self._oauth[path]
            _check_method(call.request.method, methods)
            return run(call)
        if framing.PAGE.fullmatch(path):
            return framing.page(self.practice, call)
        adapter = self._map.bind_to_environ(call.request.environ)
        try:
            pattern, arguments = adapter.match()
        except (RequestRedirect, HTTPException) as error:
            raise Refusal(404, {"detail": "Not found."}) from error
        return self._run(PATHS[pattern], pattern, call, arguments)

    def _run(self, endpoint: Endpoint, pattern: str, call: Call, arguments: Any) -> Response:
        token = self.grants.holder(call.request.headers.get("Authorization"))
        if token is None:
            challenge = {"WWW-Authenticate": 'Bearer realm="api"'}
            detail = "Authentication credentials were not provided or are invalid."
            raise Refusal(401, {"detail": detail}, challenge)
        method = call.request.method
        _check_method(method, endpoint.methods)
        right = "read" if method in READ or pattern in READING_POSTS else "write"
        if not allows(token, endpoint.scopes, right):
            call = self._denied(call, listing=method in READ and "<" not in pattern)
        if token.account == "weak" and "calendar" in endpoint.scopes:
            call = self._denied(call, listing=method in READ and "<" not in pattern)
        kind = {"kind": endpoint.kind} if endpoint.kind else {}
        practice = accounts.seen_by(self.practice, self.stranger, token, method)
        return endpoint.run(practice, call, **kind, **arguments)

    def _denied(self, call: Call, *, listing: bool) -> Call:
        """Answer a missing scope: 403, or an empty list by switch (D21)."""
        if listing and self.behaviours.word("missing_scope") == "empty":
            return Call(call.request, call.actor, call.stale, denied=True)
        detail = "You do not have permission to perform this action."
        raise Refusal(403, {"detail": detail})

    def throttled(self, seconds: float) -> Json:
        """The body of a 429 (D11)."""
        return throttled(seconds)

    def empty_list(self) -> Json:
        """A list without entries (D6)."""
        return {"previous": None, self.behaviours.word("envelope"): [], "next": None}

    def plant(self, seed: Seed, *, keep_webhooks: bool) -> None:
        """A new practice; nobody is connected to it."""
        webhook = self.practice.webhook if keep_webhooks else None
        self.practice.clear()
        self.practice.webhook = webhook
        self.grants.clear()
        self.limits.clear()
        planting.plant(self.practice, seed)

    def saved(self) -> Json:
        """The practice, its tokens and how many calls this hour saw."""
        return {
            "practice": self.practice.saved(),
            "tokens": self.grants.described()["tokens"],
            "hour": self.limits.hour,
            "used": self.limits.used,
        }

    def restore_own(self, saved: Json) -> None:
        """See `saved`."""
        self.practice.restore(saved["practice"])
        self.grants.restore(saved["tokens"])
        self.limits.restore(saved["hour"], saved["used"])

    def described(self) -> Json:
        """The whole database, with the keys that no answer shows."""
        return {
            "objects": {kind: list(self.practice.tables[kind].rows.values()) for kind in KINDS},
            "practice_group": self.practice.practice_group,
            "custom_statuses": list(self.practice.custom_statuses),
            "webhook": self.practice.webhook,
            "credentials": self.grants.described(),
            "counters": {"calls_this_hour": self.limits.used},
        }

    def commands(self) -> dict[str, Command]:
        """See `sandbox.drchrono.commands`."""
        return commands.table(self.practice, self.grants, self.lock)


def _check_method(method: str, allowed: tuple[str, ...]) -> None:
    if method not in allowed and not (method == "HEAD" and "GET" in allowed):
        detail = f'Method "{method}" not allowed.'
        raise Refusal(405, {"detail": detail}, {"Allow": ", ".join(allowed)})
